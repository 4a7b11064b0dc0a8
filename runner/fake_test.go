package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// The fakes stand for a backend in the runner's own tests, on the virtual time
// of testing/synctest.

type fakeClock struct {
	start time.Time
}

func (c fakeClock) Now() time.Duration { return time.Since(c.start) }

func (c fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c fakeClock) Until(ctx context.Context, cond func() bool) error {
	for !cond() {
		if err := c.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (c fakeClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (c fakeClock) Go(ctx context.Context, _ string, f func(context.Context) error) seatrial.Task {
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	return fakeTask(done)
}

type fakeTask chan error

func (t fakeTask) Wait() error { return <-t }

// fakeCluster remembers what is in force.
type fakeCluster struct {
	mu       sync.Mutex
	inForce  map[string]bool
	log      []string
	act      error         // what Act fails with, after it took effect
	prove    error         // what Prove fails with
	reverts  []error       // what the next reverts fail with
	slowness time.Duration // of Act
}

func (c *fakeCluster) say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *fakeCluster) Ref() seatrial.Ref {
	return seatrial.Ref{Backend: "fake", Name: "fake", UID: "1"}
}
func (c *fakeCluster) Apply(context.Context, []byte) error { c.say("apply"); return nil }
func (c *fakeCluster) Settle(context.Context) error        { return nil }
func (c *fakeCluster) Reset(context.Context) error         { c.say("reset"); return nil }
func (c *fakeCluster) Nodes(context.Context) ([]seatrial.Node, error) {
	return []seatrial.Node{{Name: "w1", Ready: true}}, nil
}
func (c *fakeCluster) Pods(context.Context, seatrial.Selector) ([]seatrial.Pod, error) {
	return nil, nil
}
func (c *fakeCluster) Supports(a seatrial.Action) error {
	if _, ok := a.(seatrial.DeletePod); ok {
		return errors.New("the fake has no pods")
	}
	return nil
}
func (c *fakeCluster) Observe(context.Context, seatrial.Action) (seatrial.Prior, error) {
	return seatrial.Prior(`{"was":"running"}`), nil
}

func (c *fakeCluster) Act(ctx context.Context, a seatrial.Action) error {
	time.Sleep(c.slowness)
	c.mu.Lock()
	c.inForce[a.Target()] = true
	c.mu.Unlock()
	c.say("act %s", a.Target())
	return c.act
}

func (c *fakeCluster) Prove(context.Context, seatrial.Action) (seatrial.Proof, error) {
	return seatrial.Proof{Method: "asked the fake"}, c.prove
}

func (c *fakeCluster) Revert(_ context.Context, a seatrial.Action, p seatrial.Prior) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reverts) > 0 {
		err := c.reverts[0]
		c.reverts = c.reverts[1:]
		if err != nil {
			return err
		}
	}
	delete(c.inForce, a.Target())
	c.log = append(c.log, fmt.Sprintf("revert %s to %s", a.Target(), p))
	return nil
}

// fakeSite sends a load that is healthy unless sick says otherwise.
type fakeSite struct {
	clock   fakeClock
	cluster *fakeCluster
	sick    func(due time.Duration) bool // since the attack's start
}

func (s *fakeSite) Clock() seatrial.Clock                    { return s.clock }
func (s *fakeSite) Cluster(string) (seatrial.Cluster, error) { return s.cluster, nil }
func (s *fakeSite) Close() error                             { return nil }
func (s *fakeSite) Prepare(_ context.Context, _ []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	return &fakeAttack{site: s, sink: sink, stop: make(chan struct{}), done: make(chan struct{})}, nil
}

type fakeAttack struct {
	site       *fakeSite
	sink       seatrial.Sink
	stop, done chan struct{}
	started    bool
}

func (a *fakeAttack) Start(_ context.Context, at time.Duration) error {
	a.started = true
	go func() {
		defer close(a.done)
		time.Sleep(at - a.site.clock.Now())
		for due := time.Duration(0); ; due += seatrial.Width {
			select {
			case <-a.stop:
				return
			case <-time.After(seatrial.Width):
			}
			i := seatrial.Interval{Load: "l", Agent: "a", Due: due, Planned: 10, Sent: 10, Attempts: 10,
				Latency: seatrial.Buckets{}, Service: seatrial.Buckets{}}
			for range 10 {
				journal.Record(i.Latency, time.Millisecond)
				journal.Record(i.Service, time.Millisecond)
			}
			if a.site.sick(due) {
				i.Failed, i.Hurt = 10, 10
			} else {
				i.Succeeded = 10
			}
			a.sink.Interval(i)
		}
	}()
	return nil
}

func (a *fakeAttack) Stop(context.Context) error {
	close(a.stop)
	return nil
}

func (a *fakeAttack) Wait(context.Context) error {
	if a.started {
		<-a.done
	}
	return nil
}
