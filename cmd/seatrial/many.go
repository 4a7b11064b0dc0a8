package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// batch is the trials of one scenario and the folder of their run.
type batch struct {
	folder string
	trials []runner.Planned
}

// distributions runs many seeds of each scenario on every core, and reports
// how the figures lie over them.
func (f *runFlags) distributions(c *cobra.Command, batches []batch) error {
	if f.keep {
		f.Log("warning: --keep is for kind: a simulated cluster ends with its trial")
	}
	m := &many{runFlags: f, command: c, progress: progress{to: c.ErrOrStderr(), total: planned(batches)}}
	var err error
	for _, b := range batches {
		if err = m.run(c.Context(), b); err != nil {
			break
		}
	}
	if f.format == "junit" {
		err = errors.Join(err, report.JUnit(c.OutOrStdout(), m.all))
	}
	return m.tally.outcome(c.Context(), m.blame(err))
}

func planned(batches []batch) int {
	n := 0
	for _, b := range batches {
		n += len(b.trials)
	}
	return n
}

// many is the state of such a run. Only summaries of the present and figures of
// the past are in memory, unless JUnit's one document needs all summaries.
type many struct {
	*runFlags
	command  *cobra.Command
	progress progress
	tally    tally
	gather   *report.Gather
	all      []*report.Summary // for --format junit
}

// run tries one scenario. What was done before an error or an interrupt is
// reported all the same.
func (m *many) run(ctx context.Context, b batch) error {
	m.gather = report.NewGather(len(b.trials))
	err := runner.Each(ctx, len(b.trials), goruntime.GOMAXPROCS(0),
		func(ctx context.Context, i int) (*report.Summary, error) { return m.quiet(ctx, b.trials[i]) },
		func(i int, s *report.Summary) error { return m.took(s, b.trials[i].Folder) })
	d := m.gather.Distribution()
	err = errors.Join(err, tidy(b.trials))
	if len(d.Variants) == 0 {
		return err
	}
	return errors.Join(err, report.WriteDistribution(b.folder, d), m.show(d, b.folder))
}

// tidy removes the folders of trials that nobody took because the run was cut
// short: every other folder has a summary.
func tidy(trials []runner.Planned) error {
	var errs []error
	for _, p := range trials {
		if _, err := os.Stat(filepath.Join(p.Folder, report.SummaryFile)); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, os.RemoveAll(p.Folder))
		}
	}
	return errors.Join(errs...)
}

// quiet runs one trial without a word, and folds its journal. One that cannot go
// on leaves a report that says why.
func (m *many) quiet(ctx context.Context, p runner.Planned) (*report.Summary, error) {
	silent := m.Backend
	silent.Log = nil
	begun, err := silent.Journal(ctx, p, false)
	switch {
	case err == nil:
		return report.ReadRun(p.Folder)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case begun:
		_, reportErr := report.WriteRun(p.Folder)
		err = errors.Join(err, reportErr)
	}
	return nil, err
}

// took is called with each trial in the order of the schedule.
func (m *many) took(s *report.Summary, folder string) error {
	m.tally.add(s)
	m.progress.step()
	dropped := m.gather.Add(s, filepath.Base(folder))
	if s.Verdict != s.Expect {
		m.progress.clear()
		m.Log("%s / %s, seed %d: %s, expected %s; repeat it with: %s", s.Scenario, s.Variant, s.Seed, s.Verdict, s.Expect, s.Command)
	}
	var err error
	if m.format == "json" {
		m.progress.clear()
		err = report.JSON(m.command.OutOrStdout(), s)
	}
	if m.format == "junit" {
		m.all = append(m.all, s)
	}
	return errors.Join(err, keepOnly(folder, dropped))
}

// keepOnly renders the report of a trial whose folder stays, and removes the
// dropped ones beside it.
func keepOnly(folder string, dropped []string) error {
	kept := true
	for _, name := range dropped {
		kept = kept && name != filepath.Base(folder)
		if err := os.RemoveAll(filepath.Join(filepath.Dir(folder), name)); err != nil {
			return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("removing the folder of a trial: %w", err),
				"check the permissions of the run's folder")
		}
	}
	if !kept {
		return nil
	}
	_, err := report.WriteRun(folder)
	return err
}

func (m *many) show(d *report.Distribution, folder string) error {
	m.progress.clear()
	out := m.command.OutOrStdout()
	switch m.format {
	case "markdown":
		return d.Markdown(out)
	case "json", "junit":
		return nil // one object a trial, and one document at the end
	}
	if err := d.Text(out, folder, m.style(m.command)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "  distribution  %s\n\n", filepath.Join(folder, report.DistributionFile))
	return err
}
