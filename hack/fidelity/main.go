// Command fidelity holds the simulator against real clusters: it tries the same
// scenario files on kind and on many seeds of the simulator, and writes how far
// apart the figures are to docs/fidelity.md.
//
//	go run ./hack/fidelity                             # live-migration, live-migration-modes, pod-delete
//	go run ./hack/fidelity scenarios/my.yaml
//
// Trials on kind take minutes each, so they are kept by the content of the
// scenario and its manifests, and run once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// options are the flags.
type options struct {
	users    int
	repeats  int
	seeds    int
	runs     string
	out      string
	seatrial string
}

func main() {
	o := options{}
	flag.IntVar(&o.users, "users", 400, "users of each load, at the scenario's rate: with few, chance decides how many a fault meets; 0 leaves them")
	flag.IntVar(&o.repeats, "repeats", 8, "trials of each variant on kind")
	flag.IntVar(&o.seeds, "seeds", 200, "seeds of each variant on the simulator, at least 200")
	flag.StringVar(&o.runs, "runs", "runs/fidelity", "folder that keeps the trials on kind")
	flag.StringVar(&o.out, "out", "docs/fidelity.md", "file to write")
	flag.StringVar(&o.seatrial, "seatrial", "", "seatrial to run (default: built from this module)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// fewestSeeds is how many seeds a 5-95 % band needs to be more than a few
// trials' luck: ten of them lie beyond each end.
const fewestSeeds = 200

func (o *options) run(ctx context.Context, scenarios []string) (err error) {
	if o.seeds < fewestSeeds || o.repeats < 1 {
		return fmt.Errorf("--seeds %d, --repeats %d: use at least %d and 1", o.seeds, o.repeats, fewestSeeds)
	}
	if len(scenarios) == 0 {
		scenarios = []string{"scenarios/live-migration.yaml", "scenarios/live-migration-modes.yaml", "scenarios/pod-delete.yaml"}
	}
	temporary, err := os.MkdirTemp("", "seatrial-fidelity-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if o.seatrial == "" {
		if o.seatrial, err = build(ctx, temporary); err != nil {
			return err
		}
	}
	var all []comparison
	for _, path := range scenarios {
		c, err := o.compare(ctx, path, temporary)
		if err != nil {
			return fmt.Errorf("comparing %s: %w", path, err)
		}
		all = append(all, c)
	}
	if err := os.WriteFile(o.out, page(all, *o), 0o644); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	fmt.Fprintln(os.Stderr, "wrote "+o.out)
	return nil
}

// build makes the command, so that its exit codes are its own: `go run` folds
// them.
func build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "seatrial")
	c := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/seatrial/seatrial/cmd/seatrial")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("building seatrial: %w", err)
	}
	return binary, nil
}
