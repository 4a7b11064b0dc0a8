package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/journal"
)

// The fakes stand for a simulator where what is tested is the command: a site
// whose time passes by being slept through, with one task at a time. What users
// feel in the fault follows from the seed alone.

type fakeSite struct {
	spec seatrial.Spec
	seed uint64
	now  time.Duration
}

// fakeSim is a simulator that fails for the seeds in broken.
func fakeSim(broken ...uint64) backend.Simulator {
	return func(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
		for _, b := range broken {
			if seed == b {
				return nil, fmt.Errorf("the model has no answer to seed %d", seed)
			}
		}
		return &fakeSite{spec: spec, seed: seed}, nil
	}
}

func (s *fakeSite) Clock() seatrial.Clock                    { return (*fakeClock)(s) }
func (s *fakeSite) Cluster(string) (seatrial.Cluster, error) { return fakeCluster{}, nil }
func (s *fakeSite) Close() error                             { return nil }
func (s *fakeSite) Prepare(_ context.Context, loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	return &fakeAttack{s, loads, sink}, nil
}

type fakeClock fakeSite

func (c *fakeClock) Now() time.Duration { return c.now }

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now += max(0, d)
	return ctx.Err()
}

func (c *fakeClock) Until(ctx context.Context, cond func() bool) error {
	if !cond() {
		return errors.New("the fake waits for nobody")
	}
	return ctx.Err()
}

func (c *fakeClock) WithTimeout(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (c *fakeClock) Go(ctx context.Context, _ string, f func(context.Context) error) seatrial.Task {
	return fakeTask(func() error { return f(ctx) })
}

// fakeTask runs when it is waited for.
type fakeTask func() error

func (t fakeTask) Wait() error { return t() }

type fakeCluster struct{}

func (fakeCluster) Ref() seatrial.Ref {
	return seatrial.Ref{Backend: backend.Sim, Name: "main", UID: "1"}
}
func (fakeCluster) Apply(context.Context, []byte) error                           { return nil }
func (fakeCluster) Settle(context.Context) error                                  { return nil }
func (fakeCluster) Reset(context.Context) error                                   { return nil }
func (fakeCluster) Supports(seatrial.Action) error                                { return nil }
func (fakeCluster) Act(context.Context, seatrial.Action) error                    { return nil }
func (fakeCluster) Revert(context.Context, seatrial.Action, seatrial.Prior) error { return nil }

func (fakeCluster) Observe(context.Context, seatrial.Action) (seatrial.Prior, error) {
	return seatrial.Prior("{}"), nil
}

func (fakeCluster) Prove(context.Context, seatrial.Action) (seatrial.Proof, error) {
	return seatrial.Proof{Method: "asked the fake"}, nil
}

func (fakeCluster) Nodes(context.Context) ([]seatrial.Node, error) {
	return []seatrial.Node{{Name: "w1", Ready: true}, {Name: "w2", Ready: true}, {Name: "w3", Ready: true}}, nil
}

func (fakeCluster) Pods(context.Context, seatrial.Selector) ([]seatrial.Pod, error) {
	var pods []seatrial.Pod
	for i, node := range []string{"w1", "w2", "w3"} {
		pods = append(pods, seatrial.Pod{Namespace: "default", Name: fmt.Sprintf("shop-%d", i), Node: node,
			Labels: map[string]string{"app": "shop"}, Phase: "Running", Ready: true})
	}
	return pods, nil
}

// fakeAttack delivers every result at its start. In the fault as many fifths of
// the requests take 3 s as the seed has left over when it is divided by 5, so
// that one seed in five feels nothing; nor does a client with policies.
type fakeAttack struct {
	site  *fakeSite
	loads []seatrial.LoadPlan
	sink  seatrial.Sink
}

func (a *fakeAttack) Start(context.Context, time.Duration) error {
	from := a.site.spec.Timeline.Warmup + a.site.spec.Faults[0].At
	to := from + a.site.spec.Faults[0].For
	for due := time.Duration(0); due < a.loads[0].Duration; due += seatrial.Width {
		iv := seatrial.Interval{Load: a.loads[0].Name, Agent: "sim", Due: due, Planned: 20, Sent: 20, Succeeded: 20,
			Attempts: 20, Latency: seatrial.Buckets{}, Service: seatrial.Buckets{}}
		if due >= from && due < to && !a.loads[0].Client.Active() {
			iv.Hurt = 4 * int64(a.site.seed%5)
		}
		for i := range int64(20) {
			latency := 7 * time.Millisecond
			if i < iv.Hurt {
				latency = 3 * time.Second
				iv.HurtUsers = append(iv.HurtUsers, int(i))
			}
			journal.Record(iv.Latency, latency)
			journal.Record(iv.Service, latency)
		}
		a.sink.Interval(iv)
	}
	return nil
}

func (a *fakeAttack) Stop(context.Context) error { return nil }
func (a *fakeAttack) Wait(context.Context) error { return nil }
