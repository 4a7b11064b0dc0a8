// Command fidelity holds the simulator against real clusters: it tries the same
// scenario files on kind and on many seeds of the simulator, and writes how far
// apart the figures are to docs/fidelity.md.
//
//	go run ./hack/fidelity                             # the whole library
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

	"github.com/seatrial/seatrial/scenarios"
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

func (o *options) run(ctx context.Context, paths []string) (err error) {
	if o.seeds < fewestSeeds || o.repeats < 1 {
		return fmt.Errorf("--seeds %d, --repeats %d: use at least %d and 1", o.seeds, o.repeats, fewestSeeds)
	}
	if len(paths) == 0 {
		for _, entry := range scenarios.Library() {
			paths = append(paths, filepath.Join("scenarios", entry.Name+".yaml"))
		}
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
	all, err := o.compareAll(ctx, paths, temporary)
	if len(all) == 0 {
		return err
	}
	if written := os.WriteFile(o.out, page(all, *o), 0o644); written != nil {
		return errors.Join(err, fmt.Errorf("writing the comparison: %w", written))
	}
	fmt.Fprintln(os.Stderr, "wrote "+o.out)
	return err
}

// compareAll goes on after a scenario that could not be compared: trials on kind
// take hours, and what is done is worth its page.
func (o *options) compareAll(ctx context.Context, paths []string, temporary string) (all []comparison, err error) {
	for _, path := range paths {
		c, failed := o.compare(ctx, path, temporary)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("comparing %s: %w", path, failed))
			if ctx.Err() != nil {
				return all, err
			}
			continue
		}
		all = append(all, c)
	}
	return all, err
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
