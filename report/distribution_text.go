package report

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial"
)

// mostUnexpected is how many unexpected trials a report names; distribution.json
// names them all.
const mostUnexpected = 5

// Text writes the distribution for a terminal. runFolder is where the folders
// of the trials lie.
func (d *Distribution) Text(w io.Writer, runFolder string, style Style) error {
	p := &printer{style: style}
	for i := range d.Variants {
		p.spread(d, &d.Variants[i], runFolder)
	}
	_, err := w.Write(p.Bytes())
	return err
}

func (p *printer) spread(d *Distribution, v *Spread, runFolder string) {
	p.line("%s  on %s, %s", p.paint(bold, plain(d.Scenario+" / "+v.Variant)), plain(d.Backend), v.seeds())
	p.line("  %s", p.paint(v.color(), v.words()))
	p.line("")
	p.table(append([][]string{spreadHead()}, v.rows()...), 1)
	p.line("")
	for _, e := range v.ends() {
		p.wrap("  ", "    ", e.words+filepath.Join(runFolder, e.Folder))
	}
	for i, u := range v.Unexpected {
		if i == mostUnexpected {
			p.wrap("  ", "    ", fmt.Sprintf("… and %d more: see %s", len(v.Unexpected)-i, filepath.Join(runFolder, DistributionFile)))
			break
		}
		p.wrap("  ! ", "    ", u.words())
		p.line("    %s", plain(u.Command))
	}
	p.line("")
}

// Markdown writes the distribution as it suits a pull request.
func (d *Distribution) Markdown(w io.Writer) error {
	var b bytes.Buffer
	for i := range d.Variants {
		v := &d.Variants[i]
		fmt.Fprintf(&b, "### %s on %s, %s\n\n%s\n\n", markdown(d.Scenario+" / "+v.Variant), markdown(d.Backend), v.seeds(), v.words())
		fmt.Fprintf(&b, "| %s |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", strings.Join(spreadHead(), " | "))
		for _, row := range v.rows() {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
		b.WriteString("\n")
		unexpectedMarkdown(&b, v.Unexpected)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func unexpectedMarkdown(b *bytes.Buffer, all []Unexpected) {
	for i, u := range all {
		if i == mostUnexpected {
			fmt.Fprintf(b, "- … and %d more\n", len(all)-i)
			break
		}
		fmt.Fprintf(b, "- %s: `%s`\n", markdown(u.words()), strings.ReplaceAll(plain(u.Command), "`", "'"))
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
}

func spreadHead() []string {
	return []string{"", "n", "never", "median", "5 %", "95 %", "min", "max"}
}

// rows shows the figures of the valid trials; of what happens to workloads,
// only what did.
func (v *Spread) rows() [][]string {
	var rows [][]string
	felt := len(feltFigures())
	for i, f := range Figures() {
		s := v.Figures[f.Name]
		if i >= felt && s.N == 0 {
			continue
		}
		never := ""
		if s.Never > 0 {
			never = count(int64(s.Never))
		}
		rows = append(rows, []string{f.Words, count(int64(s.N)), never,
			f.Show(s.Median), f.Show(s.P5), f.Show(s.P95), f.Show(s.Min), f.Show(s.Max)})
	}
	return rows
}

func (v *Spread) seeds() string {
	if v.Seeds.First == v.Seeds.Last {
		return fmt.Sprintf("seed %d", v.Seeds.First)
	}
	return fmt.Sprintf("seeds %d to %d", v.Seeds.First, v.Seeds.Last)
}

// words counts the verdicts.
func (v *Spread) words() string {
	expected := "expected: " + string(v.Expect)
	return fmt.Sprintf("%s: %s pass, %s fail, %s invalid (%s)", plural(int64(v.Trials), "trial"),
		count(int64(v.Verdicts.Pass)), count(int64(v.Verdicts.Fail)), count(int64(v.Verdicts.Invalid)), expected)
}

func (v *Spread) color() string {
	switch {
	case len(v.Unexpected) > 0:
		return yellow
	case v.Expect == seatrial.Failed:
		return red
	}
	return green
}

// end is an extreme in words.
type end struct {
	*Extreme
	words string
}

func (v *Spread) ends() []end {
	var ends []end
	for _, e := range []end{{v.Worst, "worst"}, {v.Best, "best"}} {
		if e.Extreme != nil {
			e.words = fmt.Sprintf("%s: seed %d, %s available, %s of the requests hurt: ",
				e.words, e.Seed, maybePercent(e.Availability), maybePercent(e.RequestsHurt))
			ends = append(ends, e)
		}
	}
	return ends
}

func (u Unexpected) words() string {
	text := fmt.Sprintf("seed %d: %s", u.Seed, u.Verdict)
	if len(u.Reasons) > 0 {
		text += ", " + strings.Join(u.Reasons, "; ")
	}
	return text
}
