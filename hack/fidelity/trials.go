package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/seatrial/seatrial/report"
)

// comparison is one scenario on a real cluster and on the simulator.
type comparison struct {
	real, sim *report.Distribution
}

func (o *options) compare(ctx context.Context, path, temporary string) (comparison, error) {
	copied, err := copyScenario(path, filepath.Join(o.runs, "scenarios"), o.users)
	if err != nil {
		return comparison{}, err
	}
	real, err := o.onKind(ctx, copied)
	if err != nil {
		return comparison{}, err
	}
	sim, err := o.onSim(ctx, copied, temporary)
	return comparison{real, sim}, err
}

// onKind returns the trials of this very scenario on kind, and runs them where
// there are none yet.
func (o *options) onKind(ctx context.Context, c copied) (*report.Distribution, error) {
	folder := filepath.Join(o.runs, c.key)
	_, err := os.Stat(folder)
	if errors.Is(err, os.ErrNotExist) {
		err = o.runOnKind(ctx, c, folder)
	}
	if err != nil {
		return nil, err
	}
	return gatherFolder(folder)
}

// runOnKind gives the folder its name only when all trials are in it, so that a
// run that was cut short is not taken for a whole one.
func (o *options) runOnKind(ctx context.Context, c copied, folder string) error {
	partial := folder + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("removing a run that was cut short: %w", err)
	}
	err := o.trials(ctx, io.Discard, "--on", "kind", "--repeats", strconv.Itoa(o.repeats), "--out", partial, c.path)
	if err != nil {
		return err
	}
	if err := os.Rename(partial, folder); err != nil {
		return fmt.Errorf("keeping the trials on kind: %w", err)
	}
	return nil
}

func (o *options) onSim(ctx context.Context, c copied, temporary string) (*report.Distribution, error) {
	var lines bytes.Buffer
	err := o.trials(ctx, &lines, "--on", "sim", "--repeats", strconv.Itoa(o.seeds), "--out", filepath.Join(temporary, "runs"), c.path)
	if err != nil {
		return nil, err
	}
	return gather(json.NewDecoder(&lines))
}

// trials runs seatrial. Trials that miss their SLO or are invalid are results;
// all else is an error.
func (o *options) trials(ctx context.Context, stdout io.Writer, args ...string) error {
	c := exec.CommandContext(ctx, o.seatrial, append([]string{"run", "--format", "json"}, args...)...)
	c.Stdout, c.Stderr = stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) } // it heals the cluster on its way out
	c.WaitDelay = healing
	err := c.Run()
	if code := c.ProcessState.ExitCode(); code == 1 || code == 3 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("running the trials: %w", err)
	}
	return nil
}

// healing is how long an interrupted run may take to undo what it did: several
// times one attempt at a revert, 90 s.
const healing = 5 * time.Minute

// gather reads summaries, one after another.
func gather(from *json.Decoder) (*report.Distribution, error) {
	g := report.NewGather(0)
	for {
		var s report.Summary
		err := from.Decode(&s)
		if errors.Is(err, io.EOF) {
			return g.Distribution(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a summary: %w", err)
		}
		g.Add(&s, "")
	}
}

// gatherFolder reads every summary.json in a folder and below.
func gatherFolder(folder string) (*report.Distribution, error) {
	var all bytes.Buffer
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != report.SummaryFile {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the trials in %s: %w", folder, err)
	}
	if all.Len() == 0 {
		return nil, fmt.Errorf("there is no %s in %s: remove that folder, and the trials run anew", report.SummaryFile, folder)
	}
	return gather(json.NewDecoder(&all))
}
