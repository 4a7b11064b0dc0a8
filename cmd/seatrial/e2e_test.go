package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
)

func TestE2EAFreezeOfOneNodeInThreeHurtsItsUsersAndNobodyElse(t *testing.T) {
	e := kindE2E(t)
	cpu := cpuSince(t)
	s := e.trial(t, "--variant", "as-is", "scenarios/live-migration.yaml")[0]
	_, steal := cpu()
	if *s.Latency.Max < 7.5 {
		t.Errorf("largest latency %.2f s, want at least 7.5 s for a freeze of 8 s", *s.Latency.Max)
	}
	// 13 ms on two quiet cores. Where the host takes them away, the absolute
	// figure is the host's; the steady state's 200 ms holds all the same.
	bound := seatrial.Seconds(0.050)
	if steal > 0.02 {
		t.Logf("the host took %.0f %% of the CPU time: p99 before the fault is held to the steady state's 200 ms alone", 100*steal)
		bound = 0.200
	}
	if p99 := *s.Phases.Before.Latency.P99; p99 >= bound {
		t.Errorf("p99 before the fault %.3f s, want under %.3f s", p99, bound)
	}
	if s.Faults[0].ProvenAt == nil || s.Faults[0].Proof == nil {
		t.Errorf("the fault is not proven")
	}
	wantHurtAsExposed(t, s)
	if s.Verdict != s.Expect {
		t.Errorf("verdict %s, want %s", s.Verdict, s.Expect)
	}
	wantAllWell(t)
}

// wantHurtAsExposed checks that the exposure explains the share hurt: a user on
// the frozen node is hurt by every request that is due more than a second
// before the thaw, and nobody else is.
func wantHurtAsExposed(t *testing.T, s report.Summary) {
	t.Helper()
	users, exposed := 0, 0
	for _, x := range s.Exposure {
		users += x.Users
		if x.Hit {
			exposed += x.Users
		}
	}
	if users != 50 {
		t.Errorf("the exposure counts %d users, want 50", users)
	}
	fault := s.Phases.Fault
	window := float64(fault.To - fault.From)
	want := float64(exposed) / float64(users) * (8 - 1) / window
	hurt := *s.Impact.RequestsHurt
	if math.Abs(hurt-want) > 0.05 {
		t.Errorf("%.1f %% of the requests due in the fault window were hurt, want %.1f ± 5 %%: %d of %d users were exposed",
			100*hurt, 100*want, exposed, users)
	}
	// kube-proxy deals 50 users to 3 nodes at random: the share exposed lies
	// outside 20 to 50 % about once in a hundred trials, and then so may the
	// share hurt outside 15 to 45 %.
	if usual := exposed >= 10 && exposed <= 25; usual && (hurt < 0.15 || hurt > 0.45) {
		t.Errorf("%.1f %% of the requests due in the fault window were hurt, want 15 to 45 %%", 100*hurt)
	}
}

// wantOnTime checks the contract on injection: half of the faults are in force
// within 50 ms of their planned time.
func wantOnTime(t *testing.T, all []report.Summary) {
	t.Helper()
	var late []float64
	for _, s := range all {
		for _, f := range s.Faults {
			if f.InjectedAt != nil {
				late = append(late, math.Abs(float64(*f.InjectionError)))
			}
		}
	}
	slices.Sort(late)
	if len(late) == 0 || late[len(late)/2] > 0.050 {
		t.Errorf("faults were in force %v s off their planned times, want a median of at most 0.05", late)
	}
}

func TestE2ETheThreeModesDifferAsPhysicsSays(t *testing.T) {
	e := kindE2E(t)
	all := e.trial(t, "scenarios/live-migration-modes.yaml")
	// A blackout of 8 s costs a connection its whole retransmission back-off:
	// six times out, RTO · (2⁶ − 1). With Linux's least RTO of 0.2 s that is
	// 12.6 s; the RTO also has the smoothed round trip in it (5 to 15 ms here:
	// up to 0.9 s more), and the kernel rounds its longer timers up (at 250 Hz
	// by 0.6 s in all): 14.1 s. Measured: 13.3 to 14.04 s; one time-out fewer
	// would be 6.2 s, one more 25.4 s.
	want := map[string][2]float64{"sigstop": {7.5, 9}, "cgroup": {7.5, 9}, "blackout": {12, 15}}
	if len(all) != len(want) {
		t.Fatalf("%d summaries, want %d", len(all), len(want))
	}
	for _, s := range all {
		bounds := want[s.Variant]
		if longest := float64(*s.Latency.Max); longest < bounds[0] || longest > bounds[1] {
			t.Errorf("%s: largest latency %.2f s, want %v to %v s", s.Variant, longest, bounds[0], bounds[1])
		}
		if s.Faults[0].ProvenAt == nil {
			t.Errorf("%s: the fault is not proven", s.Variant)
		}
	}
	wantOnTime(t, all)
	wantAllWell(t)
}

func TestE2EAGuardianThawsTheNodeOfAKilledRunner(t *testing.T) {
	e := kindE2E(t)
	c, _, guardian, node := e.frozen(t, scenario(t, "long-freeze.yaml"))
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait() // killed, as asked
	took := awaitThaw(t, node, 10*time.Second)
	t.Logf("thawed %s after the runner's death", took)
	awaitGone(t, guardian)
	wantAllWell(t)
	if r := e.run(t, "recover"); r.code != 0 || !strings.Contains(r.stdout, "nothing to recover") {
		t.Errorf("recover after the guardian: exit %d, %q", r.code, r.stdout)
	}
}

func TestE2EANodeThawsByItselfWhenRunnerAndGuardianAreDead(t *testing.T) {
	e := kindE2E(t)
	c, _, guardian, node := e.frozen(t, scenario(t, "orphan-freeze.yaml"))
	if err := syscall.Kill(guardian, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait() // killed, as asked
	if took := awaitThaw(t, node, 40*time.Second); took < time.Second {
		t.Errorf("thawed after %s: somebody else did it", took)
	}
	first := e.run(t, "recover")
	if first.code != 0 || !strings.Contains(first.stdout, "undid freeze of node/"+node) {
		t.Errorf("recover: exit %d, %q", first.code, first.stdout)
	}
	if again := e.run(t, "recover"); !strings.Contains(again.stdout, "nothing to recover") {
		t.Errorf("a second recover: %q", again.stdout)
	}
	wantAllWell(t)
}

func TestE2EAnInterruptedTrialHealsAndStillReports(t *testing.T) {
	e := kindE2E(t)
	c, messages, _, node := e.frozen(t, scenario(t, "long-freeze.yaml"))
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	awaitThaw(t, node, 10*time.Second)
	c.Wait() // its exit code is what counts
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130:\n%s", code, messages)
	}
	reports, err := filepath.Glob(filepath.Join(e.runs, "*", "*", "*", "report.html"))
	if err != nil || len(reports) != 1 {
		t.Errorf("reports %v, %v; want one", reports, err)
	}
	wantAllWell(t)
}

// Within 15 s is the promise, and `make bench` holds it against the cluster's
// boot: a start computes as much as it waits, so its seconds are the machine's.
func TestE2EAWarmClusterIsReusedAndBootsNothing(t *testing.T) {
	e := kindE2E(t)
	e.trial(t, scenario(t, "short.yaml")) // the cluster is booted, and left as a run leaves it
	first := e.firstRequest(t, "short.yaml")
	t.Log(first)
	if !first.reused {
		t.Errorf("the second run did not reuse the cluster")
	}
	if first.after > time.Minute {
		t.Errorf("the first request was sent after %s, want within a minute on any machine", first.after)
	}
	wantAllWell(t)
}

func TestE2EWrongInputIsOneClearLineAndAHint(t *testing.T) {
	e := kindE2E(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no such node", []string{scenario(t, "no-such-node.yaml")}, 2, "there is no node no-such-node\nhint: the nodes are: seatrial-3w-"},
		{"image missing", []string{"--node-image", "seatrial/no-such-image:v0", scenario(t, "short.yaml")}, 4, "seatrial/no-such-image:v0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := e.run(t, append([]string{"run", "--on", "kind", "--out", e.runs}, c.args...)...)
			if r.code != c.code || !strings.Contains(r.stderr, c.says) {
				t.Errorf("exit %d, want %d and %q in:\n%s", r.code, c.code, c.says, r.stderr)
			}
			wantAllWell(t)
		})
	}
}
