// Command seatrial puts Kubernetes configurations through the failures that
// real clusters have, under load, and says what users would have felt.
//
//	seatrial run scenarios/live-migration.yaml
//	seatrial run --on kind scenarios/live-migration.yaml
//
// See `seatrial help`, and docs/ for more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole command; its result is the exit code. The first Ctrl-C ends
// the run and heals; a second one ends the process, and the guardian heals.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	kube.QuietClient(nil) // its errors come back as errors; its chatter would tear the report apart
	root := command(stdout, stderr)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

func command(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "seatrial",
		Short: "Sea trials for Kubernetes: inject real failures under load, and report what users felt",
		Example: `  seatrial run live-migration
  seatrial run --repeats 200 live-migration
  seatrial compare live-migration
  seatrial run --on kind shop.yaml --variant as-is --format json | jq .impact
  seatrial validate scenarios/*.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return seatrial.Fail(seatrial.BadInput, err, "see `"+c.CommandPath()+" --help`")
	})
	root.AddCommand(runCommand(), compareCommand(), initCommand(), validateCommand(), schemaCommand(), planCommand(), reportCommand(),
		loadCommand(), recoverCommand(), clustersCommand(), faultsCommand(), cleanCommand(), versionCommand(), guardianCommand())
	return root
}

// exitCode prints what went wrong and maps it to the contract's codes.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	var missed *missedError
	if errors.As(err, &missed) {
		if missed.message != "" {
			fmt.Fprintf(stderr, "seatrial: %s\n", missed.message)
		}
		return missed.code
	}
	fmt.Fprintf(stderr, "error: %s\n", seatrial.Explain(err))
	var known *seatrial.Error
	if !errors.As(err, &known) {
		// What nobody classified is a wrong command line: cobra's own errors.
		return int(seatrial.BadInput)
	}
	return int(known.Class)
}

// missedError carries the exit code of trials that ran: the reports have said
// the rest.
type missedError struct {
	code    int
	message string
}

func (e *missedError) Error() string { return e.message }
