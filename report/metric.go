package report

import (
	"github.com/seatrial/seatrial"
)

// metricOf reads a metric from a trial; false where the trial has none. A
// value can be a lower bound.
func metricOf(m seatrial.Metric, s *Summary) (v MetricValue, ok bool) {
	v.Seed = s.Seed
	felt := s.Part // by users: in the fault phase, where there is one
	if s.Phases.Fault != nil {
		felt = s.Phases.Fault.Part
	}
	value := (*float64)(nil)
	switch m {
	case seatrial.RequestsHurt:
		value = ratio(felt.Load.Hurt, felt.Load.Planned)
	case seatrial.UsersHurt:
		value = s.Impact.UsersHurt
	case seatrial.Availability:
		value = s.Availability
	case seatrial.FaultP99: // who was never answered waited longer than anyone
		value, v.AtLeast = (*float64)(felt.Latency.P99), 100*felt.Load.Dropped > felt.Load.Planned
	case seatrial.FaultMax:
		value, v.AtLeast = (*float64)(felt.Latency.Max), felt.Load.Dropped > 0
	case seatrial.TimeToRecover:
		value, v.AtLeast = recoverTime(s)
	case seatrial.UnavailableSeconds:
		value = &s.Impact.UnavailableSeconds
	}
	if value == nil {
		return v, false
	}
	v.Value = *value
	return v, true
}

// recoverTime of a steady state that did not come back is at least the time
// that was waited for it; where that was too short to see, there is none.
func recoverTime(s *Summary) (value *float64, atLeast bool) {
	if s.Impact.TimeToRecover != nil {
		return (*float64)(s.Impact.TimeToRecover), false
	}
	r := s.Phases.Recovery
	if s.Phases.Fault == nil || r == nil || r.To-r.From < seatrial.Seconds(second.Seconds()) {
		return nil, false
	}
	return ptr(float64(r.To - r.From)), true
}

// metricName is a metric for people.
func metricName(m seatrial.Metric) string {
	switch m {
	case seatrial.RequestsHurt:
		return "requests hurt"
	case seatrial.UsersHurt:
		return "users hurt"
	case seatrial.Availability:
		return "availability"
	case seatrial.FaultP99:
		return "p99 in the fault"
	case seatrial.FaultMax:
		return "longest in the fault"
	case seatrial.TimeToRecover:
		return "time to recover"
	case seatrial.UnavailableSeconds:
		return "time unavailable"
	}
	return string(m)
}

// metricWords is a metric in a sentence.
func metricWords(m seatrial.Metric) string {
	switch m {
	case seatrial.RequestsHurt:
		return "the share of requests hurt in the fault phase"
	case seatrial.UsersHurt:
		return "the share of users hurt in the fault phase"
	case seatrial.FaultP99:
		return "the 99th percentile of latency in the fault phase"
	case seatrial.FaultMax:
		return "the longest wait in the fault phase"
	case seatrial.UnavailableSeconds:
		return "the time in which availability was below the steady state's"
	}
	return metricName(m)
}

// metricValue shows a value.
func metricValue(m seatrial.Metric, v *float64) string {
	switch {
	case v == nil:
		return none
	case m.Share():
		return percent(*v)
	}
	return seconds(seatrial.Seconds(*v))
}

// metricStep shows a difference; one of shares is in percentage points.
func metricStep(m seatrial.Metric, v float64) string {
	text, sign := "", ""
	switch {
	case v > 0:
		sign = "+"
	case v < 0:
		sign = "−"
	}
	if m.Share() {
		text = points(max(v, -v))
	} else {
		text = seconds(seatrial.Seconds(max(v, -v)))
	}
	return sign + text
}

// points has three digits, and never rounds a difference away.
func points(share float64) string {
	if p := share * 100; p == 0 || p >= 0.005 {
		return significant(p) + " pp"
	}
	return "<0.01 pp"
}
