package seatrial

import (
	"fmt"
	"strings"
	"time"
)

// CompareSpec says by what figure variants are compared, and which difference
// of it is too small to matter.
type CompareSpec struct {
	// Metric decides; empty means [RequestsHurt].
	Metric Metric `yaml:"metric" enum:"requestsHurt,usersHurt,availability,faultP99,faultMax,timeToRecover,unavailableSeconds"`
	// Margin is the largest difference that does not matter. Zero means the
	// metric's own, see [Metric.Margin].
	Margin Margin `yaml:"margin"`
}

// Metric names one figure of a trial.
type Metric string

// The metrics. Those of the fault phase are of the whole trial where the
// scenario plans no fault.
const (
	// RequestsHurt is the share of the requests due in the fault phase that
	// failed or took longer than the scenario's hurt.
	RequestsHurt Metric = "requestsHurt"
	// UsersHurt is the share of users with at least one such request.
	UsersHurt Metric = "usersHurt"
	// Availability is the share of all planned requests that succeeded.
	Availability Metric = "availability"
	// FaultP99 is the 99th percentile of latency in the fault phase.
	FaultP99 Metric = "faultP99"
	// FaultMax is the longest latency in the fault phase.
	FaultMax Metric = "faultMax"
	// TimeToRecover runs from the last revert to the steady state.
	TimeToRecover Metric = "timeToRecover"
	// UnavailableSeconds is the time in which availability was below the steady
	// state's.
	UnavailableSeconds Metric = "unavailableSeconds"
)

// Metrics lists them in the order of reports.
func Metrics() []Metric {
	return []Metric{RequestsHurt, UsersHurt, Availability, FaultP99, FaultMax, TimeToRecover, UnavailableSeconds}
}

// Share says whether the metric is a ratio; the others are times.
func (m Metric) Share() bool {
	return m == RequestsHurt || m == UsersHurt || m == Availability
}

// MoreIsBetter is true for availability alone.
func (m Metric) MoreIsBetter() bool { return m == Availability }

// Margin is the difference that is taken for too small to matter unless the
// scenario says otherwise: about what a user would not notice. Shares are in
// points: 1 % is the step from 22 % to 23 %.
func (m Metric) Margin() Margin {
	switch m {
	case Availability:
		return Margin{Share: 0.001} // a tenth of what a 99 % objective allows
	case FaultP99:
		return Margin{Time: 100 * time.Millisecond} // Nielsen's limit of what feels instantaneous
	case FaultMax:
		return Margin{Time: 500 * time.Millisecond} // one request decides it, so chance does
	case TimeToRecover, UnavailableSeconds:
		return Margin{Time: time.Second} // both are told in seconds
	}
	return Margin{Share: 0.01}
}

// Margin is a share or a time. Its text form is a percentage or a duration:
// "1%" or "200ms".
type Margin struct {
	Share Ratio
	Time  time.Duration
}

// UnmarshalText reads "1%" or "200ms".
func (m *Margin) UnmarshalText(text []byte) error {
	if strings.HasSuffix(string(text), "%") {
		*m = Margin{}
		return m.Share.UnmarshalText(text)
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither a percentage nor a duration: write it such as 1%% or 200ms", text)
	}
	*m = Margin{Time: d}
	return nil
}

// String is the percentage or the duration.
func (m Margin) String() string {
	if m.Time != 0 {
		return m.Time.String()
	}
	return m.Share.String()
}

// MarshalText is the inverse of [Margin.UnmarshalText].
func (m Margin) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Value is the margin as a ratio or in seconds.
func (m Margin) Value() float64 {
	if m.Time != 0 {
		return m.Time.Seconds()
	}
	return float64(m.Share)
}
