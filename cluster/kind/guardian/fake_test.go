package guardian

import (
	"slices"
	"sync"
	"time"
)

// fakeMachine keeps a list of what was done.
type fakeMachine struct {
	mu   sync.Mutex
	done []string
	fail error // of the next undo
}

type fakeEffect struct {
	m    *fakeMachine
	name string
}

func (m *fakeMachine) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = append(m.done, what)
}

func (m *fakeMachine) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.done)
}

func (e fakeEffect) do() error    { e.m.note("do " + e.name); return nil }
func (e fakeEffect) close() error { return nil }
func (e fakeEffect) undo() error {
	e.m.note("undo " + e.name)
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	err := e.m.fail
	e.m.fail = nil
	return err
}

func (m *fakeMachine) noBlackout() string { return "" }
func (m *fakeMachine) prepare(p Plan) (Prior, effect, error) {
	return Prior{Quota: "-1"}, fakeEffect{m, p.ID}, nil
}
func (m *fakeMachine) sweeper(n Node, _ Prior) effect {
	return fakeEffect{m, "all of " + n.Container[:1]}
}
func (m *fakeMachine) again(p Plan, _ Prior) effect { return fakeEffect{m, p.ID} }
func (m *fakeMachine) probe(Probe) (Answer, error)  { return Refused, nil }
func (m *fakeMachine) group(Node, string) (Group, error) {
	return Group{Used: 1 << 20}, nil
}
func (m *fakeMachine) look(Node, bool) (State, error) {
	return State{Freezer: "THAWED"}, nil
}

// fakeTime fires timers when it is moved.
type fakeTime struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	at    time.Time
	f     func()
	ended bool
}

func (c *fakeTime) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeTime) after(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := !t.ended
		t.ended = true
		return was
	}
}

func (c *fakeTime) move(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	for _, t := range c.timers {
		if !t.ended && !t.at.After(c.now) {
			t.ended = true
			due = append(due, t.f)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}
