// Command node-image makes sure that there is a node image for kind: the one
// that seatrial would boot a cluster from, pulled where it is missing. Where no
// registry can be reached one is built from Debian packages and Go modules, and
// one that was built here before is brought up to date.
//
//	go run ./hack/node-image
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/seatrial/seatrial/cluster/kind"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	name, own, err := kind.NodeImage(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "node-image: %v\nnode-image: so one is built (about 25 minutes on two cores, then cached)\n", err)
	case !own:
		fmt.Fprintf(os.Stderr, "node-image: %s is there\n", name)
		return nil
	}
	build := exec.CommandContext(ctx, "go", "run", "github.com/seatrial/seatrial/images/node")
	build.Cancel = func() error { return build.Process.Signal(os.Interrupt) } // finished parts are kept
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building a node image: %w", err)
	}
	return nil
}
