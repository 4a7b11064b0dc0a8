package report

import (
	"slices"

	"github.com/seatrial/seatrial"
)

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
	Count Unit = "count"
)

// Show is a value of the figure for people.
func (f Figure) Show(value *float64) string {
	if value == nil {
		return none
	}
	switch f.Unit {
	case Share:
		return percent(*value)
	case Count:
		return significant(*value)
	case Time:
	}
	return seconds(seatrial.Seconds(*value))
}

// Figures lists them in the order in which reports show them: what users felt,
// then what happened to the workload.
func Figures() []Figure {
	return slices.Concat(feltFigures(), clientFigures(), budgetFigures(), workloadFigures())
}

// clientFigures are null where no client did more than send and wait.
func clientFigures() []Figure {
	return []Figure{
		{"amplification", "attempts a request", Count, func(s *Summary) *float64 {
			if !s.Load.policies() {
				return nil
			}
			return s.Amplification
		}},
		{"requests_rejected", "requests not sent", Count, func(s *Summary) *float64 { return happened(int(s.Load.Rejected)) }},
	}
}

func feltFigures() []Figure {
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

// budgetFigures are null where the SLO has no availability, or where nobody says
// how often the fault occurs.
func budgetFigures() []Figure {
	return []Figure{
		{"month_spent", "month's budget, once", Share, worstBudget(func(b *Budget) *float64 { return b.MonthSpent })},
		{"monthly_spent", "budget a month", Share, worstBudget(func(b *Budget) *float64 {
			if b.Monthly == nil {
				return nil
			}
			return &b.Monthly.Spent
		})},
	}
}

// worstBudget is the largest of all loads.
func worstBudget(of func(*Budget) *float64) func(*Summary) *float64 {
	return func(s *Summary) *float64 {
		var worst *float64
		for i := range s.Budget {
			if v := of(&s.Budget[i]); v != nil && (worst == nil || *v > *worst) {
				worst = v
			}
		}
		return worst
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

// workloadFigures are null where nothing of the kind happened: reports leave
// out those that never did, in any trial.
func workloadFigures() []Figure {
	of := func(read func(*Workload) *float64) func(*Summary) *float64 {
		return func(s *Summary) *float64 { return read(&s.Workload) }
	}
	return []Figure{
		{"ready_share", "fewest pods ready", Share, of((*Workload).readyShare)},
		{"pending_pod_seconds", "pod-seconds Pending", Time, of(func(w *Workload) *float64 { return w.PendingPodSeconds })},
		{"starting_pod_seconds", "pod-seconds starting", Time, of(func(w *Workload) *float64 { return w.StartingPodSeconds })},
		{"reschedule_max", "longest reschedule", Time, of((*Workload).longestReschedule)},
		{"pods_not_replaced", "pods not replaced", Count, of((*Workload).notReplaced)},
		{"evictions_refused", "evictions refused", Count, of(func(w *Workload) *float64 {
			return w.attempts(func(e *Evictions) int { return e.Refused })
		})},
		{"evictions_forced", "evictions forced", Count, of(func(w *Workload) *float64 {
			return w.attempts(func(e *Evictions) int { return e.Forced })
		})},
		{"nodes_lost", "nodes lost", Count, of(func(w *Workload) *float64 { return happened(len(w.NodesLost)) })},
		{"container_restarts", "container restarts", Count, of((*Workload).containerRestarts)},
		{"dns_failures", "DNS failures", Count, of((*Workload).dnsFailures)},
		{"goodput_kept", "goodput kept", Share, of((*Workload).goodputKept)},
	}
}

// readyShare is nil where no pod was to be ready.
func (w *Workload) readyShare() *float64 {
	if w.DesiredPods == nil {
		return nil
	}
	return ratio(int64(*w.LowestReadyPods), int64(*w.DesiredPods))
}

// longestReschedule is nil also where a lost pod was never replaced: it was
// missed for longer than anyone waited.
func (w *Workload) longestReschedule() *float64 {
	if w.Reschedule == nil || w.Reschedule.Replaced < w.Reschedule.Lost {
		return nil
	}
	return (*float64)(w.Reschedule.Max)
}

func (w *Workload) notReplaced() *float64 {
	if w.Reschedule == nil {
		return nil
	}
	return happened(w.Reschedule.Lost - w.Reschedule.Replaced)
}

func (w *Workload) attempts(of func(*Evictions) int) *float64 {
	if w.Evictions == nil {
		return nil
	}
	return happened(of(w.Evictions))
}

func (w *Workload) containerRestarts() *float64 {
	if w.ContainerRestarts == nil {
		return nil
	}
	return happened(*w.ContainerRestarts)
}

func (w *Workload) dnsFailures() *float64 {
	if w.DNSFailures == nil {
		return nil
	}
	return happened(int(*w.DNSFailures))
}

func (w *Workload) goodputKept() *float64 {
	if w.Goodput == nil {
		return nil
	}
	return w.Goodput.Kept
}

// happened is nil for none.
func happened(times int) *float64 {
	if times == 0 {
		return nil
	}
	return ptr(float64(times))
}
