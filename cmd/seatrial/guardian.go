package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
	"github.com/seatrial/seatrial/cluster/kube"
	"github.com/seatrial/seatrial/runner"
)

// guardianCommand is the guardian process: started by a run in a session of
// its own, it waits until its standard input ends, which the kernel sees to
// however the runner dies, and undoes what is still in force.
func guardianCommand() *cobra.Command {
	var folder string
	var ref seatrial.Ref
	c := &cobra.Command{
		Use:    "guardian",
		Short:  "undo what a dead run left (started by run itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			died, err := runner.Watch(c.InOrStdin())
			if err != nil || !died {
				return err
			}
			ledger, err := runner.AwaitLedger(folder, ref)
			if err != nil {
				return err
			}
			undone, err := undo(c.Context(), ledger, stderrLog(c))
			fmt.Fprint(c.ErrOrStderr(), undone)
			return err
		},
	}
	c.Flags().StringVar(&folder, "ledgers", "", "folder of the ledgers")
	c.Flags().StringVar(&ref.Backend, "backend", "", "backend of the cluster")
	c.Flags().StringVar(&ref.Name, "name", "", "name of the cluster")
	c.Flags().StringVar(&ref.UID, "uid", "", "UID of the cluster")
	return c
}

// undo reverts what the ledger of one cluster holds, says what it did, and
// closes the ledger. A cluster that is gone has nothing left to undo.
func undo(ctx context.Context, ledger *runner.Ledger, log func(string, ...any)) (string, error) {
	s := site{on: ledger.Ref.Backend, log: log}
	said, err := undoHeld(ctx, &s, ledger)
	return said, errors.Join(err, ledger.Close())
}

func undoHeld(ctx context.Context, s *site, ledger *runner.Ledger) (string, error) {
	entries := ledger.Entries()
	if len(entries) == 0 {
		return "", nil
	}
	cluster, err := s.attach(ctx, ledger.Ref.Name)
	if errors.Is(err, kind.ErrGone) || err == nil && cluster.Ref().UID != ledger.Ref.UID {
		ledger.Clear()
		return fmt.Sprintf("%s: cluster is gone, and with it %d action(s) that were in force\n",
			ledger.Ref.Name, len(entries)), nil
	}
	if err != nil {
		return "", err
	}
	var said string
	err = runner.Recover(ctx, kube.NewClock(), cluster, ledger, func(e runner.Entry) {
		said += fmt.Sprintf("%s: undid %s of %s (fault %s)\n", ledger.Ref.Name, e.Action.Kind(), e.Action.Target(), e.Fault)
	})
	return said, errors.Join(err, cluster.Close())
}
