package report

import (
	"cmp"
	"maps"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// LeastAvailability is asked of every steady state that does not say: a system
// that fails more than one request in a hundred is not well, however quick its
// answers are.
const LeastAvailability = 0.99

const (
	// second is the width of the windows in which the steady state is judged
	// after a fault.
	second = time.Second
	// cutShort is how long before the end of the load that stops. Requests that
	// were due later and wait in line are dropped because the load ends, and
	// nobody knows how they would have fared.
	cutShort = time.Second
)

func orDefault(o journal.Objective) journal.Objective {
	o.Availability = cmp.Or(o.Availability, LeastAvailability)
	return o
}

// measure judges an objective on a sum of intervals.
func measure(o journal.Objective, sum *seatrial.Interval) []Check {
	var checks []Check
	if o.Availability > 0 {
		checks = append(checks, availability(o.Availability, sum))
	}
	for _, b := range o.Latency.Bounds() {
		checks = append(checks, latency(b, sum))
	}
	return checks
}

func availability(least float64, sum *seatrial.Interval) Check {
	c := Check{Name: "availability", Load: sum.Load, Objective: least}
	if sum.Planned > 0 {
		share := ratio(sum.Succeeded, sum.Planned)
		c.Measured, c.Pass = share, *share >= least
	}
	return c
}

// latency counts dropped requests as slower than every bound. Samples within
// the error of the histogram count as keeping the bound, and what is measured
// never contradicts the verdict.
func latency(b journal.Bound, sum *seatrial.Interval) Check {
	c := Check{Name: "latency." + b.Name, Load: sum.Load, Objective: b.Limit.Seconds()}
	answered := journal.Count(sum.Latency)
	rank := journal.Rank(b.Quantile, answered+sum.Dropped)
	if rank == 0 || rank > answered {
		return c
	}
	c.Pass = answered-journal.CountAbove(sum.Latency, b.Limit) >= rank
	at := journal.AtRank(sum.Latency, rank)
	if c.Pass {
		at = min(at, b.Limit)
	}
	measured := at.Seconds()
	c.Measured = &measured
	return c
}

// RecoveredSince is the earliest time, not before since, from which the
// objective held in every whole second until a second before the end of what is
// known; false where it does not hold then, or no whole second is known.
func (w *Window) RecoveredSince(o seatrial.Objective, since time.Duration) (time.Duration, bool) {
	at := w.recovered(orDefault(journal.ObjectiveOf(o)), since)
	if at == nil {
		return 0, false
	}
	return *at, true
}

// recovered is the earliest time since which every second until shortly before
// the end kept the objective, see [cutShort]; nil where there is none. Seconds
// begin at each interval, so they overlap; a second in which nothing was due
// says nothing.
func (w *Window) recovered(o journal.Objective, since time.Duration) *time.Duration {
	end := w.end() - cutShort
	var good *time.Duration
	sums := map[string]*ring{}
	for _, load := range w.loads() {
		sums[load] = w.ring(load, o, since)
	}
	for start := range w.between(since, end-second+1) {
		ok := true
		for r := range maps.Values(sums) {
			ok = r.holds(start) && ok
		}
		if !ok {
			good = nil
		} else if good == nil {
			good = &start
		}
	}
	return good
}

// ring judges one load second by second with sums that it updates as the
// second moves on, instead of merging ten histograms for each.
type ring struct {
	o      journal.Objective
	bounds []journal.Bound
	points []point
	first  int // of the points in the second
	next   int // after the last
	now    point
}

// point is what one interval adds to the judgement of a second.
type point struct {
	start                                 time.Duration
	planned, succeeded, dropped, answered int64
	above                                 [6]int64 // by bound, see [journal.Latency.Bounds]
}

func (w *Window) ring(load string, o journal.Objective, since time.Duration) *ring {
	r := &ring{o: o, bounds: o.Latency.Bounds()}
	for start, s := range w.between(since, forever) {
		iv := s[load]
		if iv == nil {
			continue
		}
		p := point{start: start, planned: iv.Planned, succeeded: iv.Succeeded, dropped: iv.Dropped,
			answered: iv.latency.count()}
		for i, b := range r.bounds {
			p.above[i] = iv.latency.above(b.Limit)
		}
		r.points = append(r.points, p)
	}
	return r
}

// holds says whether the second that begins at start kept the objective; it is
// asked in ascending order.
func (r *ring) holds(start time.Duration) bool {
	for ; r.next < len(r.points) && r.points[r.next].start < start+second; r.next++ {
		r.now.add(r.points[r.next], 1)
	}
	for ; r.first < r.next && r.points[r.first].start < start; r.first++ {
		r.now.add(r.points[r.first], -1)
	}
	if r.now.planned == 0 {
		return true
	}
	if *ratio(r.now.succeeded, r.now.planned) < r.o.Availability {
		return false
	}
	for i, b := range r.bounds {
		rank := journal.Rank(b.Quantile, r.now.answered+r.now.dropped)
		if rank == 0 || r.now.answered-r.now.above[i] < rank {
			return false
		}
	}
	return true
}

func (p *point) add(q point, sign int64) {
	p.planned += sign * q.planned
	p.succeeded += sign * q.succeeded
	p.dropped += sign * q.dropped
	p.answered += sign * q.answered
	for i := range p.above {
		p.above[i] += sign * q.above[i]
	}
}
