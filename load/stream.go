package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

// stream is one load of an engine: its users, and the sums of what they saw.
type stream struct {
	load     seatrial.LoadPlan
	plan     plan.Plan
	deal     plan.Deal
	targets  []*target
	recorder *tally.Recorder
	gate     *gate // nil for a load without bounds
	users    []*user
	halt     *halt
	cut      chan struct{} // closed when nobody may send any more

	start time.Time // set by run
}

func newStream(p seatrial.LoadPlan, index, agents int, h *halt) (*stream, error) {
	s := &stream{
		load:     p,
		plan:     plan.New(p.Load),
		deal:     plan.NewDeal(p),
		recorder: tally.New(p),
		halt:     h,
		cut:      make(chan struct{}),
		gate:     newGate(p.Load, index, agents),
	}
	for _, t := range p.Requests() {
		made, err := newTarget(t)
		if err != nil {
			return nil, fmt.Errorf("load %q: %w", p.Name, err)
		}
		s.targets = append(s.targets, made)
	}
	for _, id := range s.plan.Share(index, agents) {
		s.users = append(s.users, newUser(id, s))
	}
	return s, nil
}

// run returns when every planned request was answered, failed or dropped.
func (s *stream) run(ctx context.Context, start time.Time) {
	s.start = start
	if s.gate != nil {
		s.gate.open(start)
	}
	var users sync.WaitGroup
	for _, u := range s.users {
		users.Go(func() { u.run(ctx) })
	}
	through := make(chan struct{})
	go func() { users.Wait(); close(through) }()
	s.awaitEnd(ctx, through)
	close(s.cut)
	for _, u := range s.users {
		u.attacker.Stop()
	}
	<-through
	if s.gate != nil {
		s.gate.close()
	}
}

// awaitEnd returns a grace after the last moment at which a request can be
// due, when all users are through, or when ctx ends.
func (s *stream) awaitEnd(ctx context.Context, through <-chan struct{}) {
	timer := time.NewTimer(time.Until(s.start.Add(s.load.Duration + Grace)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-through:
		return
	case <-ctx.Done():
		return
	case <-s.halt.done:
		timer.Reset(Grace)
	}
	select {
	case <-timer.C:
	case <-through:
	case <-ctx.Done():
	}
}

// end is when the sending ends, as far as is known now: requests that are due
// at or after it are not planned.
func (s *stream) end() time.Duration {
	select {
	case <-s.halt.done:
		return min(s.load.Duration, s.halt.at.Sub(s.start))
	default:
		return s.load.Duration
	}
}

// target is the first request of this load, for Vegeta, which does not say which
// one it asks for: [user.RoundTrip] puts another in its place.
func (s *stream) target() vegeta.Targeter {
	return func(t *vegeta.Target) error {
		*t = s.targets[0].sent
		return nil
	}
}
