package report

import (
	"fmt"
	"strings"
)

// policies says whether clients did more than send and wait.
func (c Counts) policies() bool { return c.Retried+c.Hedged+c.Rejected > 0 }

// clientWords says what the clients' policies made of the load.
func clientWords(s *Summary) string {
	var phases []string
	for _, n := range namedPhases(s) {
		if n.Amplification != nil {
			phases = append(phases, amplification(n.Part)+" "+n.Name)
		}
	}
	l := s.Load
	return fmt.Sprintf("attempts a request: %s; %s, %s, %s not sent (breaker or limit)", strings.Join(phases, ", "),
		counted(l.Retried, "retry", "retries"), plural(l.Hedged, "hedge"), plural(l.Rejected, "request"))
}

// attemptWords counts requests that Go's client quietly sent again, as it does
// with a GET whose kept-alive connection turns out dead, and never with a POST.
func attemptWords(s *Summary) string {
	text := count(s.Load.Attempts) + " attempts"
	if s.Load.resent() == 0 {
		return text + ", none resent by Go"
	}
	text += ", " + count(s.Load.resent()) + " resent by Go"
	if len(s.Loads) < 2 {
		return text
	}
	var each []string
	for _, l := range s.Loads {
		each = append(each, l.Name+" "+count(l.Load.resent()))
	}
	return text + " (" + strings.Join(each, ", ") + ")"
}

// resent counts the attempts beyond the first of each request that no policy of
// the load asked for.
func (c Counts) resent() int64 {
	return max(0, c.Attempts-(c.Sent-c.Rejected)-c.Retried-c.Hedged)
}

// amplification is attempts a request, to a hundredth.
func amplification(p Part) string {
	if p.Amplification == nil {
		return none
	}
	return fmt.Sprintf("%.2f", *p.Amplification)
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
