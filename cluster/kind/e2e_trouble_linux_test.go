package kind

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

func TestAMissingNodeImageSaysHowToBuildOne(t *testing.T) {
	o := onKind(t)
	o.Image = "localhost:1/no/such-node:v1"
	_, err := Open(t.Context(), oneWorker, o)
	var failure *seatrial.Error
	if !errors.As(err, &failure) || failure.Class != seatrial.Infrastructure || !strings.Contains(failure.Hint, "make node-image") {
		t.Errorf("got %v", err)
	}
}

func TestAnInterruptedBootLeavesNothing(t *testing.T) {
	o := onKind(t)
	ctx, cancel := context.WithCancel(t.Context())
	var second string
	o.Log = func(format string, args ...any) {
		t.Logf(format, args...)
		if format == "booting cluster %s: a control plane, %d workers and the agents' node, from %s" {
			second, _ = args[0].(string)
		}
		if strings.HasSuffix(second, "-2") && len(args) == 1 && args[0] == "Writing configuration" {
			cancel()
		}
	}
	twice := seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "a", Workers: 1}, {Name: "b", Workers: 1}}}
	s, err := Open(ctx, twice, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if s != nil {
		t.Error("there is a site", s.Close())
	}
	left, err := containers(t.Context(), "name="+second)
	if err != nil || len(left) != 0 {
		t.Errorf("%d containers of %s are left, %v", len(left), second, err)
	}
}

// The guardian dies in the middle; Docker starts it again, and it takes over.
func TestAFreezeEndsInTimeAlthoughTheGuardianCrashed(t *testing.T) {
	s, c := open(t, onKind(t))
	a := seatrial.Freeze{Node: worker(c), Mode: seatrial.Sigstop, Expires: 5 * time.Second}
	if _, err := c.Observe(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	end := s.clock.Now() + a.Expires
	g, _, err := guardianOf(t.Context(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(g.State.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitRestart(t, s, c, g.State.Pid)
	if leftovers(look(t, c), guardian.Prior{}) == nil && s.clock.Now() < end {
		t.Error("the node thawed before its time")
	}
	if err := s.clock.Sleep(t.Context(), end-s.clock.Now()+300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(look(t, c), guardian.Prior{}); left != nil {
		t.Error(left)
	}
}

func awaitRestart(t *testing.T, s *Site, c *Cluster, old int) {
	t.Helper()
	for t.Context().Err() == nil {
		g, found, err := guardianOf(t.Context(), c.name)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if g.up() && g.State.Pid != old {
			return
		}
		if err := s.clock.Sleep(t.Context(), 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// Stopping the guardian's container in the middle thaws at once.
func TestAGuardianThatIsToldToLeaveThawsFirst(t *testing.T) {
	_, c := open(t, onKind(t))
	a := seatrial.Freeze{Node: worker(c), Mode: seatrial.Blackout, Expires: time.Minute}
	p, err := c.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := removeGuardian(t.Context(), c.name); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(look(t, c), guardian.Prior{}); left != nil {
		t.Error(left)
	}
	if err := c.Revert(t.Context(), a, p); err != nil {
		t.Error(err)
	}
}

// A control plane that is frozen answers nobody; what froze it still goes.
func TestAFrozenControlPlaneCanBeHealedFromAnotherProcess(t *testing.T) {
	o := onKind(t)
	s, c := open(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	a := seatrial.Freeze{Node: c.name + "-control-plane", Mode: seatrial.Cgroup, Expires: time.Minute}
	p := crash(t, a)
	begun := time.Now()
	later, err := Attach(t.Context(), c.name, o)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if err := later.Revert(t.Context(), a, p); err != nil {
		t.Error(err)
	}
	t.Logf("healed in %v", time.Since(begun))
}

// What the heartbeats ran in a node ends with the site.
func TestNothingIsLeftInANodeAfterClose(t *testing.T) {
	s, c := open(t, onKind(t))
	before := look(t, c).Processes
	for range 3 {
		a := seatrial.Freeze{Node: worker(c), Mode: seatrial.Sigstop, Expires: time.Minute}
		if _, err := c.Observe(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if now := look(t, c).Processes; now < before+3 {
		t.Errorf("%d processes with three heartbeats, %d before", now, before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := docker(t.Context(), "exec", worker(c), "bash", "-c", "pgrep --full '^bash -c while' | wc -l")
	if err != nil || strings.TrimSpace(string(out)) != "0" {
		t.Errorf("heartbeats left: %s, %v", out, err)
	}
}

// A node whose container is gone has nothing left to revert.
func TestANodeThatIsGoneCountsAsReverted(t *testing.T) {
	_, c := open(t, onKind(t))
	p := seatrial.Prior(`{"id":"X","node":{"container":"` + strings.Repeat("0", 64) + `","pid":1},"found":{}}`)
	if err := c.Revert(t.Context(), seatrial.Freeze{Node: "gone", Mode: seatrial.Sigstop}, p); err != nil {
		t.Error(err)
	}
}

// The kernel of a frozen node goes on answering TCP; that of a node that is
// cut off does not: the difference that clients feel.
func TestOnlyABlackoutSilencesTheKernel(t *testing.T) {
	_, c := open(t, onKind(t))
	ip, err := docker(t.Context(), "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", worker(c))
	if err != nil {
		t.Fatal(err)
	}
	kubelet := net.JoinHostPort(strings.TrimSpace(string(ip)), "10250")
	for mode, answers := range map[seatrial.FreezeMode]bool{seatrial.Sigstop: true, seatrial.Cgroup: true, seatrial.Blackout: false} {
		t.Run(string(mode), func(t *testing.T) {
			a := seatrial.Freeze{Node: worker(c), Mode: mode, Expires: 30 * time.Second}
			p, err := c.Observe(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Act(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			conn, err := net.DialTimeout("tcp", kubelet, time.Second)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != answers {
				t.Errorf("connecting to the node: %v, want an answer: %v", err, answers)
			}
			if dropped := look(t, c).Dropped; (dropped > 0) == answers {
				t.Errorf("%d packets were dropped", dropped)
			}
			if err := c.Revert(t.Context(), a, p); err != nil {
				t.Fatal(err)
			}
			if conn, err = net.DialTimeout("tcp", kubelet, 5*time.Second); err != nil {
				t.Fatalf("after the revert: %v", err)
			}
			conn.Close()
		})
	}
}
