package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/runner"
)

func recoverCommand() *cobra.Command {
	s := &site{}
	c := &cobra.Command{
		Use:   "recover",
		Short: "Undo whatever a dead run left, and say what was undone",
		Long: `Undo whatever a dead run left, and say what was undone.

It reads the ledgers of the actions in force, one a cluster. A run that is still
going on is left alone. Doing it twice does no harm.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s.log = stderrLog(c)
			if err := s.check(); err != nil {
				return err
			}
			return recoverAll(c, s)
		},
	}
	onFlag(c, s)
	return c
}

func recoverAll(c *cobra.Command, s *site) error {
	folder, err := ledgerFolder()
	if err != nil {
		return err
	}
	refs, err := runner.Ledgers(folder)
	if err != nil {
		return err
	}
	var errs []error
	said := ""
	for _, ref := range refs {
		if ref.Backend != s.on {
			continue
		}
		ledger, err := runner.OpenLedger(folder, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		undone, err := undo(c.Context(), ledger, s.log)
		said += undone
		errs = append(errs, err)
	}
	if said == "" && errors.Join(errs...) == nil {
		said = "nothing to recover\n"
	}
	fmt.Fprint(c.OutOrStdout(), said)
	return errors.Join(errs...)
}
