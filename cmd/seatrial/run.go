package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// runFlags are the flags of `seatrial run`.
type runFlags struct {
	backend.Backend
	manifests []string
	variants  []string
	repeats   int
	seed      uint64
	out       string
	keep      bool
	format    string
}

func runCommand() *cobra.Command { return runCommandOf(&runFlags{}) }

func runCommandOf(f *runFlags) *cobra.Command {
	c := &cobra.Command{
		Use:   "run SCENARIO…",
		Short: "Run every variant of the scenarios, and report what users felt",
		Long: `Run every variant of the scenarios, and report what users felt.

SCENARIO is a path, or the name of one of the library's (see validate). Every
trial leaves a folder with journal.jsonl, summary.json and report.html.

The simulator is the default: it needs nothing, takes seconds, and gives the same
journal for the same seed. With --repeats above 1 it tries that many seeds on all
cores and reports how the figures lie over them; folders are kept of the trials
at both ends and of those whose verdict was not expected, and distribution.json
above them has the rest. --on kind runs on a real cluster, one trial at a time.

Exit codes: 0 every trial as its variant expects, 1 an unexpected verdict,
2 wrong input, 3 a trial is invalid, 4 the infrastructure failed,
130 interrupted (and healed).`,
		Example: `  seatrial run live-migration
  seatrial run --repeats 200 live-migration
  helm template shop ./chart | seatrial run trial.yaml --manifests -
  seatrial run --on kind my.yaml --variant as-is --format json | jq .impact`,
		Args: atLeastOne("SCENARIO"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	onFlag(c, &f.Backend)
	imageFlags(c, &f.Backend)
	manifestsFlag(c, &f.manifests)
	c.Flags().StringArrayVar(&f.variants, "variant", nil, "run this variant only (repeatable)")
	c.Flags().IntVar(&f.repeats, "repeats", 1, "trials of each variant; the n-th uses seed + n - 1")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "what random choices start from")
	c.Flags().StringVar(&f.out, "out", "runs", "folder for the run folders")
	c.Flags().BoolVar(&f.keep, "keep", false, "with --on kind: leave the last workload deployed")
	c.Flags().StringVar(&f.format, "format", "text", "text, json (one object a line), markdown or junit")
	return c
}

func (f *runFlags) run(c *cobra.Command, args []string) error {
	f.Log, f.Watch = stderrLog(c), watch(c)
	err := errors.Join(f.Check(), format(f.format, "text", "json", "markdown", "junit"))
	if err == nil && f.repeats < 1 {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("--repeats %d", f.repeats), "use 1 or more")
	}
	if err != nil {
		return err
	}
	all, err := loadAll(c, &f.Backend, args, f.manifests)
	if err != nil {
		return err
	}
	var batches []batch
	for _, sc := range all {
		folder := filepath.Join(f.out, sc.Name, backend.RunName(time.Now()))
		some, err := runner.Schedule(sc, f.variants, f.repeats, f.seed, folder)
		if err != nil {
			return err
		}
		batches = append(batches, batch{folder, some})
	}
	if f.On == backend.Sim && f.repeats > 1 {
		return f.distributions(c, batches)
	}
	return f.trials(c, batches)
}

// trials runs one after another and prints each report as it is done.
func (f *runFlags) trials(c *cobra.Command, batches []batch) error {
	var planned []runner.Planned
	for _, b := range batches {
		planned = append(planned, b.trials...)
	}
	var done []*report.Summary
	var errs []error
	for i, p := range planned {
		f.Log("trial %d of %d: %s / %s", i+1, len(planned), p.Scenario.Name, p.Trial.Variant)
		summary, err := f.Trial(c.Context(), p, f.keep && i == len(planned)-1)
		if summary != nil && (err == nil || summary.Load.Planned > 0) {
			done = append(done, summary)
			errs = append(errs, f.print(c, summary, p.Folder), trialToGitHub(c.ErrOrStderr(), p.Scenario.Path, summary))
		}
		errs = append(errs, err)
		if c.Context().Err() != nil || err != nil {
			break
		}
	}
	if f.format == "junit" {
		errs = append(errs, report.JUnit(c.OutOrStdout(), done))
	}
	if f.format == "text" && len(done) > 1 {
		errs = append(errs, report.Overview(c.OutOrStdout(), done, f.style(c)))
	}
	return outcome(c.Context(), done, f.blame(errors.Join(errs...)))
}

// blame classifies an error that nobody has classified before.
func (f *runFlags) blame(err error) error {
	hint := "see the node logs in the run folder; `seatrial clusters delete` starts afresh"
	if f.On == backend.Sim {
		hint = "see the journal in the run folder, and whether --on " + backend.Kind + " agrees"
	}
	return seatrial.Fail(seatrial.Infrastructure, err, hint)
}

// print writes one report to standard output.
func (f *runFlags) print(c *cobra.Command, s *report.Summary, folder string) error {
	out := c.OutOrStdout()
	switch f.format {
	case "json":
		return report.JSON(out, s)
	case "markdown":
		return report.Markdown(out, s)
	case "junit", "openmetrics", "csv":
		return nil // one document at the end
	}
	if err := report.Text(out, s, f.style(c)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "  report      %s\n\n", filepath.Join(folder, "report.html"))
	return err
}
