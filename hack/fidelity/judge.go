package main

import (
	"math"
	"slices"

	"github.com/seatrial/seatrial/report"
)

const (
	// mostRelative is how far the simulated median may be from the real one,
	// as a share of the latter.
	mostRelative = 0.15
	// mostTime is how far in seconds a time may be off besides: what a real
	// trial of the same scenario differs by from one to the next where probes,
	// agents and clocks run on their own phases.
	mostTime = 0.2
)

// compared are the figures that the comparison is about. Availability is left
// out: that of a whole trial says more about its length than about its fault.
var compared = []string{"requests_hurt", "fault_p50", "fault_p99", "fault_max", "time_to_detect", "time_to_recover", "unavailable_seconds"}

// row is one figure of one variant on both.
type row struct {
	scenario, variant string
	figure            report.Figure
	real, sim         report.Sample
}

// rows lists the figures of a variant.
func rows(scenario string, real, sim report.Spread) []row {
	var list []row
	for _, f := range report.Figures() {
		if slices.Contains(compared, f.Name) {
			list = append(list, row{scenario, real.Variant, f, real.Figures[f.Name], sim.Figures[f.Name]})
		}
	}
	return list
}

// typical is the median where the figure happened in at least half of the
// trials; nil where it mostly never did.
func typical(s report.Sample) *float64 {
	if s.Never > s.N {
		return nil
	}
	return s.Median
}

// known says whether both have a valid trial at all.
func (r row) known() bool { return r.real.N+r.real.Never > 0 && r.sim.N+r.sim.Never > 0 }

// difference is simulated minus real, in the figure's unit and as a share of
// the real. Both are infinite where one happened and the other did not, and
// zero where neither did.
func (r row) difference() (absolute, relative float64) {
	real, sim := typical(r.real), typical(r.sim)
	switch {
	case real == nil && sim == nil:
		return 0, 0
	case real == nil:
		return math.Inf(-1), math.Inf(-1) // never is later than any time
	case sim == nil:
		return math.Inf(1), math.Inf(1)
	}
	absolute = *sim - *real
	if absolute == 0 {
		return 0, 0
	}
	return absolute, absolute / math.Abs(*real) // infinite where the real one is zero
}

// close says whether the simulated median is near enough to the real one.
func (r row) close() bool {
	if !r.known() {
		return false
	}
	absolute, relative := r.difference()
	return math.Abs(relative) <= mostRelative || r.figure.Unit == report.Time && math.Abs(absolute) <= mostTime
}

// inBand says whether the real median lies in the simulator's 5-95 % band. A
// figure that mostly never happened on either counts as in it.
func (r row) inBand() bool {
	real := typical(r.real)
	if !r.known() {
		return false
	}
	if real == nil || typical(r.sim) == nil {
		return real == nil && typical(r.sim) == nil
	}
	return *real >= *r.sim.P5 && *real <= *r.sim.P95
}
