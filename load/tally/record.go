// Package tally counts the requests of one load by intervals of due time: the
// agents' real ones and the simulator's alike, so that both mean the same.
//
//	r := tally.New(plan)
//	r.Answered(tally.Sample{User: 3, Due: 15 * time.Millisecond, Latency: 4 * time.Millisecond, Attempts: 1})
//	intervals := r.Take() // one, of [0, 100 ms)
package tally

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// LateAfter is the delay from which a request counts as late, where the
// generator itself added it, and as held, where a bound of its load did.
const LateAfter = 10 * time.Millisecond

// Sample is one request that its client took up.
type Sample struct {
	User     int
	Due      time.Duration // since the attack's start
	Latency  time.Duration // from due to the end of the answer
	Service  time.Duration // from the send to the same
	Lag      time.Duration // that the generator itself added before the send
	Pooled   time.Duration // that it waited for a place in the pool
	Capped   time.Duration // that the bound of catching up held it
	Attempts int64
	Retried  int64  // attempts that a retry of the client began
	Hedged   int64  // attempts that were hedges
	Rejected bool   // the client did not send it
	Class    string // of the failure; empty for a success
	Pod      string // that says it answered; may be empty
	Lookups  []Lookup
	Attached bool // the user's connection is new and leads to that pod
}

// Lookup is one of the names that a request's connections were dialled to.
type Lookup struct {
	Took   time.Duration // until it ended, or was given up
	Failed bool          // no address came of it
}

// Recorder sums up one load by intervals of due time. It holds only what was
// not taken yet, so its size does not grow with the attack. One lock is shared
// by all users: it is held for some 0.15 µs a request (BenchmarkRecorder).
type Recorder struct {
	load string
	hurt time.Duration

	mu    sync.Mutex
	cells map[time.Duration]*cell // by the start of the interval
}

// cell is an interval in the making.
type cell struct {
	seatrial.Interval
	hurtUsers map[int]struct{}
}

// New is a recorder of a load.
func New(p seatrial.LoadPlan) *Recorder {
	return &Recorder{load: p.Name, hurt: p.Hurt, cells: map[time.Duration]*cell{}}
}

// Answered counts a request that its client took up, whatever came of it.
func (r *Recorder) Answered(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.cell(s.Due)
	c.Planned++
	c.Sent++
	c.Attempts += s.Attempts
	c.Retried += s.Retried
	c.Hedged += s.Hedged
	if s.Rejected {
		c.Rejected++
	}
	journal.Record(c.Latency, s.Latency)
	journal.Record(c.Service, s.Service)
	if s.Class == "" {
		c.Succeeded++
	} else {
		c.Failed++
		c.Errors[s.Class]++
	}
	if s.Class != "" || s.Latency > r.hurt {
		c.markHurt(s.User)
	}
	if s.Lag > LateAfter {
		c.Late++
	}
	if s.Pooled > LateAfter {
		c.PoolWaited++
	}
	if s.Capped > LateAfter {
		c.CatchUpLimited++
	}
	c.MaxLag = max(c.MaxLag, seatrial.InSeconds(s.Lag))
	c.lookUp(s.Lookups)
	if s.Pod != "" {
		c.Pods[s.Pod]++
	}
	if s.Attached {
		c.Attached[s.User] = s.Pod
	}
}

// Dropped counts a request that was due and never sent.
func (r *Recorder) Dropped(user int, due time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.cell(due)
	c.Planned++
	c.Dropped++
	c.markHurt(user)
}

func (c *cell) lookUp(lookups []Lookup) {
	if len(lookups) > 0 && c.Lookups == nil {
		c.Lookups = seatrial.Buckets{}
	}
	for _, l := range lookups {
		journal.Record(c.Lookups, l.Took)
		if l.Failed {
			c.LookupsFailed++
		}
	}
}

func (c *cell) markHurt(user int) {
	c.Hurt++
	c.hurtUsers[user] = struct{}{}
}

// cell finds the interval that due lies in.
func (r *Recorder) cell(due time.Duration) *cell {
	due = due.Truncate(seatrial.Width)
	c, ok := r.cells[due]
	if !ok {
		c = &cell{hurtUsers: map[int]struct{}{}, Interval: seatrial.Interval{
			Load: r.load, Due: due,
			Latency: seatrial.Buckets{}, Service: seatrial.Buckets{},
			Errors: map[string]int64{}, Pods: map[string]int64{}, Attached: map[int]string{},
		}}
		r.cells[due] = c
	}
	return c
}

// Take returns what was counted since the last call, sorted by due time.
func (r *Recorder) Take() []seatrial.Interval {
	r.mu.Lock()
	cells := r.cells
	r.cells = map[time.Duration]*cell{}
	r.mu.Unlock()
	var intervals []seatrial.Interval
	for _, due := range slices.Sorted(maps.Keys(cells)) {
		c := cells[due]
		if len(c.hurtUsers) > 0 {
			c.HurtUsers = slices.Sorted(maps.Keys(c.hurtUsers))
		}
		intervals = append(intervals, c.Interval)
	}
	return intervals
}
