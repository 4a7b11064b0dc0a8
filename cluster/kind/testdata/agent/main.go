// The smallest agent: the guardian with its hogs, and the sample application, for the tests of
// package kind.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
	"github.com/seatrial/seatrial/load/app"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "guardian":
		return guardian.Main(ctx, args[1:])
	case len(args) > 0 && args[0] == "hog":
		return guardian.RunHog(ctx, args[1:], os.Stdin)
	case len(args) > 0 && args[0] == "app":
		config, err := app.ParseFlags(args[1:])
		if err != nil {
			return err
		}
		return app.Run(ctx, config, nil)
	}
	return errors.New("usage: agent guardian serve|dial, or agent app")
}
