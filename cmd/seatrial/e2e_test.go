package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// The end-to-end tests run the built command against real kind, as a user
// would. They share one warm cluster and run one after another.

// e2e is the built command and a folder for its runs.
type e2e struct {
	binary string
	runs   string
}

// build makes the command once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "seatrial-e2e-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "seatrial")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building seatrial: %w\n%s", err, out)
	}
	return binary, nil
})

func kindE2E(t *testing.T) *e2e {
	t.Helper()
	if os.Getenv("SEATRIAL_E2E") == "" {
		t.Skip("needs Docker and minutes: `make e2e` runs it")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return &e2e{binary: binary, runs: filepath.Join(t.TempDir(), "runs")}
}

// scenario lays one of testdata/e2e's beside the library's workload, since a
// scenario's manifests lie in its own folder.
func scenario(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"testdata/e2e/" + name, "scenarios/shop.yaml"} {
		text, err := os.ReadFile(filepath.Join(e2eDir(t), from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(from)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name)
}

// result is what a finished command left.
type result struct {
	code      int
	stdout    string
	stderr    string
	summaries []report.Summary
}

func (e *e2e) start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer, *lockedBuffer) {
	t.Helper()
	c := exec.Command(e.binary, args...)
	c.Dir = e2eDir(t)
	stdout, stderr := &bytes.Buffer{}, &lockedBuffer{}
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Start(); err != nil {
		t.Fatalf("starting seatrial: %v", err)
	}
	return c, stdout, stderr
}

// e2eDir is the top of the repository, where a user stands.
func e2eDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (e *e2e) run(t *testing.T, args ...string) result {
	t.Helper()
	c, stdout, stderr := e.start(t, args...)
	err := c.Wait()
	r := result{code: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	t.Logf("seatrial %s: exit %d (%v)\n%s%s", strings.Join(args, " "), r.code, err, r.stderr, r.stdout)
	if slices.Contains(args, "json") {
		for d := json.NewDecoder(stdout); d.More(); {
			var s report.Summary
			if err := d.Decode(&s); err != nil {
				t.Fatalf("reading the summary: %v", err)
			}
			r.summaries = append(r.summaries, s)
		}
	}
	return r
}

// trial runs scenario variants on kind, which must come out as they expect,
// and returns their summaries. An invalid trial proves nothing, for this test
// as for a user, and is repeated: on a machine whose cores are taken away for a
// while the generator lags, and seatrial says so.
func (e *e2e) trial(t *testing.T, args ...string) []report.Summary {
	t.Helper()
	for try := 1; ; try++ {
		r := e.run(t, append([]string{"run", "--on", "kind", "--format", "json", "--out", e.runs}, args...)...)
		if r.code == 3 && try < 3 && starved(r.summaries) {
			t.Logf("try %d was invalid for want of CPU; trying again", try)
			continue
		}
		if r.code != 0 {
			t.Fatalf("exit code %d, want 0", r.code)
		}
		return r.summaries
	}
}

// starved says whether every invalid trial is so because the generator was the
// bottleneck: it sent too much too late.
func starved(all []report.Summary) bool {
	for _, s := range all {
		late := float64(s.Load.Late) / float64(max(1, s.Load.Sent))
		if s.Verdict == seatrial.Invalid && late <= report.MostLate {
			return false
		}
	}
	return true
}

// stolen returns a function that tells which share of the machine's CPU time
// its host has given to others meanwhile (steal, the 8th figure of /proc/stat's
// first line, in proc(5)).
func stolen(t *testing.T) func() float64 {
	t.Helper()
	read := func() (steal, all float64) {
		stat, err := os.ReadFile("/proc/stat")
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(stat), "\n")
		for i, field := range strings.Fields(line)[1:] {
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			all += n
			if i == 7 {
				steal = n
			}
		}
		return steal, all
	}
	steal, all := read()
	return func() float64 {
		s, a := read()
		return (s - steal) / max(1, a-all)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// await waits until text of the command's messages matches, and returns the
// first group.
func await(t *testing.T, from *lockedBuffer, pattern string, limit time.Duration) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(from.String()); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("no %q within %s in:\n%s", pattern, limit, from.String())
	return ""
}

// stopped counts the stopped processes of a node's pods, kubelet and runtime,
// read from /proc and so independent of seatrial.
func stopped(t *testing.T, node string) int {
	t.Helper()
	id := docker(t, "inspect", "--format", "{{.Id}}", node)
	paths, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range paths {
		group, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(group, []byte(id)) {
			continue // a process that ended meanwhile, or another's
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(path), "stat"))
		if err == nil && regexp.MustCompile(`\) [Tt] `).Match(stat) {
			count++
		}
	}
	return count
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// wantAllWell checks, by docker and /proc alone, that nothing of a fault is
// left on any node, and that the ledger is empty.
func wantAllWell(t *testing.T) {
	t.Helper()
	for _, node := range strings.Fields(docker(t, "ps", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}")) {
		if !strings.HasPrefix(node, "seatrial-") {
			continue
		}
		if n := stopped(t, node); n > 0 {
			t.Errorf("%d processes of %s are still stopped", n, node)
		}
		if state := docker(t, "inspect", "--format", "{{.State.Status}}", node); state != "running" {
			t.Errorf("node %s is %s", node, state)
		}
	}
	wantEmptyLedgers(t)
}

func wantEmptyLedgers(t *testing.T) {
	t.Helper()
	folder, err := ledgerFolder()
	if err != nil {
		t.Fatal(err)
	}
	refs, err := runner.Ledgers(folder)
	if err != nil || len(refs) > 0 {
		t.Errorf("ledgers of %v are left, %v", refs, err)
	}
}

func TestE2EAFreezeOfOneNodeInThreeHurtsItsUsersAndNobodyElse(t *testing.T) {
	e := kindE2E(t)
	share := stolen(t)
	s := e.trial(t, "--variant", "as-is", "scenarios/live-migration.yaml")[0]
	steal := share()
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

// frozen starts a trial of a 120 s freeze and returns when the node stands
// still.
func (e *e2e) frozen(t *testing.T, scenario string) (c *exec.Cmd, messages *lockedBuffer, guardian int, node string) {
	t.Helper()
	c, _, messages = e.start(t, "run", "--on", "kind", "--out", e.runs, scenario)
	pid := await(t, messages, `guardian: process (\d+)`, 5*time.Minute)
	await(t, messages, `(preparing)`, 2*time.Minute)
	guardian, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		for _, n := range strings.Fields(docker(t, "ps", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}")) {
			if strings.HasPrefix(n, "seatrial-") && stopped(t, n) > 0 {
				return c, messages, guardian, n
			}
		}
	}
	t.Fatalf("no node was frozen:\n%s", messages.String())
	return nil, nil, 0, ""
}

func awaitThaw(t *testing.T, node string, limit time.Duration) time.Duration {
	t.Helper()
	for since := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if stopped(t, node) == 0 {
			return time.Since(since)
		}
		if time.Since(since) > limit {
			t.Fatalf("%s is still frozen %s after", node, limit)
		}
	}
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

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
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

func TestE2EAWarmClusterSendsItsFirstRequestWithin15Seconds(t *testing.T) {
	e := kindE2E(t)
	e.trial(t, scenario(t, "short.yaml")) // the cluster is booted, and left as a run leaves it
	began := time.Now()
	c, _, messages := e.start(t, "run", "--on", "kind", "--out", e.runs, scenario(t, "short.yaml"))
	await(t, messages, `(load begins)`, time.Minute)
	took := time.Since(began)
	if err := c.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, messages)
	}
	t.Logf("first request after %s", took)
	if took > 15*time.Second {
		t.Errorf("the first request was sent after %s, want within 15 s", took)
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
