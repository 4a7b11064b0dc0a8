package backend

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// Trial runs one trial, and folds its journal into summary.json and report.html in
// its folder. A trial that had to end early has a summary, too, beside the error;
// one that could not begin has none. keep leaves the workload deployed, on [Kind].
func (b *Backend) Trial(ctx context.Context, p runner.Planned, keep bool) (*report.Summary, error) {
	begun, err := b.Journal(ctx, p, keep)
	if !begun {
		return nil, err
	}
	summary, reportErr := report.WriteRun(p.Folder)
	return summary, errors.Join(err, reportErr)
}

// Journal is Trial without the report: it leaves the journal alone.
func (b *Backend) Journal(ctx context.Context, p runner.Planned, keep bool) (begun bool, err error) {
	if err := MakeFolder(p.Folder); err != nil {
		return false, err
	}
	setup, err := b.setup(p, keep)
	if err != nil {
		return false, err
	}
	err = runner.Run(ctx, p.Trial, setup)
	if closed := setup.Journal.Close(); !errors.Is(err, closed) { // which it is where the trial ended for that
		err = errors.Join(err, closed)
	}
	return true, err
}

// RunName names the folder of a run: the time in UTC without colons, and enough
// chance to keep two runs of one second apart. Names sort by time.
func RunName(now time.Time) string {
	var chance [3]byte
	rand.Read(chance[:]) // never fails, see crypto/rand
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(chance[:])
}

var runName = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{6}$`)

// IsRunName says whether [RunName] makes such a name.
func IsRunName(name string) bool { return runName.MatchString(name) }

// MakeFolder makes the folder of a run.
func MakeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("making the run folder: %w", err), "choose another folder with --out")
	}
	return nil
}

// setup is what a trial needs on the chosen backend. Its journal is open.
func (b *Backend) setup(p runner.Planned, keep bool) (runner.Setup, error) {
	s := runner.Setup{Header: b.header(p), Log: b.log}
	var err error
	if b.On == Sim {
		// It needs no folder and no guardian: what a simulated trial does ends with it.
		s.Open = func(context.Context) (seatrial.Site, error) { return b.openSim(p.Trial.Spec, p.Seed) }
	} else {
		err = b.onKind(p, keep, &s)
	}
	if err != nil {
		return s, err
	}
	s.Journal, err = journal.Create(filepath.Join(p.Folder, report.JournalFile))
	return s, err
}

func (b *Backend) onKind(p runner.Planned, keep bool, s *runner.Setup) error {
	ledgers, err := Ledgers()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding this executable: %w", err), "")
	}
	s.Artifacts = filepath.Join(p.Folder, "logs")
	s.Ledgers = ledgers
	s.Keep = keep
	if b.Watch != nil {
		s.Watch, s.Log = b.Watch(p.Trial.Spec.Timeline)
		watched := *b
		watched.Log, b = s.Log, &watched // the cluster's messages, too
	}
	s.Open = func(ctx context.Context) (seatrial.Site, error) { return b.openKind(ctx, p.Trial.Spec, s.Artifacts) }
	s.Guard = func(ref seatrial.Ref) (*runner.Guardian, error) {
		g, err := runner.StartGuardian(self, ledgers, ref)
		if err == nil {
			b.log("guardian: process %d undoes what is in force should this one die", g.PID())
		}
		return g, err
	}
	return nil
}

// header is what the journal says of a trial before it begins. On the simulator
// it says nothing that differs between two runs of one seed: no time, no folder
// and no machine.
func (b *Backend) header(p runner.Planned) journal.Header {
	h := journal.HeaderOf(p.Scenario, p.Trial)
	h.Backend = b.On
	h.Seed = p.Seed
	h.Versions = journal.Versions{Seatrial: Release(), Go: goruntime.Version()}
	h.Command = b.command(p)
	if b.On == Sim {
		h.ID = fmt.Sprintf("%s/%s-%d", p.Scenario.Name, p.Trial.Variant, p.Seed)
		return h
	}
	h.ID = filepath.Base(filepath.Dir(p.Folder)) + "/" + filepath.Base(p.Folder)
	h.Started = time.Now().UTC().Format(time.RFC3339)
	h.Versions.NodeImage = b.NodeImage
	h.Warnings = append(h.Warnings, fmt.Sprintf(
		"load generator and cluster share the %d cores of one machine: trust the effect of the fault, not the absolute speed", goruntime.NumCPU()))
	return h
}

// command repeats a trial; the simulator needs no --on.
func (b *Backend) command(p runner.Planned) string {
	on := ""
	if b.On != Sim {
		on = "--on " + b.On + " "
	}
	more := ""
	if b.Arguments != "" {
		more = " " + b.Arguments
	}
	return fmt.Sprintf("seatrial run %s%s%s --variant %s --seed %d", on, Quoted(p.Scenario.Path), more, Quoted(p.Trial.Variant), p.Seed)
}

// Quoted keeps a word one word in a POSIX shell.
func Quoted(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && strings.TrimFunc(word, safe) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Release is the version of this module in the running program, and the commit
// where the build knows it.
func Release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Path != module {
		for _, d := range info.Deps { // of a test of somebody else's
			if d.Path == module {
				return d.Version
			}
		}
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " (" + s.Value[:12] + ")"
		}
	}
	return version
}

const module = "github.com/seatrial/seatrial"
