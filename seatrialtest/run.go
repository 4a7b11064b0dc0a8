package seatrialtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
	"github.com/seatrial/seatrial/scenarios"
)

// Run runs every variant of a scenario, each in a subtest of its name, and returns
// what came of them, in their order, for whatever else a test wants to assert.
// The scenario is a path, as seen from the test's folder, or the name of one of
// the library's. A variant that was skipped, or not chosen by -run, is missing.
func Run(t *testing.T, scenario string, options ...Option) []*report.Summary {
	t.Helper()
	sc, err := scenarios.Load(scenario, faults.Catalog())
	if err != nil {
		t.Fatal(seatrial.Explain(err))
	}
	return RunScenario(t, sc, options...)
}

// RunScenario is [Run] for a scenario that is at hand, as when a test has changed
// one that it loaded.
func RunScenario(t *testing.T, sc *seatrial.Scenario, options ...Option) []*report.Summary {
	t.Helper()
	o := chosen(options)
	o.need(t)
	planned, err := runner.Schedule(sc, o.variants, o.repeats, o.seed, o.folder(t))
	if err != nil {
		t.Fatal(seatrial.Explain(err))
	}
	for _, w := range sc.Warnings {
		t.Logf("warning: %s", w)
	}
	var done []*report.Summary
	for _, p := range planned {
		name := p.Trial.Variant
		if o.repeats > 1 {
			name = filepath.Base(p.Folder)
		}
		t.Run(name, func(t *testing.T) {
			if s := o.trial(t, p); s != nil {
				done = append(done, s)
			}
		})
	}
	return done
}

// tries is how often a trial is tried whose generator was starved: it proves
// nothing, and a machine that is shared has better moments.
const tries = 3

// trial runs one trial, and holds its verdict against what its variant expects.
func (o *run) trial(t *testing.T, p runner.Planned) *report.Summary {
	t.Helper()
	ctx, cancel := o.until(t)
	defer cancel()
	b := o.backend
	b.Log = t.Logf
	s, err := attempt(ctx, &b, p)
	for try := 2; try <= tries && err == nil && s.Starved(); try++ {
		t.Logf("the load generator had too little of this machine: try %d of %d", try, tries)
		p.Folder += "-again"
		s, err = attempt(ctx, &b, p)
	}
	switch {
	case ctx.Err() != nil && t.Context().Err() == nil:
		t.Fatalf("the trial was interrupted %s before go test's -timeout, so that it could be undone: give it more\n%s",
			o.grace(), seatrial.Explain(err))
	case err != nil:
		t.Fatal(seatrial.Explain(err))
	case s.Verdict != s.Expect:
		t.Error(disappointment(s, p.Folder))
	default:
		t.Logf("%s, as expected. %s\nreport: %s", s.Verdict, s.Sentence, reportOf(p.Folder))
	}
	return s
}

// attempt runs a trial as soon as nobody else has its cluster. What a try leaves
// that only found that out is removed: it says nothing.
func attempt(ctx context.Context, b *backend.Backend, p runner.Planned) (*report.Summary, error) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for waited := false; ; waited = true {
		s, err := b.Trial(ctx, p, false)
		if !backend.Busy(err) {
			return s, err
		}
		if !waited {
			b.Log("waiting: %v", err)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
		if err := os.RemoveAll(p.Folder); err != nil {
			return nil, err
		}
	}
}

// disappointment says in words for a test's output how a trial came out.
func disappointment(s *report.Summary, folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s / %s: %s, want %s", s.Scenario, s.Variant, s.Verdict, s.Expect)
	for _, r := range s.Reasons {
		fmt.Fprintf(&b, "\n  because %s", r)
	}
	if s.Sentence != "" {
		fmt.Fprintf(&b, "\n  %s", s.Sentence)
	}
	fmt.Fprintf(&b, "\n  report: %s\n  repeat: %s", reportOf(folder), s.Command)
	return b.String()
}

func reportOf(folder string) string { return filepath.Join(folder, report.PageFile) }
