package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
	"github.com/seatrial/seatrial/images/descheduler"
)

// onKind skips unless real clusters are asked for.
func onKind(t *testing.T) Options {
	t.Helper()
	if os.Getenv("SEATRIAL_E2E") == "" {
		t.Skip("needs Docker and a node image, and boots a cluster: set SEATRIAL_E2E=1")
	}
	images := map[string]func(context.Context) (seatrial.AgentImage, error){seatrial.ImageDescheduler: (&descheduler.Provider{Log: t.Logf}).Image}
	return Options{Agents: testAgents(), Images: images, Log: t.Logf, Artifacts: os.Getenv("SEATRIAL_E2E_LOGS")}
}

// wholeSet skips what the core set has no time for.
func wholeSet(t *testing.T) {
	t.Helper()
	if os.Getenv("SEATRIAL_E2E") != "all" {
		t.Skip("needs Docker and an hour: `make e2e-all` runs it")
	}
}

// oneWorker is the shape of the clusters of these tests, which no scenario
// uses.
var oneWorker = seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 1}}}

func TestMain(m *testing.M) {
	if crash := os.Getenv("SEATRIAL_E2E_CRASH"); crash != "" {
		os.Exit(crashMidFreeze(crash))
	}
	os.Exit(runAndClean(m))
}

// runAndClean deletes the clusters of these tests, but none that was there
// before.
func runAndClean(m *testing.M) int {
	ctx := context.Background()
	if os.Getenv("SEATRIAL_E2E") == "" || os.Getenv("SEATRIAL_E2E_KEEP") != "" {
		return m.Run()
	}
	before, err := List(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	for name := range opened {
		if slices.ContainsFunc(before, func(i Info) bool { return i.Name == name }) {
			continue
		}
		if err := Delete(ctx, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// opened are the names of the clusters that the tests used.
var opened = map[string]bool{}

func open(t *testing.T, o Options) (*Site, *Cluster) {
	t.Helper()
	begun := time.Now()
	s, err := Open(t.Context(), oneWorker, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("opened in %v", time.Since(begun))
	opened[s.clusters[0].name] = true
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, s.clusters[0]
}

func worker(c *Cluster) string { return c.name + "-worker" }

func look(t *testing.T, c *Cluster) guardian.State {
	t.Helper()
	var s guardian.State
	err := c.link.ask(t.Context(), func(ctx context.Context, g *guardian.Client) error {
		n, err := c.node(ctx, worker(c))
		if err != nil {
			return err
		}
		s, err = g.Status(ctx, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryFreezeIsProvenAndReverted(t *testing.T) {
	_, c := open(t, onKind(t))
	for _, mode := range []seatrial.FreezeMode{seatrial.Sigstop, seatrial.Cgroup, seatrial.Blackout} {
		t.Run(string(mode), func(t *testing.T) {
			a := seatrial.Freeze{Node: worker(c), Mode: mode, Expires: 30 * time.Second}
			goThrough(t, c, a)
		})
	}
}

func TestAThrottleIsProvenAndReverted(t *testing.T) {
	_, c := open(t, onKind(t))
	before := look(t, c).Quota
	goThrough(t, c, seatrial.Throttle{Node: worker(c), CPUs: 0.2, Expires: 30 * time.Second})
	if after := look(t, c).Quota; after != before {
		t.Errorf("the quota is %q, and was %q before", after, before)
	}
}

// goThrough does an action with its proof and its revert.
func goThrough(t *testing.T, c *Cluster, a seatrial.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	took := stopwatch(t)
	p, err := c.Observe(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	took("observe")
	if err := c.Act(ctx, a); err != nil {
		t.Fatal(err)
	}
	took("act")
	proof, err := c.Prove(ctx, a)
	took("prove")
	t.Logf("proof: %v", proof)
	if err != nil {
		t.Error(err)
	}
	if err := c.Revert(ctx, a, p); err != nil {
		t.Fatal(err)
	}
	took("revert")
	if left := leftovers(look(t, c), guardian.Prior{}); left != nil {
		t.Error(left)
	}
	if err := c.Revert(ctx, a, p); err != nil {
		t.Errorf("reverting again: %v", err)
	}
	took("revert again")
	if err := c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error { return late(ctx, g, p) }); err != nil {
		t.Error(err)
	}
}

// late sends the act of a runner that is dead.
func late(ctx context.Context, g *guardian.Client, p seatrial.Prior) error {
	var was prior
	if err := json.Unmarshal(p, &was); err != nil {
		return err
	}
	if _, err := g.Act(ctx, was.ID, time.Minute); !errors.Is(err, guardian.ErrRevoked) {
		return fmt.Errorf("a late act gave %v, want %v", err, guardian.ErrRevoked)
	}
	return nil
}

func stopwatch(t *testing.T) func(string) {
	last := time.Now()
	return func(what string) {
		t.Logf("%s took %v", what, time.Since(last))
		last = time.Now()
	}
}

func TestAFreezeEndsByItselfWhenItsTimeIsOver(t *testing.T) {
	s, c := open(t, onKind(t))
	a := seatrial.Freeze{Node: worker(c), Mode: seatrial.Blackout, Expires: 2 * time.Second}
	if _, err := c.Observe(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(look(t, c), guardian.Prior{}); left == nil {
		t.Fatal("the node is not frozen")
	}
	if err := c.link.close(); err != nil { // the runner's connection is lost
		t.Fatal(err)
	}
	if err := s.clock.Sleep(t.Context(), 2200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(look(t, c), guardian.Prior{}); left != nil {
		t.Error(left)
	}
}

// A runner is killed in the middle of a freeze, and its guardian with it; a
// process that comes later knows the prior state only.
func TestAnotherProcessRevertsWhatAKilledRunnerLeft(t *testing.T) {
	o := onKind(t)
	s, c := open(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, with := range []string{"guardian", "no guardian"} {
		for _, mode := range []seatrial.FreezeMode{seatrial.Sigstop, seatrial.Cgroup, seatrial.Blackout} {
			t.Run(string(mode)+" with "+with, func(t *testing.T) {
				a := seatrial.Freeze{Node: worker(c), Mode: mode, Expires: 5 * time.Minute}
				p := crash(t, a)
				if with == "no guardian" {
					if _, err := docker(t.Context(), "kill", guardianName(c.name)); err != nil {
						t.Fatal(err)
					}
				}
				revertAfterCrash(t, c.name, o, a, p)
			})
		}
	}
}

func revertAfterCrash(t *testing.T, name string, o Options, a seatrial.Action, p seatrial.Prior) {
	t.Helper()
	later, err := Attach(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	took := stopwatch(t)
	if leftovers(look(t, later), guardian.Prior{}) == nil {
		t.Error("the node is not frozen: there is nothing to revert")
	}
	if err := later.Revert(ctx, a, p); err != nil {
		t.Fatal(err)
	}
	took("revert from another process")
	if left := leftovers(look(t, later), guardian.Prior{}); left != nil {
		t.Error(left)
	}
}

// crash runs this test's program as a runner that freezes, prints the prior
// state, and is killed.
func crash(t *testing.T, a seatrial.Freeze) seatrial.Prior {
	t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SEATRIAL_E2E_CRASH="+string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var p seatrial.Prior
	decoded := json.NewDecoder(out).Decode(&p)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if decoded != nil {
		t.Fatal(decoded)
	}
	return p
}

// crashMidFreeze is that program.
func crashMidFreeze(raw string) int {
	ctx := context.Background()
	var a seatrial.Freeze
	err := json.Unmarshal([]byte(raw), &a)
	var s *Site
	if err == nil {
		s, err = Open(ctx, oneWorker, Options{Agents: testAgents()})
	}
	if err == nil {
		err = freezeAndPrint(ctx, s.clusters[0], a)
	}
	fmt.Fprintln(os.Stderr, "the runner was not killed:", err)
	return 1
}

func freezeAndPrint(ctx context.Context, c *Cluster, a seatrial.Freeze) error {
	p, err := c.Observe(ctx, a)
	if err != nil {
		return err
	}
	if err := c.Act(ctx, a); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		return err
	}
	select {}
}

func TestOpenHealsWhatADeadRunLeft(t *testing.T) {
	o := onKind(t)
	s, c := open(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	crash(t, seatrial.Freeze{Node: worker(c), Mode: seatrial.Sigstop, Expires: 5 * time.Minute})
	_, c = open(t, o)
	if left := leftovers(look(t, c), guardian.Prior{}); left != nil {
		t.Error(left)
	}
}

func TestAClusterThatIsGoneSaysSo(t *testing.T) {
	if _, err := Attach(t.Context(), "seatrial-9w-00000000", onKind(t)); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want %v", err, ErrGone)
	}
}
