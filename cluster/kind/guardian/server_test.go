package guardian

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

var (
	nodeA = Node{Container: strings.Repeat("a", 64), PID: 100}
	nodeB = Node{Container: strings.Repeat("b", 64), PID: 200}
)

func fakeServer(t *testing.T) (*server, *fakeMachine, *fakeTime) {
	m, c := &fakeMachine{}, &fakeTime{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s := newServer(m, t.Logf)
	s.after, s.now, s.last = c.after, c.Now, c.now
	return s, m, c
}

func prepared(t *testing.T, s *server, id string, n Node) {
	t.Helper()
	if _, err := s.prepare(Plan{ID: id, Node: n, Freeze: seatrial.Cgroup}); err != nil {
		t.Fatal(err)
	}
}

func acted(t *testing.T, s *server, id string, expires time.Duration) {
	t.Helper()
	if _, err := s.act(id, expires); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, m *fakeMachine, done ...string) {
	t.Helper()
	if got := m.seen(); !slices.Equal(got, done) {
		t.Errorf("done:\n%q\nwant:\n%q", got, done)
	}
}

func TestAnActionEndsByItselfAtItsDeadline(t *testing.T) {
	s, m, c := fakeServer(t)
	prepared(t, s, "x", nodeA)
	acted(t, s, "x", time.Second)
	c.move(999 * time.Millisecond)
	want(t, m, "do x")
	c.move(time.Millisecond)
	want(t, m, "do x", "undo x")
	if left := s.list(); len(left) != 0 {
		t.Errorf("in force after the deadline: %v", left)
	}
}

func TestARevokedIdIsNeverAcceptedAgain(t *testing.T) {
	revoke := func(s *server, _ *fakeTime) error { _, err := s.revoke("x"); return err }
	for name, end := range map[string]func(*server, *fakeTime) error{
		"revoked":       revoke,
		"revoked twice": func(s *server, c *fakeTime) error { return errors.Join(revoke(s, c), revoke(s, c)) },
		"expired":       func(_ *server, c *fakeTime) error { c.move(time.Hour); return nil },
		"swept":         func(s *server, _ *fakeTime) error { return s.sweep(nodeA, Prior{}) },
	} {
		t.Run(name, func(t *testing.T) {
			s, _, c := fakeServer(t)
			prepared(t, s, "x", nodeA)
			acted(t, s, "x", time.Second)
			if err := end(s, c); err != nil {
				t.Fatal(err)
			}
			if _, err := s.act("x", time.Second); !errors.Is(err, ErrRevoked) {
				t.Errorf("acting again: %v", err)
			}
			if _, err := s.prepare(Plan{ID: "x", Node: nodeA, Freeze: seatrial.Cgroup}); !errors.Is(err, ErrRevoked) {
				t.Errorf("preparing again: %v", err)
			}
		})
	}
}

func TestALateActIsRefused(t *testing.T) {
	s, m, _ := fakeServer(t)
	prepared(t, s, "prepared", nodeA)
	for id, refusal := range map[string]error{"prepared": ErrRevoked, "heard of": ErrRevoked, "unheard of": ErrUnknown} {
		if id != "unheard of" {
			if r, err := s.revoke(id); err != nil || r.Undone {
				t.Fatalf("revoking %s: %v, %v", id, r, err)
			}
		}
		if _, err := s.act(id, time.Second); !errors.Is(err, refusal) {
			t.Errorf("acting on the id that was %s: %v, want %v", id, err, refusal)
		}
	}
	want(t, m)
}

func TestOperationsMayBeRepeated(t *testing.T) {
	s, m, _ := fakeServer(t)
	for range 2 {
		prepared(t, s, "x", nodeA)
		acted(t, s, "x", time.Second)
	}
	for range 2 {
		if _, err := s.revoke("x"); err != nil {
			t.Fatal(err)
		}
	}
	want(t, m, "do x", "undo x")
}

func TestAnActionWithoutAnEndIsRefused(t *testing.T) {
	s, m, _ := fakeServer(t)
	prepared(t, s, "x", nodeA)
	if _, err := s.act("x", 0); err == nil {
		t.Error("accepted")
	}
	want(t, m)
}

func TestTwoFreezesDoNotShareANode(t *testing.T) {
	s, m, _ := fakeServer(t)
	prepared(t, s, "x", nodeA)
	prepared(t, s, "y", nodeA)
	prepared(t, s, "z", nodeB)
	acted(t, s, "x", time.Second)
	acted(t, s, "z", time.Second)
	if _, err := s.act("y", time.Second); !errors.Is(err, ErrBusy) {
		t.Errorf("a second freeze of one node: %v", err)
	}
	if _, err := s.revoke("x"); err != nil {
		t.Fatal(err)
	}
	acted(t, s, "y", time.Second)
	want(t, m, "do x", "do z", "undo x", "do y")
}

func TestAnUndoThatFailsAtTheDeadlineIsTriedAgain(t *testing.T) {
	s, m, c := fakeServer(t)
	prepared(t, s, "x", nodeA)
	acted(t, s, "x", time.Second)
	m.fail = errors.New("device or resource busy")
	c.move(time.Second)
	want(t, m, "do x", "undo x")
	c.move(retry)
	want(t, m, "do x", "undo x", "undo x")
}

func TestALeavingGuardianUndoesWhatIsInForce(t *testing.T) {
	s, m, _ := fakeServer(t)
	prepared(t, s, "x", nodeA)
	prepared(t, s, "idle", nodeB)
	acted(t, s, "x", time.Hour)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, m, "do x", "undo x")
}

func TestAGuardianThatCrashedTakesOverUntilTheDeadline(t *testing.T) {
	s, _, c := fakeServer(t)
	s.memory = memory(t.TempDir())
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x", "y", "z"} {
		prepared(t, s, id, nodeA)
	}
	acted(t, s, "x", time.Minute)
	if _, err := s.revoke("x"); err != nil {
		t.Fatal(err)
	}
	acted(t, s, "y", time.Minute)

	again, m, _ := fakeServer(t)
	again.memory, again.after, again.now = s.memory, c.after, c.Now
	if err := again.resume(); err != nil {
		t.Fatal(err)
	}
	want(t, m)
	if left := again.list(); len(left) != 1 || left[0].ID != "y" {
		t.Errorf("in force: %v, want y", left)
	}
	if _, err := again.act("z", time.Second); !errors.Is(err, ErrUnknown) {
		t.Errorf("an act prepared before the crash: %v", err)
	}
	if _, err := again.revoke("y"); err != nil {
		t.Fatal(err)
	}
	want(t, m, "undo y")
}

// conversation runs a server on one end of a pipe and gives a client on the
// other.
func conversation(t *testing.T, s *server) *Client {
	t.Helper()
	here, there := net.Pipe()
	var owned sync.WaitGroup
	owned.Go(func() {
		defer there.Close()
		if err := s.converse(there); err != nil {
			t.Error(err)
		}
	})
	c := NewClient(here)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		owned.Wait()
	})
	return c
}

func TestAClientAndAServerUnderstandEachOther(t *testing.T) {
	s, m, _ := fakeServer(t)
	c := conversation(t, s)
	ctx := t.Context()
	hello, err := c.Hello(ctx)
	if err != nil || hello.Version != Version {
		t.Fatal(hello, err)
	}
	prior, err := c.Prepare(ctx, Plan{ID: "x", Node: nodeA, CPUs: 0.5})
	if err != nil || prior.Quota != "-1" {
		t.Fatal(prior, err)
	}
	if _, err := c.Act(ctx, "x", time.Second); err != nil {
		t.Fatal(err)
	}
	if active, err := c.List(ctx); err != nil || len(active) != 1 || active[0].Left != time.Second {
		t.Error(active, err)
	}
	if state, err := c.Status(ctx, nodeA); err != nil || state.Freezer != "THAWED" {
		t.Error(state, err)
	}
	if r, err := c.Revoke(ctx, "x"); err != nil || !r.Undone {
		t.Error(r, err)
	}
	if _, err := c.Act(ctx, "x", time.Second); !errors.Is(err, ErrRevoked) {
		t.Errorf("acting after revoking: %v", err)
	}
	if err := c.Sweep(ctx, nodeB, Prior{}); err != nil {
		t.Error(err)
	}
	want(t, m, "do x", "undo x", "undo all of b")
}

func TestManyMayUseAClientAtOnce(t *testing.T) {
	s, _, _ := fakeServer(t)
	c := conversation(t, s)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Status(t.Context(), nodeA); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestAnUnknownOperationIsRefusedAndTheConnectionLives(t *testing.T) {
	s, _, _ := fakeServer(t)
	c := conversation(t, s)
	if _, err := ask[struct{}](t.Context(), c, "explode", nil); err == nil {
		t.Error("accepted")
	}
	if _, err := c.Hello(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestACallEndsWithItsContextOrItsConnection(t *testing.T) {
	here, there := net.Pipe()
	c := NewClient(here)
	heard := make(chan struct{})
	go func() { // hears one request and never answers
		var q request
		_ = json.NewDecoder(there).Decode(&q)
		close(heard)
	}()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-heard; cancel() }()
	if _, err := c.Hello(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	there.Close()
	if _, err := c.Hello(t.Context()); !errors.Is(err, ErrBroken) {
		t.Errorf("broken: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnIdleGuardianLeavesAndABusyOneStays(t *testing.T) {
	for name, busy := range map[string]bool{"idle": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			m := &fakeMachine{}
			s := newServer(m, t.Logf)
			if busy {
				prepared(t, s, "x", nodeA)
				acted(t, s, "x", time.Hour)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := s.serve(ctx, l, 20*time.Millisecond); err != nil {
				t.Error(err)
			}
			if stayed := ctx.Err() != nil; stayed != busy {
				t.Errorf("stayed: %v, want %v", stayed, busy)
			}
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPlanChangesOnePartOfANode(t *testing.T) {
	cut := &Cut{Ports: []uint16{53}}
	for name, c := range map[string]struct {
		plan Plan
		ok   bool
	}{
		"a freeze":                 {Plan{Freeze: seatrial.Cgroup}, true},
		"a throttle":               {Plan{CPUs: 0.1}, true},
		"units":                    {Plan{Units: []string{"kubelet"}, Kill: []string{"etcd"}}, true},
		"a cut":                    {Plan{Cut: cut}, true},
		"no power":                 {Plan{PowerOff: true}, true},
		"a restore":                {Plan{Restore: []string{"scale"}}, true},
		"nothing":                  {Plan{}, false},
		"a freeze and no power":    {Plan{Freeze: seatrial.Cgroup, PowerOff: true}, false},
		"a cut and a throttle":     {Plan{Cut: cut, CPUs: 1}, false},
		"signals without a unit":   {Plan{Cut: cut, Kill: []string{"etcd"}}, false},
		"signals and nothing more": {Plan{Stop: []string{"etcd"}}, false},
	} {
		s, _, _ := fakeServer(t)
		c.plan.ID, c.plan.Node = "x", nodeA
		if _, err := s.prepare(c.plan); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatDoesNotTouchTheSamePartGoesSideBySide(t *testing.T) {
	s, _, _ := fakeServer(t)
	for id, p := range map[string]Plan{
		"kubelet": {Units: []string{"kubelet"}}, "runtime": {Units: []string{"containerd"}}, "node": {Cut: &Cut{}},
		"pod": {Cut: &Cut{Pod: "p"}}, "cpu": {CPUs: 1}, "power": {PowerOff: true}, "dns": {Restore: []string{"scale"}},
	} {
		p.ID, p.Node = id, nodeA
		if _, err := s.prepare(p); err != nil {
			t.Fatal(err)
		}
		acted(t, s, id, time.Minute)
	}
	for id, p := range map[string]Plan{
		"control plane": {Units: []string{"kubelet"}, Kill: []string{"etcd"}}, "freeze": {Freeze: seatrial.Sigstop}, "another pod's twin": {Cut: &Cut{Pod: "p"}},
	} {
		p.ID, p.Node = id, nodeA
		if _, err := s.prepare(p); err != nil {
			t.Fatal(err)
		}
		if _, err := s.act(id, time.Minute); !errors.Is(err, ErrBusy) {
			t.Errorf("%s: %v, want %v", id, err, ErrBusy)
		}
	}
}

func TestAProbeGoesOverTheConnection(t *testing.T) {
	s, _, _ := fakeServer(t)
	c := conversation(t, s)
	if answer, err := c.Probe(t.Context(), Probe{Node: nodeA, Network: "tcp", Address: "127.0.0.1:1"}); err != nil || answer != Refused {
		t.Error(answer, err)
	}
	if state, err := c.Deep(t.Context(), nodeA); err != nil || state.Freezer != "THAWED" {
		t.Error(state, err)
	}
}
