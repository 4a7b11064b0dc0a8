package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// runFlags are the flags of `seatrial run`.
type runFlags struct {
	site
	variants []string
	repeats  int
	seed     uint64
	out      string
	keep     bool
	format   string
}

func runCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run SCENARIO…",
		Short: "Run every variant of the scenarios, and report what users felt",
		Long: `Run every variant of the scenarios, and report what users felt.

SCENARIO is a path, or the name of one of the library's (see validate). Every
trial leaves a folder with journal.jsonl, summary.json and report.html.

Exit codes: 0 every trial as its variant expects, 1 an unexpected verdict,
2 wrong input, 3 a trial is invalid, 4 the infrastructure failed,
130 interrupted (and healed).`,
		Example: `  seatrial run --on kind live-migration
  seatrial run --on kind my.yaml --variant as-is --format json | jq .impact`,
		Args: atLeastOne("SCENARIO"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	onFlag(c, &f.site)
	imageFlags(c, &f.site)
	c.Flags().StringArrayVar(&f.variants, "variant", nil, "run this variant only (repeatable)")
	c.Flags().IntVar(&f.repeats, "repeats", 1, "trials of each variant; the n-th uses seed + n - 1")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "what random choices start from")
	c.Flags().StringVar(&f.out, "out", "runs", "folder for the run folders")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the last workload deployed")
	c.Flags().StringVar(&f.format, "format", "text", "text, json (one object a line), markdown or junit")
	return c
}

func (f *runFlags) run(c *cobra.Command, args []string) error {
	f.log = stderrLog(c)
	err := errors.Join(f.check(), format(f.format, "text", "json", "markdown", "junit"))
	if err == nil && f.repeats < 1 {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("--repeats %d", f.repeats), "use 1 or more")
	}
	if err != nil {
		return err
	}
	all, err := loadAll(args)
	if err != nil {
		return err
	}
	var planned []runner.Planned
	for _, sc := range all {
		folder := filepath.Join(f.out, sc.Name, runName(time.Now()))
		some, err := runner.Schedule(sc, f.variants, f.repeats, f.seed, folder)
		if err != nil {
			return err
		}
		planned = append(planned, some...)
		for _, w := range sc.Warnings {
			f.log("warning: %s", w)
		}
	}
	return f.trials(c, planned)
}

// runName is the time in UTC without colons, and enough chance to keep two
// runs of one second apart.
func runName(now time.Time) string {
	var chance [3]byte
	rand.Read(chance[:]) // never fails, see crypto/rand
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(chance[:])
}

// trials runs one after another and prints each report as it is done.
func (f *runFlags) trials(c *cobra.Command, planned []runner.Planned) error {
	var done []*report.Summary
	var errs []error
	for i, p := range planned {
		f.log("trial %d of %d: %s / %s", i+1, len(planned), p.Scenario.Name, p.Trial.Variant)
		summary, err := f.trial(c.Context(), p, i == len(planned)-1)
		if summary != nil && (err == nil || summary.Load.Planned > 0) {
			done = append(done, summary)
			errs = append(errs, f.print(c, summary, p.Folder))
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
	return outcome(c.Context(), done, errors.Join(errs...))
}

// trial runs one trial and folds its journal into summary and report.
func (f *runFlags) trial(ctx context.Context, p runner.Planned, last bool) (*report.Summary, error) {
	if err := os.MkdirAll(p.Folder, 0o755); err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("making the run folder: %w", err),
			"choose another folder with --out")
	}
	setup, err := f.setup(p, last)
	if err != nil {
		return nil, err
	}
	err = runner.Run(ctx, p.Trial, setup)
	err = errors.Join(err, setup.Journal.Close())
	summary, reportErr := report.WriteRun(p.Folder)
	return summary, errors.Join(err, reportErr)
}

func (f *runFlags) setup(p runner.Planned, last bool) (runner.Setup, error) {
	ledgers, err := ledgerFolder()
	if err != nil {
		return runner.Setup{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return runner.Setup{}, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding this executable: %w", err), "")
	}
	w, err := journal.Create(filepath.Join(p.Folder, "journal.jsonl"))
	if err != nil {
		return runner.Setup{}, err
	}
	logs := filepath.Join(p.Folder, "logs")
	return runner.Setup{
		Artifacts: logs,
		Open: func(ctx context.Context) (seatrial.Site, error) {
			return f.open(ctx, p.Trial.Spec, logs)
		},
		Guard: func(ref seatrial.Ref) (*runner.Guardian, error) {
			g, err := runner.StartGuardian(self, ledgers, ref)
			if err == nil {
				f.log("guardian: process %d undoes what is in force should this one die", g.PID())
			}
			return g, err
		},
		Ledgers: ledgers,
		Journal: w,
		Header:  header(p, f),
		Keep:    f.keep && last,
		Log:     f.log,
	}, nil
}

// header is what the journal says of a trial before it begins.
func header(p runner.Planned, f *runFlags) journal.Header {
	h := journal.HeaderOf(p.Scenario, p.Trial)
	h.ID = filepath.Base(filepath.Dir(p.Folder)) + "/" + filepath.Base(p.Folder)
	h.Backend = f.on
	h.Seed = p.Seed
	h.Started = time.Now().UTC().Format(time.RFC3339)
	h.Versions = journal.Versions{Seatrial: release(), Go: goruntime.Version(), NodeImage: f.nodeImage}
	h.Command = fmt.Sprintf("seatrial run --on %s %s --variant %s --seed %d", f.on, p.Scenario.Path, p.Trial.Variant, p.Seed)
	h.Warnings = append(h.Warnings, fmt.Sprintf(
		"load generator and cluster share the %d cores of one machine: trust the effect of the fault, not the absolute speed", goruntime.NumCPU()))
	return h
}

// print writes one report to standard output.
func (f *runFlags) print(c *cobra.Command, s *report.Summary, folder string) error {
	out := c.OutOrStdout()
	switch f.format {
	case "json":
		return report.JSON(out, s)
	case "markdown":
		return report.Markdown(out, s)
	case "junit":
		return nil // one document at the end
	}
	if err := report.Text(out, s, f.style(c)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "  report      %s\n\n", filepath.Join(folder, "report.html"))
	return err
}

// outcome maps what came of the trials to the contract's exit codes; the worst
// wins, in the order 2, 4, 3, 1.
func outcome(ctx context.Context, done []*report.Summary, err error) error {
	if ctx.Err() != nil {
		return &missedError{code: int(seatrial.Interrupted), message: "interrupted; " + healed(err)}
	}
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, err, "see the node logs in the run folder; `seatrial clusters delete` starts afresh")
	}
	var unexpected []string
	for _, s := range done {
		if s.Verdict == seatrial.Invalid {
			return &missedError{code: int(seatrial.InvalidTrial), message: s.Variant + " is invalid: " + strings.Join(s.Reasons, "; ")}
		}
		if s.Verdict != s.Expect {
			unexpected = append(unexpected, fmt.Sprintf("%s: %s, expected %s", s.Variant, s.Verdict, s.Expect))
		}
	}
	if len(unexpected) == 0 {
		return nil
	}
	slices.Sort(unexpected)
	return &missedError{code: 1, message: strings.Join(unexpected, "; ")}
}

// healed says how an interrupted run left the clusters.
func healed(err error) string {
	if errors.Is(err, runner.ErrInForce) {
		return "not everything could be undone: " + err.Error() + "; run `seatrial recover`"
	}
	return "everything that was done to the clusters is undone"
}
