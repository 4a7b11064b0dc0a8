package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/scenarios"
)

// library is a scenario of the library by its name, whatever folder tests run in.
const library = "live-migration"

// ran is what a run on the fake left.
type ran struct {
	code           int
	stdout, stderr string
	out            string
}

// runOn runs `seatrial run` on a simulator of the test's own.
func runOn(ctx context.Context, t *testing.T, sim backend.Simulator, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	f := &runFlags{Backend: backend.Backend{Simulate: sim}}
	c := runCommandOf(f)
	out := t.TempDir()
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append(args, "--out", out, library))
	code := exitCode(c.ExecuteContext(ctx), &stderr)
	return ran{code, stdout.String(), stderr.String(), out}
}

func glob(t *testing.T, folder, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func distribution(t *testing.T, out string) report.Distribution {
	t.Helper()
	paths := glob(t, out, "*/*/"+report.DistributionFile)
	if len(paths) != 1 {
		t.Fatalf("distributions %v, want one", paths)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var d report.Distribution
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestManySeedsGiveOneDistributionForEachVariant(t *testing.T) {
	r := runOn(t.Context(), t, fakeSim(), "--repeats", "10", "--seed", "3")
	d := distribution(t, r.out)
	if d.Planned != 40 || len(d.Variants) != 4 || d.Variants[0].Variant != "as-is" {
		t.Fatalf("%+v, want as-is, packed, retry and hedge", d)
	}
	v := d.Variants[0]
	if v.Trials != 10 || v.Seeds != (report.Seeds{First: 3, Last: 12}) || v.Verdicts != (report.Verdicts{Pass: 2, Fail: 8}) {
		t.Errorf("%+v, want the seeds 3 to 12, of which 5 and 10 pass", v)
	}
	hurt := v.Figures["requests_hurt"]
	if hurt.N != 10 || *hurt.Median != 0.4 || *hurt.Min != 0 || *hurt.Max != 0.8 {
		t.Errorf("requests hurt %+v, want 0 to 80 %%", hurt)
	}
	if never := v.Figures["time_to_detect"]; never.N != 0 || never.Never != 10 {
		t.Errorf("time to detect %+v, want never in all", never)
	}
	for _, want := range []string{"live-migration / packed  on sim, seeds 3 to 12", "requests hurt", report.DistributionFile,
		"seatrial run live-migration --variant as-is --seed 5"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "users by pod") {
		t.Errorf("a report of a single trial in:\n%s", r.stdout)
	}
}

func TestAnUnexpectedSeedSaysHowToRepeatItAndEndsWith1(t *testing.T) {
	r := runOn(t.Context(), t, fakeSim(), "--repeats", "6", "--variant", "as-is")
	if r.code != 1 || !strings.Contains(r.stderr, "1 of 6 trials: as-is: pass, expected fail") {
		t.Errorf("exit code %d, want 1 and the count in:\n%s", r.code, r.stderr)
	}
	if want := "seed 5: pass, expected fail; repeat it with: seatrial run live-migration --variant as-is --seed 5"; !strings.Contains(r.stderr, want) {
		t.Errorf("no %q in:\n%s", want, r.stderr)
	}
	if calm := runOn(t.Context(), t, fakeSim(), "--repeats", "4"); calm.code != 0 {
		t.Errorf("exit code %d where all is as expected:\n%s", calm.code, calm.stderr)
	}
}

func TestFoldersAreKeptOfUnexpectedAndExtremeSeedsOnly(t *testing.T) {
	r := runOn(t.Context(), t, fakeSim(), "--repeats", "11", "--variant", "packed")
	var kept []string
	for _, path := range glob(t, r.out, "*/*/*/"+report.JournalFile) {
		folder := filepath.Dir(path)
		kept = append(kept, filepath.Base(folder))
		for _, file := range []string{report.SummaryFile, report.PageFile} {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				t.Error(err)
			}
		}
	}
	// Seeds 5 and 10 pass, unexpectedly, and hurt nobody: the best, too. Seed 4
	// is the first of those that hurt most.
	if want := []string{"packed-10", "packed-4", "packed-5"}; !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	if folders := glob(t, r.out, "*/*/*-*"); len(folders) != 3 {
		t.Errorf("folders %v, want no others", folders)
	}
}

func TestProgressGoesToStandardError(t *testing.T) {
	r := runOn(t.Context(), t, fakeSim(), "--repeats", "4", "--format", "json")
	for _, want := range []string{"1 of 16\n", "16 of 16\n"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in:\n%s", want, r.stderr)
		}
	}
	if strings.Contains(r.stdout, " of 16\n") {
		t.Errorf("progress among the results:\n%s", r.stdout)
	}
}

func TestJSONIsOneObjectATrialInOrder(t *testing.T) {
	r := runOn(t.Context(), t, fakeSim(), "--repeats", "12", "--format", "json")
	var got []uint64
	for line := range strings.Lines(r.stdout) {
		var s report.Summary
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		if s.Variant == "as-is" {
			got = append(got, s.Seed)
		}
	}
	if want := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("seeds %v, want %v", got, want)
	}
	for _, format := range []string{"markdown", "junit"} {
		if r := runOn(t.Context(), t, fakeSim(), "--repeats", "3", "--format", format); r.code != 0 || !strings.Contains(r.stdout, "live-migration") {
			t.Errorf("%s: exit code %d, %q", format, r.code, r.stdout)
		}
	}
}

// oneWorker makes a run of many seeds try one after another, so that a test can
// say which were done before something happened.
func oneWorker(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestASimulatorThatFailsEndsTheRunWithWhatWasDone(t *testing.T) {
	oneWorker(t)
	r := runOn(t.Context(), t, fakeSim(11), "--repeats", "30", "--variant", "as-is")
	if r.code != int(seatrial.Infrastructure) || !strings.Contains(r.stderr, "trial 11 of 30: the model has no answer to seed 11") ||
		!strings.Contains(r.stderr, "hint: ") {
		t.Errorf("exit code %d, want 4 with error and hint in:\n%s", r.code, r.stderr)
	}
	if d := distribution(t, r.out); d.Planned != 30 || d.Variants[0].Trials != 10 {
		t.Errorf("%d of %d trials, want the 10 before the failure", d.Variants[0].Trials, d.Planned)
	}
	for _, folder := range glob(t, r.out, "*/*/as-is-*") {
		if _, err := os.Stat(filepath.Join(folder, report.SummaryFile)); err != nil {
			t.Errorf("a folder without a report is left: %v", err)
		}
	}
}

func TestAnInterruptKeepsWhatWasDoneAndEndsWith130(t *testing.T) {
	oneWorker(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sim := func(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
		if seed == 10 {
			cancel()
		}
		return fakeSim()(spec, seed)
	}
	r := runOn(ctx, t, sim, "--repeats", "200", "--variant", "as-is")
	if r.code != int(seatrial.Interrupted) {
		t.Errorf("exit code %d, want 130:\n%s", r.code, r.stderr)
	}
	if d := distribution(t, r.out); d.Planned != 200 || d.Variants[0].Trials != 9 {
		t.Errorf("%d of %d trials, want the 9 before the interrupt", d.Variants[0].Trials, d.Planned)
	}
}

// TestAnInvalidTrialEndsWith3 is the order of the contract: invalid is worse
// than unexpected.
func TestAnInvalidTrialEndsWith3(t *testing.T) {
	var all tally
	for n, verdict := range []seatrial.Verdict{seatrial.Failed, seatrial.Invalid, seatrial.Invalid, seatrial.Pass} {
		all.add(&report.Summary{Scenario: "s", Variant: "v", Seed: uint64(n), Expect: seatrial.Pass, Verdict: verdict, Reasons: []string{"no proof"}})
	}
	var missed *missedError
	if err := all.outcome(t.Context(), nil); !errors.As(err, &missed) || missed.code != 3 || missed.message != "2 of 4 trials: v is invalid: no proof" {
		t.Errorf("outcome %+v, want code 3 and a count", missed)
	}
}

func TestASimulatedTrialIsTheSameWhereverAndWheneverItRuns(t *testing.T) {
	var journals, summaries [][]byte
	for range 2 {
		r := runOn(t.Context(), t, fakeSim(), "--seed", "7", "--variant", "as-is", "--agent-image", t.TempDir(), "--node-image", t.TempDir())
		for _, path := range glob(t, r.out, "*/*/*/*.json*") {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), r.out) {
				t.Errorf("%s names its folder", path)
			}
			if filepath.Base(path) == report.JournalFile {
				journals = append(journals, text)
			} else {
				summaries = append(summaries, text)
			}
		}
	}
	if len(journals) != 2 || !bytes.Equal(journals[0], journals[1]) || !bytes.Equal(summaries[0], summaries[1]) {
		t.Errorf("%d journals that differ", len(journals))
	}
	var s report.Summary
	if err := json.Unmarshal(summaries[0], &s); err != nil {
		t.Fatal(err)
	}
	if s.ID != "live-migration/as-is-7" || s.Started != "" || len(s.Warnings) > 0 || s.Versions.NodeImage != "" ||
		s.Command != "seatrial run live-migration --variant as-is --seed 7" {
		t.Errorf("id %q, started %q, warnings %q, versions %+v, command %q", s.ID, s.Started, s.Warnings, s.Versions, s.Command)
	}
}

func TestOneOfManySeedsIsTheTrialThatItsCommandRepeats(t *testing.T) {
	many := runOn(t.Context(), t, fakeSim(), "--repeats", "6", "--variant", "as-is")
	one := runOn(t.Context(), t, fakeSim(), "--seed", "5", "--variant", "as-is")
	a, b := glob(t, many.out, "*/*/as-is-5/"+report.JournalFile), glob(t, one.out, "*/*/as-is-1/"+report.JournalFile)
	if len(a) != 1 || len(b) != 1 {
		t.Fatalf("journals %v and %v", a, b)
	}
	first, err := os.ReadFile(a[0])
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(b[0])
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("seed 5 alone differs from seed 5 of six: %v", err)
	}
}

func TestAPlanOnTheSimulatorNamesTheTrialsTargets(t *testing.T) {
	sc, err := scenarios.Load(library, faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	s := &backend.Backend{On: backend.Sim, Simulate: fakeSim()}
	hits, err := s.Hits(t.Context(), sc.Variants[0], 1)
	if err != nil || len(hits) != 1 || !strings.HasPrefix(hits[0].Target, "node/w") {
		t.Fatalf("plan %+v, %v; want a node", hits, err)
	}
	r := runOn(t.Context(), t, fakeSim(), "--seed", "1", "--variant", "as-is")
	if !strings.Contains(r.stdout, "liveMigration on "+hits[0].Target) {
		t.Errorf("the plan says %s, the trial:\n%s", hits[0].Target, r.stdout)
	}
}
