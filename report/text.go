package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seatrial/seatrial"
)

// Style is how text may look. The zero value is plain text of 80 columns.
type Style struct {
	Color bool // ANSI colours; nothing is said by colour alone
}

// width is the longest line of text that this package breaks itself.
const width = 80

// Text writes the report of one trial for a terminal.
func Text(w io.Writer, s *Summary, style Style) error {
	p := &printer{style: style}
	p.verdict(s)
	p.timeline(s)
	p.phases(s)
	p.faults(s)
	p.pairs(workloadWords(s))
	p.exposure(s)
	p.slo(s)
	p.pairs(budgetWords(s))
	p.trust(s)
	for _, warning := range s.Warnings {
		p.wrap("  ! ", "    ", "warning: "+warning)
	}
	_, err := w.Write(p.Bytes())
	return err
}

// Overview writes one line for each of several trials.
func Overview(w io.Writer, all []*Summary, style Style) error {
	p := &printer{style: style}
	rows := [][]string{{"trial", "verdict", "expected", "hurt", "users", "longest", "recovered"}}
	for _, s := range all {
		rows = append(rows, []string{s.Scenario + " / " + s.Variant, string(s.Verdict), string(s.Expect),
			maybePercent(s.Impact.RequestsHurt), maybePercent(s.Impact.UsersHurt),
			maybeSeconds(s.Latency.Max), recoveredIn(s)})
	}
	p.table(rows, 1)
	_, err := w.Write(p.Bytes())
	return err
}

func recoveredIn(s *Summary) string {
	switch {
	case s.Phases.Fault == nil:
		return none
	case s.Impact.TimeToRecover == nil:
		return "never"
	case *s.Impact.TimeToRecover == 0:
		return "at once"
	}
	return seconds(*s.Impact.TimeToRecover)
}

// printer collects text.
type printer struct {
	bytes.Buffer
	style Style
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (p *printer) paint(code, text string) string {
	if !p.style.Color || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// wrap breaks text at spaces; a word that is longer than a line stays whole.
func (p *printer) wrap(first, rest, text string) {
	line, used := first, 0
	for _, word := range strings.Fields(plain(text)) {
		if used > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line, used = rest, 0
		}
		if used > 0 {
			line += " "
		}
		line += word
		used++
	}
	p.line("%s", line)
}

// plain removes control characters: names and messages come from files and
// clusters, and must not steer a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}

// table aligns rows: the first columns to the left, the others to the right.
func (p *printer) table(rows [][]string, left int) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := " "
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < left {
				line += " " + plain(cell) + pad + " "
			} else {
				line += " " + pad + plain(cell) + " "
			}
		}
		p.line("%s", strings.TrimRight(line, " "))
	}
}

func (p *printer) verdict(s *Summary) {
	word, code := verdictWord(s)
	p.line("%s  %s", p.paint(bold+";"+code, word), plain(title(s)))
	p.wrap("  ", "  ", s.Sentence)
	for _, r := range s.Reasons {
		p.wrap("  - ", "    ", r)
	}
	p.line("")
}

// title is what was tried, where, and with what seed.
func title(s *Summary) string {
	if s.alone() {
		return s.Description
	}
	return fmt.Sprintf("%s / %s  on %s, seed %d", orNone(s.Scenario), orNone(s.Variant), orNone(s.Backend), s.Seed)
}

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// verdictWord says also whether the verdict was predicted.
func verdictWord(s *Summary) (word, code string) {
	switch {
	case s.Verdict == seatrial.Invalid:
		return "INVALID", yellow
	case s.alone():
		return "DONE", green // nothing was promised that could have been kept
	case s.Verdict == seatrial.Failed && s.Expect == seatrial.Failed:
		return "FAIL (as expected)", red
	case s.Verdict == seatrial.Failed:
		return "FAIL", red
	case s.Expect == seatrial.Failed:
		return "PASS (but a miss was expected)", yellow
	}
	return "PASS", green
}

// timeline is missing from a summary that was read from a file.
func (p *printer) timeline(s *Summary) {
	for _, line := range s.timeline {
		p.line("  %s", plain(line))
	}
	if len(s.timeline) > 0 {
		p.line("")
	}
}

func (p *printer) phases(s *Summary) {
	rows := [][]string{{"", "requests", "failed", "hurt", "available", "p50", "p99", "p99.9", "max"}}
	for _, n := range namedPhases(s) {
		rows = append(rows, []string{n.Name, count(n.Load.Planned), count(n.Load.Failed + n.Load.Dropped),
			count(n.Load.Hurt), maybePercent(n.Availability), maybeSeconds(n.Latency.P50),
			maybeSeconds(n.Latency.P99), maybeSeconds(n.Latency.P999), maybeSeconds(n.Latency.Max)})
	}
	p.table(rows, 1)
	p.line("")
}

// namedPhases lists the phases that came, the whole, and, where there are
// several, the loads.
func namedPhases(s *Summary) []Named {
	var list []Named
	for _, n := range []struct {
		name  string
		phase *Phase
	}{{"before", s.Phases.Before}, {"fault", s.Phases.Fault}, {"recovery", s.Phases.Recovery}} {
		if n.phase != nil && !s.alone() {
			list = append(list, Named{n.name, n.phase.Part})
		}
	}
	list = append(list, Named{"all", s.Part})
	if len(s.Loads) > 1 {
		for _, l := range s.Loads {
			list = append(list, Named{"all " + l.Name, l.Part})
		}
	}
	return list
}

func (p *printer) faults(s *Summary) {
	for _, f := range s.Faults {
		p.wrap("  ", "    ", "fault "+f.Name+": "+faultWhat(f))
		p.wrap("    ", "      ", faultTimes(f))
		p.wrap("    ", "      ", proofWords(f))
	}
	if len(s.Faults) > 0 {
		p.wrap("    ", "      ", "detected: "+detectedWords(s))
		p.line("")
	}
}

func faultWhat(f Fault) string {
	if len(f.Targets) == 0 {
		return orNone(f.Kind)
	}
	return orNone(f.Kind) + " on " + strings.Join(f.Targets, ", ")
}

func faultTimes(f Fault) string {
	text := "planned " + maybeClock(f.PlannedAt) + ", injected " + maybeClock(f.InjectedAt)
	if f.InjectionError != nil {
		text += fmt.Sprintf(" (%+.1f ms)", float64(*f.InjectionError)*1e3)
	}
	return text + ", proven " + maybeClock(f.ProvenAt) + ", reverted " + maybeClock(f.RevertedAt)
}

func proofWords(f Fault) string {
	if f.Proof == nil {
		return "proof: none"
	}
	text := "proof: " + f.Proof.Method
	for _, e := range evidence(f) {
		text += "; " + e
	}
	return text
}

// evidence lists what a proof saw, in order.
func evidence(f Fault) []string {
	if f.Proof == nil {
		return nil
	}
	var list []string
	for what, seen := range f.Proof.Evidence {
		list = append(list, what+" = "+seen)
	}
	slices.Sort(list)
	return list
}

func detectedWords(s *Summary) string {
	if s.Impact.TimeToDetect == nil {
		return "never, Kubernetes did not react"
	}
	return seconds(*s.Impact.TimeToDetect) + " after the injection, by " + *s.Impact.DetectedBy
}
