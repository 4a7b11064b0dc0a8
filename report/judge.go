package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load/tally"
)

// What makes the generator, rather than the system, the bottleneck.
const (
	// MostLate is the largest share of sent requests that may leave more than
	// 10 ms late through the generator's own fault. Latency counts from the due
	// time, so a late one looks slower than it was, never quicker.
	MostLate = 0.05
	// SomeLate is the share from which the reader is warned: p99 may be the
	// generator's. Two busy cores shared with a cluster reach it.
	SomeLate = 0.01
	// MostPooled is the largest share of the requests due before the faults that
	// may have waited for the load's pool: beyond it the pool, not the system,
	// set the pace. What waits during a fault waits for the system.
	MostPooled = 0.5
	// MostBusy is the largest share of its cores that an agent may use: beyond
	// that, requests wait for the generator.
	MostBusy = 0.9
)

// judge sets verdict and reasons. Whatever proves nothing is invalid, however
// good it looks.
func (f *Fold) judge(s *Summary, h journal.Header, l life) {
	if why := f.invalid(s); len(why) > 0 {
		s.Verdict, s.Reasons = seatrial.Invalid, why
		return
	}
	if why := missed(s, h, l); len(why) > 0 {
		s.Verdict, s.Reasons = seatrial.Failed, why
		return
	}
	s.Verdict = seatrial.Pass
}

// invalid says why the trial proves nothing.
func (f *Fold) invalid(s *Summary) []string {
	why := f.incomplete()
	if s.Load.Planned == 0 {
		why = append(why, "no request was due in the trial")
	}
	for _, l := range s.Loads {
		if l.Load.Planned == 0 && s.Load.Planned > 0 {
			why = append(why, fmt.Sprintf("no request of load %s was due in the trial", l.Name))
		}
	}
	if f.header != nil && !s.alone() && !s.Steady.Held {
		why = append(why, "the steady state did not hold before the faults: "+s.Steady.Why)
	}
	for _, fault := range s.Faults {
		switch {
		case fault.InjectedAt == nil:
			why = append(why, fmt.Sprintf("fault %s was never injected", fault.Name))
		case fault.ProvenAt == nil:
			why = append(why, fmt.Sprintf("fault %s is not proven: nothing shows that it took effect", fault.Name))
		}
	}
	return distinct(append(why, saturated(s)...))
}

// distinct drops what was said before: runner and report see the same things.
func distinct(texts []string) []string {
	var kept []string
	for _, text := range texts {
		if !slices.Contains(kept, text) {
			kept = append(kept, text)
		}
	}
	return kept
}

// incomplete says what is missing from the journal, and what its last line
// says itself.
func (f *Fold) incomplete() []string {
	var why []string
	if f.header == nil {
		why = append(why, "the journal has no first line: the plan of the trial is unknown")
	}
	if f.spoilt > 0 {
		what := strings.Join(f.damage, "; ")
		if more := f.spoilt - len(f.damage); more > 0 {
			what += fmt.Sprintf("; and %d lines more", more)
		}
		why = append(why, "the journal is damaged: "+what)
	}
	if f.trailer == nil {
		return append(why, "the journal has no last line: the trial was cut short")
	}
	if f.trailer.Interrupted {
		why = append(why, "the trial was interrupted")
	}
	return append(why, f.trailer.Reasons...)
}

// Starved says that a trial is invalid since the machine left its generator too
// little: more than [MostLate] was sent late. On another day it may be valid.
func (s *Summary) Starved() bool {
	late := ratio(s.Load.Late, s.Load.Sent)
	return s.Verdict == seatrial.Invalid && late != nil && *late > MostLate
}

func saturated(s *Summary) []string {
	var why []string
	if late := ratio(s.Load.Late, s.Load.Sent); late != nil && *late > MostLate {
		why = append(why, fmt.Sprintf("the load generator was the bottleneck: it sent %s of the requests late (at most %s may be)",
			percent(*late), percent(MostLate)))
	}
	if n := s.Errors[tally.Ports]; n > 0 {
		why = append(why, fmt.Sprintf("the load generator was the bottleneck: it had no local port, or no file, left for %s",
			plural(n, "request")))
	}
	calm := s.Part
	if s.Phases.Before != nil {
		calm = s.Phases.Before.Part
	}
	if pooled := ratio(calm.Load.PoolWaited, calm.Load.Sent); pooled != nil && *pooled > MostPooled {
		why = append(why, fmt.Sprintf("the load generator was the bottleneck: without any fault %s of the requests waited for a place in its pool (inFlight; at most %s may)",
			percent(*pooled), percent(MostPooled)))
	}
	for _, a := range s.Agents {
		if a.Busy() > MostBusy {
			why = append(why, fmt.Sprintf("the load generator was the bottleneck: agent %s used %s of its cores (at most %s may be)",
				a.Name, percent(a.Busy()), percent(MostBusy)))
		}
		if a.Lost != "" {
			why = append(why, fmt.Sprintf("agent %s was lost: %s", a.Name, a.Lost))
		}
	}
	return why
}

// lagging warns of a generator that was late, yet not the bottleneck.
func lagging(s *Summary) []string {
	late := ratio(s.Load.Late, s.Load.Sent)
	if late == nil || *late <= SomeLate || *late > MostLate || s.MaxLag == nil {
		return nil
	}
	return []string{fmt.Sprintf("the load generator sent %s of the requests late, by %s at most: they count as slower than they were",
		percent(*late), seconds(*s.MaxLag))}
}

// missed says what users were promised and did not get.
func missed(s *Summary, h journal.Header, l life) []string {
	var why []string
	for _, c := range s.SLO {
		if !c.Pass {
			why = append(why, fmt.Sprintf("SLO missed, load %s: %s", c.Load, c.miss()))
		}
	}
	if l.injected == nil {
		return why
	}
	limit := h.Timeline.Trial + h.Timeline.Recovery
	recover := s.Impact.TimeToRecover
	switch {
	case l.reverted == nil:
		why = append(why, "a fault was not reverted before the end: nothing shows that the system recovers")
	case recover == nil:
		why = append(why, "the steady state did not come back after the faults")
	case seatrial.InSeconds(*l.reverted)+*recover > limit:
		why = append(why, fmt.Sprintf("the steady state came back only %s after the faults, later than the recovery time allows",
			seconds(*recover)))
	}
	return why
}

// miss says in words what was measured and what was asked for.
func (c Check) miss() string {
	name := strings.TrimPrefix(c.Name, "latency.")
	if c.Name == "availability" {
		if c.Measured == nil {
			return "nothing was due, so nothing was available"
		}
		return compared("availability", percent(*c.Measured), "below", percent(c.Objective))
	}
	if c.Measured == nil {
		return fmt.Sprintf("%s: too many requests were never answered", name)
	}
	return compared(name, seconds(seatrial.Seconds(*c.Measured)), "above", seconds(seatrial.Seconds(c.Objective)))
}

// compared does not claim that 99.5 % is below 99.5 %.
func compared(what, measured, relation, objective string) string {
	if measured == objective {
		relation = "just " + relation
	}
	return fmt.Sprintf("%s of %s is %s %s", what, measured, relation, objective)
}
