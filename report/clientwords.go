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
