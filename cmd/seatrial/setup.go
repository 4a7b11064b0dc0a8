package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// setup is what a trial needs on the chosen backend. Its journal is open.
func (f *runFlags) setup(p runner.Planned, last bool) (runner.Setup, error) {
	s := runner.Setup{Header: f.header(p), Log: f.log}
	var err error
	if f.on == onSim {
		f.onSim(p, &s)
	} else {
		err = f.onKind(p, last, &s)
	}
	if err != nil {
		return s, err
	}
	s.Journal, err = journal.Create(filepath.Join(p.Folder, "journal.jsonl"))
	return s, err
}

// onSim needs no folder and no guardian: what a simulated trial does ends with
// it.
func (f *runFlags) onSim(p runner.Planned, s *runner.Setup) {
	s.Open = func(context.Context) (seatrial.Site, error) { return f.openSimulated(p.Trial.Spec, p.Seed) }
}

func (f *runFlags) onKind(p runner.Planned, last bool, s *runner.Setup) error {
	ledgers, err := ledgerFolder()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding this executable: %w", err), "")
	}
	s.Artifacts = filepath.Join(p.Folder, "logs")
	s.Ledgers = ledgers
	s.Keep = f.keep && last
	if f.live != nil {
		watch := newLive(f.live, report.NewLive("trial", p.Trial.Spec.Timeline))
		s.Watch, s.Log = watch, watch.log
	}
	s.Open = func(ctx context.Context) (seatrial.Site, error) { return f.open(ctx, p.Trial.Spec, s.Artifacts) }
	s.Guard = func(ref seatrial.Ref) (*runner.Guardian, error) {
		g, err := runner.StartGuardian(self, ledgers, ref)
		if err == nil {
			f.log("guardian: process %d undoes what is in force should this one die", g.PID())
		}
		return g, err
	}
	return nil
}

// header is what the journal says of a trial before it begins. On the simulator
// it says nothing that differs between two runs of one seed: no time, no folder
// and no machine.
func (f *runFlags) header(p runner.Planned) journal.Header {
	h := journal.HeaderOf(p.Scenario, p.Trial)
	h.Backend = f.on
	h.Seed = p.Seed
	h.Versions = journal.Versions{Seatrial: release(), Go: goruntime.Version()}
	h.Command = f.command(p)
	if f.on == onSim {
		h.ID = fmt.Sprintf("%s/%s-%d", p.Scenario.Name, p.Trial.Variant, p.Seed)
		return h
	}
	h.ID = filepath.Base(filepath.Dir(p.Folder)) + "/" + filepath.Base(p.Folder)
	h.Started = time.Now().UTC().Format(time.RFC3339)
	h.Versions.NodeImage = f.nodeImage
	h.Warnings = append(h.Warnings, fmt.Sprintf(
		"load generator and cluster share the %d cores of one machine: trust the effect of the fault, not the absolute speed", goruntime.NumCPU()))
	return h
}

// command repeats a trial; the simulator needs no --on.
func (f *runFlags) command(p runner.Planned) string {
	on := ""
	if f.on != onSim {
		on = "--on " + f.on + " "
	}
	return fmt.Sprintf("seatrial run %s%s --variant %s --seed %d", on, quoted(p.Scenario.Path), quoted(p.Trial.Variant), p.Seed)
}

// quoted keeps a word one word in a POSIX shell.
func quoted(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && strings.TrimFunc(word, safe) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
