package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/internal/fixture"
	"github.com/seatrial/seatrial/report"
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
	// The same bytes of the same source: what was tried is kept by them.
	out, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building seatrial: %w\n%s", err, out)
	}
	return binary, nil
})

// kindE2E is for the core set, of `make e2e`.
func kindE2E(t testing.TB) *e2e {
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

// wholeE2E is for what takes hours, of `make e2e-all`. Its runs stay.
func wholeE2E(t *testing.T) *e2e {
	t.Helper()
	if os.Getenv("SEATRIAL_E2E") != "all" {
		t.Skip("needs Docker and hours: `make e2e-all` runs it")
	}
	e := kindE2E(t)
	if runs := os.Getenv("SEATRIAL_E2E_RUNS"); runs != "" {
		e.runs = runs
	}
	return e
}

// scenario lays one of testdata/e2e's beside the library's workload and its
// patches of that name, since a scenario's manifests lie in its own folder.
func scenario(t testing.TB, name string, patches ...string) string {
	t.Helper()
	dir := t.TempDir()
	files := []string{filepath.Join(e2eDir(t), "testdata", "e2e", name)}
	for _, p := range append([]string{"shop.yaml"}, patches...) {
		files = append(files, filepath.Join(e2eDir(t), "scenarios", p))
	}
	if err := fixture.Lay(dir, files...); err != nil {
		t.Fatal(err)
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

func (e *e2e) start(t testing.TB, args ...string) (*exec.Cmd, *bytes.Buffer, *fixture.Buffer) {
	t.Helper()
	c := exec.Command(e.binary, args...)
	c.Dir = e2eDir(t)
	stdout, stderr := &bytes.Buffer{}, &fixture.Buffer{}
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Start(); err != nil {
		t.Fatalf("starting seatrial: %v", err)
	}
	return c, stdout, stderr
}

// e2eDir is the top of the repository, where a user stands.
func e2eDir(t testing.TB) string {
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
// and returns their summaries.
func (e *e2e) trial(t *testing.T, args ...string) []report.Summary {
	t.Helper()
	r := e.tries(t, args...)
	if r.code != 0 {
		t.Fatalf("exit code %d, want 0", r.code)
	}
	return r.summaries
}

// tries runs scenario variants on kind. An invalid trial proves nothing, for
// this test as for a user, and is repeated: on a machine whose cores are taken
// away for a while the generator lags, and seatrial says so.
func (e *e2e) tries(t *testing.T, args ...string) result {
	t.Helper()
	for try := 1; ; try++ {
		r := e.run(t, append([]string{"run", "--on", "kind", "--format", "json", "--out", e.runs}, args...)...)
		if r.code != 3 || try == 3 || !starved(r.summaries) {
			return r
		}
		t.Logf("try %d was invalid for want of CPU; trying again", try)
	}
}

// starved says whether every invalid trial is so because the generator was the
// bottleneck.
func starved(all []report.Summary) bool {
	return !slices.ContainsFunc(all, func(s report.Summary) bool { return s.Verdict == seatrial.Invalid && !s.Starved() })
}

// await waits until text of the command's messages matches, and returns the
// first group.
func await(t testing.TB, from *fixture.Buffer, pattern string, limit time.Duration) string {
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

// frozen starts a trial of a 120 s freeze and returns when the node stands
// still.
func (e *e2e) frozen(t *testing.T, scenario string) (c *exec.Cmd, messages *fixture.Buffer, guardian int, node string) {
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
