package network

import (
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

// gate lets a load's requests through as [plan.Gate] says.
type gate struct {
	stream  *stream
	plan    *plan.Gate
	line    map[int64]sender // who waits, by the request's number
	letting bool             // let is at work
	turn    uint64           // of the timer
}

// sender is a worker of a user that has a request to send.
type sender interface {
	// pass begins with it.
	pass(p plan.Pass)
}

// newGate is the gate of a load; nil for one without bounds.
func newGate(s *stream, l seatrial.Load) *gate {
	p := plan.NewGate(l, 0, 1)
	if p == nil {
		return nil
	}
	return &gate{stream: s, plan: p, line: map[int64]sender{}}
}

func (g *gate) now() time.Duration { return g.stream.network.clock.Now() - g.stream.start }

func (g *gate) enter(number int64, s sender) {
	g.line[number] = s
	g.plan.Wait(number, g.now())
	g.let()
}

func (g *gate) leave() {
	g.plan.Leave(g.now())
	g.let()
}

// Fire: catching up may allow the next.
func (g *gate) Fire(turn uint64) {
	if turn == g.turn {
		g.let()
	}
}

// let lets through whoever may pass now, and sets the timer for the next. One
// that its client rejects at once leaves in the midst of it.
func (g *gate) let() {
	if g.letting || g.stream.cut {
		return
	}
	g.letting = true
	defer func() { g.letting = false }()
	for {
		pass, ok, again := g.plan.Next(g.now())
		if !ok {
			if g.turn++; again > 0 {
				g.stream.network.clock.At(g.stream.start+again, g, g.turn)
			}
			return
		}
		s := g.line[pass.Number]
		delete(g.line, pass.Number)
		g.stream.inFlight++
		s.pass(pass)
	}
}
