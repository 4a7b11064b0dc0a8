// Command seatrial-agent is the small static Linux binary that seatrial puts
// into containers. Its first argument says what it is there:
//
//	seatrial-agent load --listen :8080               the load agent, see package load; SEATRIAL_AGENT_TOKEN is what it asks for
//	seatrial-agent app --service-time 5ms            the sample application, see package load/app
//	seatrial-agent guardian serve                    undoes what a dead runner left, see package cluster/kind/guardian
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	err := run(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitCode(err))
	}
}

// errUsage marks wrong arguments.
var errUsage = errors.New("usage: seatrial-agent load|app|guardian [flags]")

func exitCode(err error) int {
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	commands := map[string]func(context.Context, []string) error{
		"load": runLoad, "app": runApp, "guardian": runGuardian,
		"hog": runHog, // of the guardian's
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%q is no command of it; %w", args[0], errUsage)
	}
	return command(ctx, args[1:])
}

// listenFlag is the one flag of the load agent.
func listenFlag(args []string) (string, error) {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error
	listen := flags.String("listen", ":8080", "`address` of the API")
	if err := flags.Parse(args); err != nil {
		return "", fmt.Errorf("load: %w; %w", err, errUsage)
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("load: unexpected argument %q; %w", flags.Arg(0), errUsage)
	}
	return *listen, nil
}
