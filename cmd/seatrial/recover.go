package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/runner"
)

func recoverCommand() *cobra.Command {
	b := &backend.Backend{}
	c := &cobra.Command{
		Use:   "recover",
		Short: "Undo whatever a dead run left on kind, and say what was undone",
		Long: `Undo whatever a dead run left on kind, and say what was undone. The
simulator's clusters end with their trial: there is nothing to recover.

It reads the ledgers of the actions in force, one a cluster. A run that is still
going on is left alone. Doing it twice does no harm.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b.Log = stderrLog(c)
			if err := checkKind(b, "recover"); err != nil {
				return err
			}
			return recoverAll(c, b)
		},
	}
	c.Flags().StringVar(&b.On, "on", backend.Kind, "backend: "+backend.Kind)
	return c
}

func recoverAll(c *cobra.Command, b *backend.Backend) error {
	folder, err := backend.Ledgers()
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
		if ref.Backend != b.On {
			continue
		}
		ledger, err := runner.OpenLedger(folder, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		undone, err := backend.Undo(c.Context(), ledger, b.Log)
		said += undone
		errs = append(errs, err)
	}
	if said == "" && errors.Join(errs...) == nil {
		said = "nothing to recover\n"
	}
	fmt.Fprint(c.OutOrStdout(), said)
	return errors.Join(errs...)
}
