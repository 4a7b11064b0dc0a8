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
		Short: "Undo whatever a dead run left on kind, and say what was undone",
		Long: `Undo whatever a dead run left on kind, and say what was undone. The
simulator's clusters end with their trial: there is nothing to recover.

It reads the ledgers of the actions in force, one a cluster. A run that is still
going on is left alone. Doing it twice does no harm.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s.log = stderrLog(c)
			if err := s.checkKind("recover"); err != nil {
				return err
			}
			return recoverAll(c, s)
		},
	}
	c.Flags().StringVar(&s.on, "on", onKind, "backend: "+onKind)
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
