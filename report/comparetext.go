package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/seatrial/seatrial"
)

// ComparisonJSON writes the comparison as one line.
func ComparisonJSON(w io.Writer, c *Comparison) error { return encode(w, c, "") }

// ComparisonText writes the comparison for a terminal.
func ComparisonText(w io.Writer, c *Comparison, style Style) error {
	p := &printer{style: style}
	p.line("%s  %s", p.paint(bold, "COMPARISON"), plain(comparisonTitle(c)))
	p.wrap("  ", "  ", byWhat(c))
	p.line("")
	p.table(decisionRows(c), 2)
	p.line("")
	p.decisions(c)
	for i := range c.Versus {
		p.table(differenceRows(c, &c.Versus[i]), 1)
		p.line("")
	}
	p.table(verdictRows(c), 1)
	p.line("")
	p.since(c)
	p.comparisonNotes(c)
	_, err := w.Write(p.Bytes())
	return err
}

// decisionRows is the table that decides.
func decisionRows(c *Comparison) [][]string {
	rows := [][]string{{"variant", "", metricName(c.Metric), "difference", "interval", "p", "effect"}}
	for _, v := range c.Variants {
		if v.Variant == c.Baseline {
			rows = append(rows, []string{v.Variant, "baseline", metricValue(c.Metric, v.of(c.Metric).Median)})
		}
	}
	for i := range c.Versus {
		v := &c.Versus[i]
		d := v.Primary(c.Metric)
		word, _ := decisionTitle(v.Decision)
		row := []string{v.Variant, word, metricValue(c.Metric, d.Variant)}
		rows = append(rows, append(row, differenceCells(d, d.PAdjusted)...))
	}
	return rows
}

// differenceCells are difference, interval, p and effect.
func differenceCells(d *Difference, p *float64) []string {
	if d.Difference == nil {
		return []string{none, none, none, none}
	}
	if p == nil {
		p = &d.P
	}
	return []string{metricStep(d.Metric, *d.Difference), metricStep(d.Metric, *d.Low) + " … " + metricStep(d.Metric, *d.High),
		pNumber(*p), effectWords(d.CliffsDelta)}
}

// differenceRows are all the figures of a variant against the baseline's.
func differenceRows(c *Comparison, v *Versus) [][]string {
	rows := [][]string{{v.Variant, c.Baseline, v.Variant, "difference", "interval", "p", "effect"}}
	for i := range v.Differences {
		d := &v.Differences[i]
		row := []string{metricName(d.Metric), metricValue(d.Metric, d.Baseline), metricValue(d.Metric, d.Variant)}
		cells := differenceCells(d, nil)
		cells[3], _, _ = strings.Cut(cells[3], " ") // the size in words would be too wide
		rows = append(rows, append(row, cells...))
	}
	return rows
}

// verdictRows count verdicts, and the objectives that were met; a variant is a
// column, because the names of objectives are long.
func verdictRows(c *Comparison) [][]string {
	rows := [][]string{{"trials"}, {"passed"}, {"failed"}, {"invalid"}, {"expected verdict"}}
	for _, v := range c.Variants {
		for i, cell := range []string{v.Variant, count(int64(v.Passed)), count(int64(v.Failed)), count(int64(v.Invalid)), string(v.Expect)} {
			rows[i] = append(rows[i], cell)
		}
	}
	for _, o := range objectivesOf(c) {
		row := []string{o.words()}
		for i := range c.Variants {
			row = append(row, c.Variants[i].met(o))
		}
		rows = append(rows, row)
	}
	return rows
}

// objectivesOf lists the objectives of all variants; a variant may have its
// own.
func objectivesOf(c *Comparison) []ObjectiveCount {
	var list []ObjectiveCount
	seen := map[string]bool{}
	for _, v := range c.Variants {
		for _, o := range v.Objectives {
			if !seen[o.words()] {
				seen[o.words()] = true
				list = append(list, o)
			}
		}
	}
	return list
}

func (o ObjectiveCount) words() string {
	check := Check{Name: o.Name, Objective: o.Objective}
	return checkName(check) + " " + objectiveWords(check) + " of load " + o.Load
}

// met says in how many of how many trials the variant met an objective.
func (v *ComparedVariant) met(o ObjectiveCount) string {
	for _, own := range v.Objectives {
		if own.words() == o.words() {
			return fmt.Sprintf("%d of %d", own.Met, own.Trials)
		}
	}
	return none
}

func (p *printer) decisions(c *Comparison) {
	for _, v := range c.Versus {
		_, code := decisionTitle(v.Decision)
		p.wrap("  "+p.paint(code, decisionMark(v.Decision))+" ", "    ", v.Variant+": "+v.Words)
	}
	if len(c.Versus) > 0 {
		p.line("")
	}
}

func decisionMark(d Decision) string {
	switch d {
	case Better:
		return "✓"
	case Worse:
		return "✗"
	case Equivalent:
		return "="
	}
	return "?"
}

func (p *printer) since(c *Comparison) {
	if c.Since == nil {
		return
	}
	p.wrap("  ", "    ", "Since "+c.Since.File+":")
	for _, v := range c.Since.Variants {
		mark := "·"
		if v.Regressed {
			mark = p.paint(red, "✗")
		}
		p.wrap("  "+mark+" ", "    ", v.Variant+": "+v.Words)
	}
	for _, note := range sinceNotes(c) {
		p.wrap("  ! ", "    ", note)
	}
	p.line("")
}

func (p *printer) comparisonNotes(c *Comparison) {
	for _, l := range c.LeftOut {
		p.wrap("  - ", "    ", "left out, with its pair: "+leftOutWords(l))
	}
	for _, note := range lowerBounds(c) {
		p.wrap("  - ", "    ", note)
	}
	for _, setting := range comparedSettings(c) {
		p.wrap("  - ", "    ", setting.Label+": "+setting.Value)
	}
	for _, line := range how(c) {
		p.wrap("  ", "  ", line)
	}
	for _, warning := range c.Warnings {
		p.wrap("  ! ", "    ", "warning: "+warning)
	}
}

// lowerBounds says which figures are at least as large as shown.
func lowerBounds(c *Comparison) []string {
	var notes []string
	for _, v := range c.Variants {
		for _, f := range v.Figures {
			if f.AtLeast == 0 {
				continue
			}
			why := "requests were never answered"
			if f.Metric == seatrial.TimeToRecover {
				why = "the steady state did not come back"
			}
			notes = append(notes, fmt.Sprintf("%s: %s is a lower bound in %d of %s: %s", v.Variant, metricName(f.Metric),
				f.AtLeast, plural(int64(len(f.Values)), "trial"), why))
		}
	}
	return notes
}
