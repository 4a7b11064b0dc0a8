package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// repeatsOnSim is how often each variant is tried unless the user says otherwise:
// seeds cost the simulator little. On kind a trial takes minutes, so there it is
// as often as it takes to decide at all.
const repeatsOnSim = 30

// compareFlags are the flags of `seatrial compare`.
type compareFlags struct {
	runFlags
	baseline string // an earlier comparison.json
}

func compareCommand() *cobra.Command { return compareCommandOf(&compareFlags{}) }

func compareCommandOf(f *compareFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "compare SCENARIO",
		Short: "Run the variants of a scenario many times, and decide which is better",
		Long: `Run the variants of a scenario many times, and decide which is better.

Every variant is held against the baseline, trial by trial of the same seed or
round, by the scenario's compare.metric and compare.margin: better, worse, no
difference larger than the margin, or inconclusive. The run's folder gets
comparison.json and report.html above those of the trials.

With --baseline the variants are also held against an earlier comparison.json.

Exit codes: 0 compared, 1 a variant is worse than in --baseline by more than the
margin, 2 wrong input, 3 a trial is invalid (its pair is left out), 4 the
infrastructure failed, 130 interrupted (and healed).`,
		Example: `  seatrial compare live-migration
  seatrial compare my.yaml --variant as-is --variant hedge --repeats 100
  seatrial compare my.yaml --baseline main/comparison.json --format markdown`,
		Args: oneScenario,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	onFlag(c, &f.Backend)
	imageFlags(c, &f.Backend)
	manifestsFlag(c, &f.manifests)
	c.Flags().StringArrayVar(&f.variants, "variant", nil, "compare this variant (repeatable); all, unless given")
	c.Flags().IntVar(&f.repeats, "repeats", 0, fmt.Sprintf("trials of each variant; the n-th uses seed + n - 1 (default %d on sim; on kind as few as can decide, 6 for two variants)", repeatsOnSim))
	c.Flags().Uint64Var(&f.seed, "seed", 1, "what random choices start from")
	c.Flags().StringVar(&f.baseline, "baseline", "", "an earlier comparison.json to find regressions against")
	c.Flags().StringVar(&f.out, "out", "runs", "folder for the run folders")
	c.Flags().StringVar(&f.format, "format", "text", "text, json, markdown or html")
	return c
}

func oneScenario(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s needs one SCENARIO, got %d", c.CommandPath(), len(args)),
		"see `"+c.CommandPath()+" --help`")
}

func (f *compareFlags) run(c *cobra.Command, path string) error {
	f.Log, f.Watch = stderrLog(c), watch(c)
	err := errors.Join(f.Check(), format(f.format, "text", "json", "markdown", "html"))
	if err == nil && f.repeats < 1 && c.Flags().Changed("repeats") {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("--repeats %d", f.repeats), "use 1 or more")
	}
	if err != nil {
		return err
	}
	all, err := loadAll(c, &f.Backend, []string{path}, f.manifests)
	if err != nil {
		return err
	}
	plan, err := f.plan(all[0])
	if err != nil {
		return err
	}
	earlier, err := f.earlier(all[0].Name)
	if err != nil {
		return err
	}
	folder := filepath.Join(f.out, all[0].Name, backend.RunName(time.Now()))
	planned, err := runner.Blocks(all[0], plan.Variants, plan.Repeats, f.seed, folder)
	if err != nil {
		return err
	}
	return f.compare(c, plan, planned, earlier, folder)
}

// plan chooses the variants, the baseline first: the scenario's own, else the
// first that is named.
func (f *compareFlags) plan(sc *seatrial.Scenario) (report.ComparePlan, error) {
	plan := report.ComparePlan{CompareSpec: sc.Compare, Variants: distinct(f.variants), Repeats: f.repeats}
	if len(plan.Variants) == 0 {
		for _, t := range sc.Variants {
			plan.Variants = append(plan.Variants, t.Variant)
		}
	}
	for i, name := range plan.Variants {
		if sc.Variants[0].Baseline && name == sc.Variants[0].Variant {
			plan.Variants = slices.Insert(slices.Delete(plan.Variants, i, i+1), 0, name)
		}
	}
	if len(plan.Variants) < 2 && f.baseline == "" {
		return plan, seatrial.Fail(seatrial.BadInput, fmt.Errorf("one variant alone, %s, cannot be compared", plan.Variants[0]),
			"choose two or more variants, or an earlier comparison with --baseline")
	}
	fewest := report.FewestRepeats(len(plan.Variants))
	if plan.Repeats == 0 {
		plan.Repeats = max(repeatsOnSim, fewest)
		if f.On != backend.Sim {
			plan.Repeats = fewest
		}
	}
	if plan.Repeats < fewest {
		f.Log("warning: %d repeats cannot decide between %d variants, however large the difference: use --repeats %d or more",
			plan.Repeats, len(plan.Variants), fewest)
	}
	plan.Command = f.again(sc, plan)
	return plan, nil
}

func distinct(names []string) []string {
	var kept []string
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// again is the command line that repeats a comparison.
func (f *compareFlags) again(sc *seatrial.Scenario, plan report.ComparePlan) string {
	words := []string{"seatrial compare"}
	if f.On != backend.Sim {
		words = append(words, "--on "+f.On)
	}
	if f.Arguments != "" {
		words = append(words, f.Arguments)
	}
	words = append(words, backend.Quoted(sc.Path))
	for _, v := range distinct(f.variants) {
		words = append(words, "--variant "+backend.Quoted(v))
	}
	return strings.Join(append(words, fmt.Sprintf("--repeats %d --seed %d", plan.Repeats, f.seed)), " ")
}

// earlier reads --baseline before anything runs; nil without one.
func (f *compareFlags) earlier(scenario string) (*report.Comparison, error) {
	if f.baseline == "" {
		return nil, nil
	}
	file, err := os.Open(f.baseline)
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("opening the baseline: %w", err),
			"name a "+report.ComparisonFile+" that `seatrial compare` wrote")
	}
	defer file.Close() // read only: nothing can be lost
	then, err := report.ReadComparison(file)
	if err != nil {
		return nil, err
	}
	return then, report.Comparable(then, scenario, f.On)
}

// compare runs the trials and judges what there is, also when the run was cut
// short.
func (f *compareFlags) compare(c *cobra.Command, plan report.ComparePlan, planned []runner.Planned, earlier *report.Comparison, folder string) error {
	done, err := f.rounds(c, planned)
	if len(done) == 0 {
		return f.outcome(c.Context(), nil, f.blame(err))
	}
	result := report.Compare(plan, done)
	if len(done) < len(planned) {
		result.Warnings = append(result.Warnings, fmt.Sprintf("the run was cut short: %d of %d trials ran", len(done), len(planned)))
	}
	if earlier != nil {
		result.Against(earlier, f.baseline)
	}
	err = errors.Join(err, report.WriteComparison(folder, result), f.show(c, result, folder), toGitHub(c.ErrOrStderr(),
		func(w io.Writer) error { return report.ComparisonMarkdown(w, result) },
		func(w io.Writer) error { return report.AnnotateComparison(w, planned[0].Scenario.Path, result) }))
	return f.outcome(c.Context(), result, f.blame(err))
}

// rounds runs the trials: side by side on the simulator, one after another
// where they would disturb each other.
func (f *compareFlags) rounds(c *cobra.Command, planned []runner.Planned) (done []*report.Summary, err error) {
	if f.On == backend.Sim {
		return f.sideBySide(c, planned)
	}
	for i, p := range planned {
		f.Log("trial %d of %d: %s / %s, seed %d", i+1, len(planned), p.Scenario.Name, p.Trial.Variant, p.Seed)
		summary, err := f.Trial(c.Context(), p, false)
		if summary != nil && err == nil {
			done = append(done, summary)
			f.Log("  %s: %s", summary.Verdict, summary.Sentence)
		}
		if err != nil || c.Context().Err() != nil {
			return done, err
		}
	}
	return done, nil
}

// sideBySide keeps the folders of extreme and unexpected trials only.
func (f *compareFlags) sideBySide(c *cobra.Command, planned []runner.Planned) (done []*report.Summary, err error) {
	m := &many{runFlags: &f.runFlags}
	progress, gather := progress{to: c.ErrOrStderr(), total: len(planned)}, report.NewGather(len(planned))
	err = runner.Each(c.Context(), len(planned), goruntime.GOMAXPROCS(0),
		func(ctx context.Context, i int) (*report.Summary, error) { return m.quiet(ctx, planned[i]) },
		func(i int, s *report.Summary) error {
			done = append(done, s)
			progress.step()
			return keepOnly(planned[i].Folder, gather.Add(s, filepath.Base(planned[i].Folder)))
		})
	progress.clear()
	return done, errors.Join(err, tidy(planned))
}

func (f *compareFlags) show(c *cobra.Command, result *report.Comparison, folder string) error {
	out := c.OutOrStdout()
	switch f.format {
	case "json":
		return report.ComparisonJSON(out, result)
	case "markdown":
		return report.ComparisonMarkdown(out, result)
	case "html":
		return report.ComparisonHTML(out, result)
	}
	if err := report.ComparisonText(out, result, f.style(c)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n  report      %s\n", filepath.Join(folder, report.PageFile))
	return err
}

// outcome is 1 for a regression alone: what a variant is expected to miss is
// for `seatrial run` to check. The worst wins, in the order 2, 4, 3, 1.
func (f *compareFlags) outcome(ctx context.Context, result *report.Comparison, err error) error {
	if ctx.Err() != nil {
		return &missedError{code: int(seatrial.Interrupted), message: "interrupted; " + healed(err)}
	}
	if err != nil {
		return err
	}
	var said []string
	code := 0
	if list := result.Regressed(); len(list) > 0 {
		code, said = 1, append(said, "worse than in "+f.baseline+": "+strings.Join(list, ", "))
	}
	if n := len(result.LeftOut); n > 0 {
		first := result.LeftOut[0]
		code, said = int(seatrial.InvalidTrial), append(said, fmt.Sprintf("%d of %d trials invalid, first %s with seed %d: %s",
			n, result.Trials(), first.Variant, first.Seed, strings.Join(first.Reasons, "; ")))
	}
	if code == 0 {
		return nil
	}
	return &missedError{code: code, message: strings.Join(said, "; ")}
}
