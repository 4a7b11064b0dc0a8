package seatrialtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/internal/fixture"
)

// TestHelper is the test that others run, in a process of its own, to see what
// go test would show of it.
func TestHelper(t *testing.T) {
	scenario := os.Getenv("SEATRIAL_HELPER")
	if scenario == "" {
		t.Skip("it is for the other tests")
	}
	options := []Option{On(os.Getenv("SEATRIAL_HELPER_ON"))}
	if out := os.Getenv("SEATRIAL_HELPER_OUT"); out != "" {
		options = append(options, Out(out))
	}
	for _, s := range Run(t, scenario, options...) {
		t.Logf("summary of %s: %s", s.Variant, s.Verdict)
	}
}

// helper runs TestHelper, and returns its output, and whether it passed.
func helper(t *testing.T, on, scenario string, env []string, args ...string) (string, bool) {
	t.Helper()
	out, err := command(t, on, scenario, env, args...).CombinedOutput()
	return string(out), err == nil
}

func command(t *testing.T, on, scenario string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], append([]string{"-test.run=^TestHelper$", "-test.v"}, args...)...)
	c.Env = append(os.Environ(), "SEATRIAL_HELPER="+scenario, "SEATRIAL_HELPER_ON="+on, "TMPDIR="+t.TempDir())
	c.Env = append(c.Env, env...)
	return c
}

// hasty is a scenario of a few seconds whose second variant promises what a
// frozen node does not keep.
func hasty(t *testing.T) string { return beside(t, "testdata/hasty.yaml") }

// beside copies a scenario beside the library's workload, where its manifests
// have to be.
func beside(t *testing.T, scenario string) string {
	t.Helper()
	dir := t.TempDir()
	if err := fixture.Lay(dir, scenario, "../scenarios/shop.yaml"); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, filepath.Base(scenario))
}

func wants(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			t.Errorf("no %q in:\n%s", p, out)
		}
	}
}

func TestAVerdictThatWasNotExpectedFailsItsVariantAndSaysWhy(t *testing.T) {
	out, passed := helper(t, backend.Sim, hasty(t), nil)
	if passed {
		t.Error("it passed")
	}
	wants(t, out,
		`--- PASS: TestHelper/as-is`, `pass, as expected`,
		`--- FAIL: TestHelper/proud`, `hasty / proud: fail, want pass`, `because .*availability`, `of the requests`,
		`repeat: seatrial run .*hasty.yaml --variant proud --seed 1`,
		`summary of as-is: pass`, `summary of proud: fail`)
	path := regexp.MustCompile(`  report: (\S+)`).FindStringSubmatch(out)
	if path == nil {
		t.Fatalf("no report is named:\n%s", out)
	}
	if _, err := os.Stat(path[1]); err != nil {
		t.Errorf("the report of a test that failed is gone: %v", err)
	}
}

func TestReportsOfATestThatPassedStayWhereTheyWereAskedForOnly(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  []string
		stay bool
	}{
		"by default":   {nil, nil, false},
		"as artifacts": {[]string{"-test.artifacts", "-test.outputdir=" + t.TempDir()}, nil, true},
		"in a folder":  {nil, []string{"SEATRIAL_HELPER_OUT=" + t.TempDir()}, true},
	} {
		out, passed := helper(t, backend.Sim, hasty(t), c.env, append(c.args, "-test.run=^TestHelper$/^as-is$")...)
		path := regexp.MustCompile(`report: (\S+)`).FindStringSubmatch(out)
		if !passed || path == nil {
			t.Fatalf("%s:\n%s", name, out)
		}
		if _, err := os.Stat(path[1]); (err == nil) != c.stay {
			t.Errorf("%s: %v, want it there %v", name, err, c.stay)
		}
	}
}

func TestABackendThatIsNotThereSkipsUnlessItIsRequired(t *testing.T) {
	nowhere := "DOCKER_HOST=unix://" + filepath.Join(t.TempDir(), "docker.sock")
	out, passed := helper(t, backend.Kind, hasty(t), []string{nowhere})
	if !passed {
		t.Error("it failed")
	}
	wants(t, out, `--- SKIP: TestHelper`, `kind is not there \(with SEATRIAL_REQUIRE=kind this fails\): .*Docker daemon`, `hint: `)

	out, passed = helper(t, backend.Kind, hasty(t), []string{nowhere, Require + "=sim,kind"})
	if passed {
		t.Error("it passed")
	}
	wants(t, out, `--- FAIL: TestHelper`, `asks for kind, and it is not there`)
}

func TestShortSkipsWhatTakesMinutesAlone(t *testing.T) {
	out, passed := helper(t, backend.Kind, hasty(t), nil, "-test.short")
	if !passed {
		t.Error("it failed")
	}
	wants(t, out, `--- SKIP: TestHelper`, `takes minutes`)
	out, _ = helper(t, backend.Sim, hasty(t), nil, "-test.short", "-test.run=^TestHelper$/^as-is$")
	wants(t, out, `--- PASS: TestHelper/as-is`)
}

func TestWhatIsWrongIsSaidWithItsHint(t *testing.T) {
	for name, c := range map[string]struct{ on, scenario, want string }{
		"no such file":    {backend.Sim, "testdata/none.yaml", `none.yaml`},
		"no such backend": {"gke", hasty(t), `there is no backend "gke"\s+hint: this version runs on: sim, kind`},
	} {
		out, passed := helper(t, c.on, c.scenario, nil)
		if passed {
			t.Errorf("%s: it passed", name)
		}
		wants(t, out, `--- FAIL: TestHelper`, c.want)
	}
}

func TestATrialHasEndedBeforeGoTestsTimeout(t *testing.T) {
	deadline, has := t.Deadline()
	for on, grace := range map[string]time.Duration{backend.Sim: time.Second, backend.Kind: time.Minute} {
		ctx, cancel := chosen([]Option{On(on)}).until(t)
		got, bounded := ctx.Deadline()
		cancel()
		if bounded != has || has && deadline.Sub(got) != grace {
			t.Errorf("%s: until %v, want %v before %v", on, got, grace, deadline)
		}
	}
	out, passed := helper(t, backend.Sim, hasty(t), nil, "-test.timeout=1s1ns")
	if passed {
		t.Error("it passed")
	}
	wants(t, out, `the trial was interrupted 1s before go test's -timeout`)
}

// The binary of a test, started as the guardian, is nothing else.
func TestTheBinaryOfATestIsAGuardian(t *testing.T) {
	c := exec.Command(os.Args[0], "guardian", "--ledgers", t.TempDir(), "--backend", "kind", "--name", "n", "--uid", "u")
	c.Env = append(os.Environ(), "SEATRIAL_GUARDIAN=1")
	c.Stdin = strings.NewReader("released")
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	c = exec.Command(os.Args[0], "guardian", "--what")
	c.Env = append(os.Environ(), "SEATRIAL_GUARDIAN=1")
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "guardian: flag provided but not defined") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestE2ETrialsOnKindEndInTimeAndWaitForEachOther(t *testing.T) {
	if os.Getenv("SEATRIAL_E2E") == "" {
		t.Skip("needs Docker and minutes: `make e2e` runs it")
	}
	t.Setenv(Require, backend.Kind)
	short := beside(t, "../testdata/e2e/short.yaml")
	t.Run("the cluster is there", func(t *testing.T) { Run(t, short, On(backend.Kind)) })

	// A node stands still when the time is over, a minute before go test's.
	long := command(t, backend.Kind, beside(t, "../testdata/e2e/long-freeze.yaml"), nil, "-test.timeout=120s")
	var out fixture.Buffer
	long.Stdout, long.Stderr = &out, &out
	if err := long.Start(); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(time.Minute); !strings.Contains(out.String(), "guardian: process"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the trial has not begun:\n%s", out.String())
		}
	}
	// Meanwhile somebody else wants the same cluster, and gets it afterwards.
	t.Run("at the same time", func(t *testing.T) { Run(t, short, On(backend.Kind)) })
	if err := long.Wait(); err == nil {
		t.Error("a trial of minutes passed within one")
	}
	wants(t, out.String(), `the trial was interrupted 1m0s before go test's -timeout`, `trial begins`)
}
