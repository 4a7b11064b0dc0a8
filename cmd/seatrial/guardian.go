package main

import (
	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/backend"
)

// guardianCommand is the guardian process: see [backend.Guardian].
func guardianCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "guardian",
		Short:              "undo what a dead run left (started by run itself)",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			return backend.Guardian(c.Context(), args, c.InOrStdin(), c.ErrOrStderr())
		},
	}
}
