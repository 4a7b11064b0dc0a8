// The smallest agent: the guardian and nothing else, for the tests of package
// kind.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "guardian" {
		fmt.Fprintln(os.Stderr, "usage: agent guardian serve|dial")
		os.Exit(2)
	}
	if err := guardian.Main(context.Background(), os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
