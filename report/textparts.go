package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
)

// pairs prints what has a label, and nothing where there is nothing.
func (p *printer) pairs(all []pair) {
	for _, a := range all {
		p.wrap("  ", "    ", a.Label+": "+a.Value)
	}
	if len(all) > 0 {
		p.line("")
	}
}

func (p *printer) exposure(s *Summary) {
	if len(s.Exposure) == 0 {
		return
	}
	rows := [][]string{{"users by pod", "node", "", "users", "hurt"}}
	for _, e := range s.Exposure {
		mark := ""
		if e.Hit {
			mark = "hit"
		}
		rows = append(rows, []string{e.Pod, orNone(e.Node), mark, count(int64(e.Users)), count(int64(e.UsersHurt))})
	}
	p.table(rows, 3)
	p.line("")
}

func (p *printer) slo(s *Summary) {
	if s.alone() {
		return
	}
	if len(s.SLO) == 0 {
		p.line("  SLO: none was set\n")
		return
	}
	for _, c := range s.SLO {
		mark, word, code := "✓", "met", green
		if !c.Pass {
			mark, word, code = "✗", "missed", red
		}
		line := fmt.Sprintf("%-7s load %s: %s is %s, objective %s", word, c.Load, checkName(c), measuredWords(c), objectiveWords(c))
		p.line("  %s %s", p.paint(code, mark), plain(line))
	}
	p.line("")
}

func checkName(c Check) string { return strings.TrimPrefix(c.Name, "latency.") }

func measuredWords(c Check) string {
	switch {
	case c.Measured == nil:
		return "not measurable"
	case c.Name == "availability":
		return percent(*c.Measured)
	}
	return seconds(seatrial.Seconds(*c.Measured))
}

func objectiveWords(c Check) string {
	if c.Name == "availability" {
		return "≥ " + percent(c.Objective)
	}
	return "≤ " + seconds(seatrial.Seconds(c.Objective))
}

func (p *printer) trust(s *Summary) {
	l := s.Load
	p.wrap("  ", "    ", fmt.Sprintf("load: %s planned, %s sent, %s dropped, %s late; %s; largest lag of the generator %s",
		count(l.Planned), count(l.Sent), count(l.Dropped), count(l.Late), attemptWords(s), maybeSeconds(s.MaxLag)))
	if l.policies() {
		p.wrap("  ", "    ", "client: "+clientWords(s))
	}
	for _, b := range bounds(s) {
		p.wrap("  ", "    ", strings.ToLower(b.Label[:1])+b.Label[1:]+": "+b.Value)
	}
	if len(s.Errors) > 0 {
		p.wrap("  ", "    ", "errors: "+errorWords(s.Errors))
	}
	for _, a := range s.Agents {
		p.wrap("  ", "    ", "agent "+a.Name+": "+agentWords(a))
	}
	if !s.alone() {
		p.wrap("  ", "    ", "unavailable: "+unavailableWords(s))
	}
	if s.Front != nil {
		p.wrap("  ", "    ", "front: "+frontWords(s))
	}
	for _, c := range settings(s.Clusters) {
		p.wrap("  ", "    ", strings.ToLower(c.Label[:1])+c.Label[1:]+": "+c.Value)
	}
}

// unavailableWords tells the time for which users were down, by load where there
// are several.
func unavailableWords(s *Summary) string {
	text := fmt.Sprintf("%g s in which availability was below the steady state's", s.Impact.UnavailableSeconds)
	var loads []string
	for _, l := range s.Impact.UnavailableByLoad {
		loads = append(loads, fmt.Sprintf("%s %g s", l.Load, l.Seconds))
	}
	if len(loads) > 0 {
		text += "; by load: " + strings.Join(loads, ", ")
	}
	return text
}

// frontWords tells what the front is, and what it found out when.
func frontWords(s *Summary) string {
	parts := []string{s.Front.Is}
	for _, c := range s.Front.Found {
		parts = append(parts, fmt.Sprintf("at %s cluster %s: %s", seconds(c.At), c.Cluster, c.Message))
	}
	return strings.Join(parts, "; ")
}

func errorWords(errors map[string]int64) string {
	var list []string
	for _, class := range slices.Sorted(maps.Keys(errors)) {
		list = append(list, class+" "+count(errors[class]))
	}
	return strings.Join(list, ", ")
}

func agentWords(a Agent) string {
	text := "CPU not reported"
	if a.Cores > 0 && a.Wall > 0 {
		text = fmt.Sprintf("used %s of %s", percent(a.Busy()), plural(int64(a.Cores), "core"))
	}
	if a.ClockOffset != 0 || a.OffsetBound != 0 { // else it is the site's own
		text += fmt.Sprintf("; clock off by %s ± %s", seconds(a.ClockOffset), seconds(a.OffsetBound))
	}
	if a.Lost != "" {
		text += "; lost: " + a.Lost
	}
	return text
}
