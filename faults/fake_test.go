package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// fakeEnv runs a fault on a fakeCluster. Time passes only in waiting, and what
// the fault does is written down in log.
type fakeEnv struct {
	cluster  fakeCluster
	now      time.Duration
	span     time.Duration
	seed     uint64
	begin    error                    // what Begin returns
	failAt   string                   // a step, as in "act freeze", that fails
	cancelAt time.Duration            // when the trial is interrupted; zero: never
	proof    time.Duration            // how long a proof takes
	slowAct  map[string]time.Duration // how long an act of that kind takes
	actions  []seatrial.Action
	events   []seatrial.Event
	log      []string
}

// fakeCluster has nodes and pods, and nothing else.
type fakeCluster struct {
	seatrial.Cluster // what is not faked here must not be called

	nodes []seatrial.Node
	pods  []seatrial.Pod
	asked seatrial.Selector
}

var errFake = errors.New("this step fails")

func (c *fakeCluster) Nodes(context.Context) ([]seatrial.Node, error) { return c.nodes, nil }

func (c *fakeCluster) Pods(_ context.Context, s seatrial.Selector) ([]seatrial.Pod, error) {
	c.asked = s
	return c.pods, nil
}

func (f *fakeEnv) Clock() seatrial.Clock     { return &fakeClock{f} }
func (f *fakeEnv) Cluster() seatrial.Cluster { return &f.cluster }
func (f *fakeEnv) Span() time.Duration       { return f.span }
func (f *fakeEnv) Rand() *rand.Rand          { return rand.New(rand.NewPCG(f.seed, 1)) }
func (f *fakeEnv) Note(e seatrial.Event) {
	f.events = append(f.events, e)
	f.step("note " + string(e.Kind))
}
func (f *fakeEnv) Begin(context.Context) error {
	f.step("begin")
	return f.begin
}

func (f *fakeEnv) Arm(_ context.Context, actions ...seatrial.Action) (seatrial.Effect, error) {
	f.actions = append(f.actions, actions...)
	e := &fakeEffect{env: f, kind: actions[0].Kind()}
	return e, f.step("arm " + e.kind)
}

// step writes down what is done and when, and fails where it is told to.
func (f *fakeEnv) step(what string) error {
	f.log = append(f.log, fmt.Sprintf("%s@%s", what, f.now))
	if what == f.failAt {
		return errFake
	}
	return nil
}

func (f *fakeEnv) steps() string { return strings.Join(f.log, " ") }

type fakeEffect struct {
	env  *fakeEnv
	kind string
}

func (e *fakeEffect) Act(ctx context.Context) error {
	if err := (&fakeClock{e.env}).Sleep(ctx, e.env.slowAct[e.kind]); err != nil {
		return err
	}
	return e.env.step("act " + e.kind)
}
func (e *fakeEffect) Revert(context.Context) error { return e.env.step("revert " + e.kind) }

func (e *fakeEffect) Prove(ctx context.Context) error {
	if err := (&fakeClock{e.env}).Sleep(ctx, e.env.proof); err != nil {
		return err
	}
	return e.env.step("prove " + e.kind)
}

// fakeClock is virtual: sleeping jumps.
type fakeClock struct{ env *fakeEnv }

type deadlineKey struct{}

func (c *fakeClock) Now() time.Duration { return c.env.now }

// Sleep jumps to the earliest of its end, the context's deadline and the
// interruption.
func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	to, err := c.env.now+max(d, 0), error(nil)
	if deadline, ok := ctx.Value(deadlineKey{}).(time.Duration); ok && deadline < to {
		to, err = deadline, context.DeadlineExceeded
	}
	if at := c.env.cancelAt; at > 0 && at < to {
		to, err = at, context.Canceled
	}
	c.env.now = max(c.env.now, to)
	return err
}

func (c *fakeClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithValue(ctx, deadlineKey{}, c.env.now+d), func() {}
}

func (c *fakeClock) Until(context.Context, func() bool) error {
	panic("no fault waits for a condition")
}

func (c *fakeClock) Go(context.Context, string, func(context.Context) error) seatrial.Task {
	panic("no fault runs tasks")
}
