package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
)

// sentence says what users felt.
func sentence(s *Summary) string {
	if s.Verdict == seatrial.Invalid {
		return "This " + whatRan(s) + " proves nothing. " + felt(s)
	}
	return felt(s)
}

// whatRan is what a reader calls it.
func whatRan(s *Summary) string {
	if s.alone() {
		return "load"
	}
	return "trial"
}

func felt(s *Summary) string {
	if s.Load.Planned == 0 {
		return "No request was due, so nobody felt anything."
	}
	if s.Phases.Fault == nil {
		return calm(s)
	}
	var b strings.Builder
	fault, word := s.Phases.Fault, faultWord(s)
	length := seconds(fault.To - fault.From)
	switch {
	case s.Impact.RequestsHurt == nil:
		fmt.Fprintf(&b, "No request was due in the %s of the %s", length, word)
	case fault.Load.Hurt == 0:
		fmt.Fprintf(&b, "In the %s of the %s no request was hurt", length, word)
	default:
		fmt.Fprintf(&b, "In the %s of the %s, %s of the requests %s and %s of the users felt it",
			length, word, percent(*s.Impact.RequestsHurt), hurtBy(s, fault.Part), maybePercent(s.Impact.UsersHurt))
	}
	if longest := fault.Latency.Max; longest != nil {
		fmt.Fprintf(&b, "; the longest wait was %s", seconds(*longest))
	}
	b.WriteString(". ")
	if struck := struckWords(s.Faults); struck != "" {
		fmt.Fprintf(&b, "%s struck %s. ", pronoun(s), struck)
	}
	b.WriteString(afterwards(s) + recovery(s) + unfinished(s))
	return b.String()
}

// eventWords are the faults that a reader has another word for.
var eventWords = map[string]string{
	"podDelete": "deletion", "rollingUpdate": "rollout", "drain": "drain", "scaleIn": "scale-in", "nodeUpgrade": "upgrade",
}

// faultWord is what happened, in a word.
func faultWord(s *Summary) string {
	word := "fault"
	if len(s.Faults) > 0 {
		if own, ok := eventWords[s.Faults[0].Kind]; ok {
			word = own
		}
	}
	for _, f := range s.Faults {
		if f.Kind != s.Faults[0].Kind {
			word = "fault"
		}
	}
	if len(s.Faults) > 1 {
		word += "s"
	}
	return word
}

func pronoun(s *Summary) string {
	if len(s.Faults) > 1 {
		return "They"
	}
	return "It"
}

// hurtBy says in which of the two ways requests were hurt.
func hurtBy(s *Summary, p Part) string {
	bad := p.Load.Failed + p.Load.Dropped
	switch {
	case bad == 0:
		return tooSlow(s)
	case bad == p.Load.Hurt:
		return "failed (" + mostly(p) + ")"
	}
	return fmt.Sprintf("were hurt (%s failed: %s; the others %s)", percent(float64(bad)/float64(p.Load.Planned)), mostly(p), tooSlow(s))
}

func tooSlow(s *Summary) string {
	if s.Hurt == 0 {
		return "were too slow"
	}
	return "took longer than " + seconds(s.Hurt)
}

// mostly is why most requests failed.
func mostly(p Part) string {
	most, times := "never sent", p.Load.Dropped
	for _, class := range slices.Sorted(maps.Keys(p.Errors)) {
		if n := p.Errors[class]; n > times {
			most, times = class, n
		}
	}
	if times < p.Load.Failed+p.Load.Dropped {
		return "mostly " + most
	}
	return most
}

func hurtMeans(s *Summary) string {
	if s.Hurt == 0 {
		return "failed or too slow"
	}
	return "failed, or took longer than " + seconds(s.Hurt)
}

// afterwards is what was hurt once the faults were gone.
func afterwards(s *Summary) string {
	if s.Phases.Recovery == nil || s.Phases.Recovery.Load.Hurt == 0 {
		return ""
	}
	return "Afterwards " + plural(s.Phases.Recovery.Load.Hurt, "request") + " " + hurtBy(s, s.Phases.Recovery.Part) + ". "
}

func recovery(s *Summary) string {
	word, r := faultWord(s), s.Impact.TimeToRecover
	switch {
	case s.Phases.Recovery == nil:
		return "Not every fault was reverted before the end."
	case r == nil && s.Phases.Recovery.To-s.Phases.Recovery.From < seatrial.Seconds(second.Seconds()):
		return "Whether the steady state came back was not seen."
	case r == nil:
		return "The steady state did not come back" + goodputLeft(s) + "."
	case *r == 0:
		return "The steady state was back as soon as the " + word + " ended."
	default:
		return fmt.Sprintf("The steady state was back %s after the %s ended.", seconds(*r), word)
	}
}

// unfinished names upgrades that stopped half-way.
func unfinished(s *Summary) string {
	text := ""
	for _, u := range s.Workload.Upgrades {
		if u.Replaced < u.Nodes {
			text += fmt.Sprintf(" Only %d of %s were upgraded.", u.Replaced, plural(int64(u.Nodes), "node"))
		}
	}
	return text
}

// calm is the sentence of a trial without a fault.
func calm(s *Summary) string {
	if s.Latency.P99 == nil {
		return fmt.Sprintf("No fault was injected, and none of %s was sent.", plural(s.Load.Planned, "request"))
	}
	figures := fmt.Sprintf("f %s, %s succeeded, and 99 %% were answered within %s.",
		plural(s.Load.Planned, "request"), maybePercent(s.Availability), seconds(*s.Latency.P99))
	if s.alone() {
		return "O" + figures
	}
	return "No fault was injected: o" + figures
}
