package seatrialtest

import (
	"context"
	"fmt"
	"os"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/runner"
)

// A trial on a real cluster starts its own executable once more, as the guardian.
// Here that is a test's binary, which would run its tests: hence the guardian
// begins before they do, rather than in a TestMain that somebody might forget.
func init() {
	if !runner.IsGuardian(os.Args) {
		return
	}
	if err := backend.Guardian(context.Background(), os.Args[2:], os.Stdin, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, seatrial.Explain(err))
		os.Exit(1)
	}
	os.Exit(0)
}
