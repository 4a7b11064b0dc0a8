package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

const (
	agentName       = "simulator"
	agentsNamespace = "seatrial-agents"
	// flushEvery is how often records reach the sink, as from real agents.
	flushEvery = time.Second
	// grace is how long after the end what was due before it may be sent.
	grace = 200 * time.Millisecond
)

// stream is one load.
type stream struct {
	network  *Network
	attack   *Attack
	load     seatrial.LoadPlan
	plan     plan.Plan
	deal     plan.Deal
	node     *world.Node
	recorder *tally.Recorder
	gate     *gate // nil for a load without bounds
	users    []*user
	start    time.Duration // of the attack, on the clock
	end      time.Duration // requests due at or after it are not planned, since the start
	cut      bool          // nobody may send any more
	inFlight int
	over     bool
}

func (n *Network) stream(a *Attack, p seatrial.LoadPlan) (*stream, error) {
	p.Load = plan.Fill(p.Load)
	p.Hurt = cmp.Or(p.Hurt, plan.DefaultHurt)
	if err := plan.Check(p.Load); err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, err, "correct the load")
	}
	if p.HTTP2 != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("load %q speaks HTTP/2, which the simulator does not model", p.Name),
			"run it on kind (--on kind), or take http2 out of the load")
	}
	s := &stream{network: n, attack: a, load: p, plan: plan.New(p.Load), deal: plan.NewDeal(p), recorder: tally.New(p), end: p.Duration}
	s.gate = newGate(s, p.Load)
	if s.node = n.gateway(); s.node == nil {
		return nil, errors.New("the cluster has no node for the load agents")
	}
	for id := range p.Users {
		u, err := newUser(id, s)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", p.Name, err)
		}
		s.users = append(s.users, u)
	}
	return s, nil
}

// begin lets every user wait for its first request.
func (s *stream) begin(at time.Duration) {
	s.start = at
	for _, u := range s.users {
		u.send()
	}
	s.network.clock.At(at+s.end+grace, s, uint64(s.end))
}

// Fire is the end of the sending, unless that has been moved.
func (s *stream) Fire(end uint64) {
	if s.cut || time.Duration(end) != s.end {
		return
	}
	s.cut = true
	s.dropLine()
	for _, u := range s.users {
		u.dropRest()
	}
	s.through()
}

// dropLine counts what is still at the gate.
func (s *stream) dropLine() {
	if s.gate == nil {
		return
	}
	for _, i := range s.gate.plan.Drain() {
		s.recorder.Dropped(s.plan.User(i), s.plan.Due(i))
	}
}

// stop ends the sending now.
func (s *stream) stop() {
	now := s.network.clock.Now()
	if s.cut || now-s.start >= s.end {
		return
	}
	s.end = max(0, now-s.start)
	s.network.clock.At(now+grace, s, uint64(s.end))
}

// through looks whether the last answer is in.
func (s *stream) through() {
	if s.cut && s.inFlight == 0 && !s.over {
		s.over = true
		s.attack.flush()
		s.network.clock.Changed()
	}
}

// Attack is the load of one trial. It implements [seatrial.Attack].
type Attack struct {
	network *Network
	streams []*stream
	sink    seatrial.Sink
	started bool
}

// Attack makes the users of the loads; nothing is sent yet.
func (n *Network) Attack(loads []seatrial.LoadPlan, sink seatrial.Sink) (*Attack, error) {
	a := &Attack{network: n, sink: sink}
	for _, l := range loads {
		s, err := n.stream(a, l)
		if err != nil {
			return nil, fmt.Errorf("preparing the load: %w", err)
		}
		a.streams = append(a.streams, s)
	}
	return a, nil
}

// Start lets the first request be due at the given time.
func (a *Attack) Start(_ context.Context, at time.Duration) error {
	if a.started {
		return errors.New("this attack has begun")
	}
	a.started = true
	for _, s := range a.streams {
		s.begin(at)
	}
	a.network.clock.At(at+flushEvery, a, 0)
	if f := a.network.front; f != nil {
		return f.begin(a.sink, a.over)
	}
	return nil
}

// Fire hands over what was counted in the last second.
func (a *Attack) Fire(uint64) {
	a.flush()
	if !a.over() {
		a.network.clock.After(flushEvery, a, 0)
	}
}

func (a *Attack) flush() {
	for _, s := range a.streams {
		for _, i := range s.recorder.Take() {
			i.Agent = agentName
			a.sink.Interval(i)
		}
	}
}

func (a *Attack) over() bool {
	for _, s := range a.streams {
		if !s.over {
			return false
		}
	}
	return true
}

// Stop ends the sending; what waits in line counts as dropped.
func (a *Attack) Stop(context.Context) error {
	for _, s := range a.streams {
		s.stop()
	}
	return nil
}

// Wait returns when the last answer is in.
func (a *Attack) Wait(ctx context.Context) error {
	if !a.started {
		return nil
	}
	return a.network.clock.Until(ctx, a.over)
}
