package report

import "github.com/seatrial/seatrial"

// Figure is one number of a [Summary] that is worth looking at over many
// trials.
type Figure struct {
	Name  string // as in distribution.json
	Words string // for people
	Unit  Unit
	// Of reads it; nil where it never happened.
	Of func(*Summary) *float64
}

// Unit says what a figure counts.
type Unit string

// The units of figures.
const (
	Share Unit = "ratio"
	Time  Unit = "seconds"
)

// Show is a value of the figure for people.
func (f Figure) Show(value *float64) string {
	if value == nil {
		return none
	}
	if f.Unit == Share {
		return percent(*value)
	}
	return seconds(seatrial.Seconds(*value))
}

// Figures lists them in the order in which reports show them.
func Figures() []Figure {
	return []Figure{
		{"availability", "availability", Share, func(s *Summary) *float64 { return s.Availability }},
		{"requests_hurt", "requests hurt", Share, func(s *Summary) *float64 { return s.Impact.RequestsHurt }},
		{"users_hurt", "users hurt", Share, func(s *Summary) *float64 { return s.Impact.UsersHurt }},
		{"fault_p50", "p50 in the fault", Time, inFault(func(t Times) *seatrial.Seconds { return t.P50 })},
		{"fault_p99", "p99 in the fault", Time, inFault(func(t Times) *seatrial.Seconds { return t.P99 })},
		{"fault_max", "max in the fault", Time, inFault(func(t Times) *seatrial.Seconds { return t.Max })},
		{"time_to_detect", "time to detect", Time, func(s *Summary) *float64 { return (*float64)(s.Impact.TimeToDetect) }},
		{"time_to_recover", "time to recover", Time, func(s *Summary) *float64 { return (*float64)(s.Impact.TimeToRecover) }},
		{"unavailable_seconds", "unavailable", Time, func(s *Summary) *float64 { return &s.Impact.UnavailableSeconds }},
	}
}

func inFault(of func(Times) *seatrial.Seconds) func(*Summary) *float64 {
	return func(s *Summary) *float64 {
		if s.Phases.Fault == nil {
			return nil
		}
		return (*float64)(of(s.Phases.Fault.Latency))
	}
}
