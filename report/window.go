package report

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// Window is the load of a trial by due time, and answers for any part of it.
// It needs memory for each 100 ms, not for each request. It is for one
// goroutine at a time.
type Window struct {
	slots  map[time.Duration]slot
	starts []time.Duration // keys of slots, in order unless stale
	stale  bool
	names  []string // of the loads, in order
	// Histograms are summed in these, again and again.
	latency, service, lookups adder
}

// slot is what was due in 100 ms, by load.
type slot map[string]*due

// due is the sum of intervals of one load, see [add]. Its histograms are packed:
// the Interval's own are nil.
type due struct {
	seatrial.Interval
	latency, service, lookups packed
}

// whole is the interval with its histograms.
func (d *due) whole() *seatrial.Interval {
	iv := d.Interval
	iv.Latency, iv.Service, iv.Lookups = d.latency.buckets(), d.service.buckets(), d.lookups.buckets()
	return &iv
}

// forever is later than every interval, see [journal.Span].
const forever = time.Duration(math.MaxInt64)

// NewWindow returns a window without load.
func NewWindow() *Window { return &Window{slots: map[time.Duration]slot{}} }

// Add adds an interval that begins at the given time, on whatever clock the
// caller asks by later. Intervals come in any order, and those of many agents
// add up.
func (w *Window) Add(at time.Duration, iv seatrial.Interval) {
	s, ok := w.slots[at]
	if !ok {
		s = slot{}
		w.slots[at] = s
		w.stale = w.stale || len(w.starts) > 0 && at < w.starts[len(w.starts)-1]
		w.starts = append(w.starts, at)
	}
	d := s[iv.Load]
	if d == nil {
		d = &due{Interval: seatrial.Interval{Load: iv.Load}}
		s[iv.Load] = d
		if i, known := slices.BinarySearch(w.names, iv.Load); !known {
			w.names = slices.Insert(w.names, i, iv.Load)
		}
	}
	d.latency.add(iv.Latency)
	d.service.add(iv.Service)
	d.lookups.add(iv.Lookups)
	iv.Latency, iv.Service, iv.Lookups = nil, nil, nil
	add(&d.Interval, &iv)
	d.HurtUsers = append(d.HurtUsers, iv.HurtUsers...)
	if d.Attached == nil && len(iv.Attached) > 0 {
		d.Attached = map[int]string{}
	}
	maps.Copy(d.Attached, iv.Attached)
}

// add sums what can be summed of src into dst: who was hurt or attached is asked of
// intervals alone, where users are a list with repetitions.
func add(dst, src *seatrial.Interval) {
	dst.Planned += src.Planned
	dst.Sent += src.Sent
	dst.Succeeded += src.Succeeded
	dst.Failed += src.Failed
	dst.Dropped += src.Dropped
	dst.Attempts += src.Attempts
	dst.Retried += src.Retried
	dst.Hedged += src.Hedged
	dst.Rejected += src.Rejected
	dst.Late += src.Late
	dst.Hurt += src.Hurt
	dst.PoolWaited += src.PoolWaited
	dst.CatchUpLimited += src.CatchUpLimited
	dst.Latency = merged(dst.Latency, src.Latency)
	dst.Service = merged(dst.Service, src.Service)
	dst.Lookups = merged(dst.Lookups, src.Lookups)
	dst.LookupsFailed += src.LookupsFailed
	dst.Errors = merged(dst.Errors, src.Errors)
	dst.MaxLag = max(dst.MaxLag, src.MaxLag)
}

func merged[M ~map[K]int64, K comparable](dst, src M) M {
	if len(src) == 0 {
		return dst
	}
	if dst == nil {
		return maps.Clone(src)
	}
	for k, n := range src {
		dst[k] += n
	}
	return dst
}

// between yields the slots that begin in [from, to), in order.
func (w *Window) between(from, to time.Duration) iter.Seq2[time.Duration, slot] {
	if w.stale {
		slices.Sort(w.starts)
		w.stale = false
	}
	return func(yield func(time.Duration, slot) bool) {
		first, _ := slices.BinarySearch(w.starts, from)
		for _, start := range w.starts[first:] {
			if start >= to || !yield(start, w.slots[start]) {
				return
			}
		}
	}
}

// end is when the last interval ends; zero where nothing was due since zero.
func (w *Window) end() time.Duration {
	last := time.Duration(0)
	for start := range w.between(0, forever) {
		last = start + seatrial.Width
	}
	return last
}

// first is when the first interval begins; false where there is none.
func (w *Window) first() (time.Duration, bool) {
	for start := range w.between(-journal.Span, forever) {
		return start, true
	}
	return 0, false
}

// loads lists the names of the loads in order.
func (w *Window) loads() []string { return w.names }

// sum adds up one load, or all for an empty name, of the intervals that begin
// in [from, to).
func (w *Window) sum(load string, from, to time.Duration) *seatrial.Interval {
	total := &seatrial.Interval{Load: load}
	for _, s := range w.between(from, to) {
		for name, d := range s {
			if load == "" || name == load {
				add(total, &d.Interval)
				w.latency.add(d.latency)
				w.service.add(d.service)
				w.lookups.add(d.lookups)
			}
		}
	}
	total.Latency, total.Service, total.Lookups = w.latency.take(), w.service.take(), w.lookups.take()
	return total
}

// Planned counts the requests of a load that were due in [from, to) and are
// accounted for; those that still hang are not yet.
func (w *Window) Planned(load string, from, to time.Duration) int64 {
	planned := int64(0)
	for _, s := range w.between(from, to) {
		if iv := s[load]; iv != nil {
			planned += iv.Planned
		}
	}
	return planned
}

// Holds says whether the objective held, for each load on its own, over all
// that was due in [from, to); if not, why. Nothing due means that it did not
// hold: there is no evidence. An objective that asks for nothing stands for
// [LeastAvailability].
func (w *Window) Holds(o seatrial.Objective, from, to time.Duration) (bool, string) {
	return w.holds(orDefault(journal.ObjectiveOf(o)), from, to)
}

func (w *Window) holds(o journal.Objective, from, to time.Duration) (bool, string) {
	any := false
	for _, load := range w.loads() {
		sum := w.sum(load, from, to)
		if sum.Planned == 0 {
			continue
		}
		any = true
		for _, m := range measure(o, sum) {
			if !m.Pass {
				return false, fmt.Sprintf("load %s: %s", load, m.miss())
			}
		}
	}
	if !any {
		return false, fmt.Sprintf("nothing was due between %s and %s", clock(from), clock(to))
	}
	return true, ""
}
