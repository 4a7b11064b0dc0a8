package load

import (
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

// gate lets requests through as [plan.Gate] says: that decides, this waits.
type gate struct {
	mu    sync.Mutex
	plan  *plan.Gate
	start time.Time
	timer *time.Timer              // for when catching up allows the next
	line  map[int64]chan plan.Pass // who waits, by number
}

// newGate is the gate of a load; nil for one without bounds.
func newGate(l seatrial.Load, index, agents int) *gate {
	p := plan.NewGate(l, index, agents)
	if p == nil {
		return nil
	}
	return &gate{plan: p, line: map[int64]chan plan.Pass{}}
}

// open is called once, before anybody comes.
func (g *gate) open(start time.Time) {
	g.start = start
	g.timer = time.AfterFunc(time.Hour, g.wake)
	g.timer.Stop()
}

// close is called once nobody is left.
func (g *gate) close() { g.timer.Stop() }

// enter waits until request i may be sent; false when cut is closed first.
func (g *gate) enter(i int64, cut <-chan struct{}) (plan.Pass, bool) {
	through := make(chan plan.Pass, 1)
	g.mu.Lock()
	now := time.Since(g.start)
	g.line[i] = through
	g.plan.Wait(i, now)
	g.let(now)
	g.mu.Unlock()
	select {
	case pass := <-through:
		return pass, true
	case <-cut:
		return plan.Pass{}, false
	}
}

// leave says that a request is over.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Since(g.start)
	g.plan.Leave(now)
	g.let(now)
}

// wake lets through whom the timer was set for.
func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.let(time.Since(g.start))
}

// let lets through whoever may pass now, and sets the timer for the next; the
// caller holds the lock.
func (g *gate) let(now time.Duration) {
	for {
		pass, ok, again := g.plan.Next(now)
		if !ok {
			if again > 0 {
				g.timer.Reset(again - now)
			}
			return
		}
		g.line[pass.Number] <- pass
		delete(g.line, pass.Number)
	}
}

// pass takes a request through the gate of its load, if that has one; false
// when the sending ends first.
func (u *user) pass(x *exchange) bool {
	g := u.stream.gate
	if g == nil {
		return true
	}
	pass, ok := g.enter(x.number, u.stream.cut)
	x.pass, x.sent = pass, time.Now()
	return ok
}

func (u *user) leave() {
	if g := u.stream.gate; g != nil {
		g.leave()
	}
}
