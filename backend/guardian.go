package backend

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
	"github.com/seatrial/seatrial/cluster/kube"
	"github.com/seatrial/seatrial/internal/state"
	"github.com/seatrial/seatrial/runner"
)

// Guardian is the guardian process, with the arguments that [runner.StartGuardian]
// gave it after the command's name: started by a run in a session of its own, it
// waits until in ends, which the kernel sees to however the runner dies, undoes
// what is still in force, and writes to out what that was.
func Guardian(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var folder string
	var ref seatrial.Ref
	flags := flag.NewFlagSet("guardian", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the error
	flags.StringVar(&folder, "ledgers", "", "folder of the ledgers")
	flags.StringVar(&ref.Backend, "backend", "", "backend of the cluster")
	flags.StringVar(&ref.Name, "name", "", "name of the cluster")
	flags.StringVar(&ref.UID, "uid", "", "UID of the cluster")
	if err := flags.Parse(args); err != nil {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("guardian: %w", err), "a run starts it by itself")
	}
	died, err := runner.Watch(in)
	if err != nil || !died {
		return err
	}
	ledger, err := runner.AwaitLedger(folder, ref)
	if err != nil {
		return err
	}
	undone, err := Undo(ctx, ledger, func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) })
	fmt.Fprint(out, undone)
	return err
}

// Undo reverts what the ledger of one cluster holds, says what it did, and
// closes the ledger. A cluster that is gone has nothing left to undo.
func Undo(ctx context.Context, ledger *runner.Ledger, log func(string, ...any)) (string, error) {
	b := Backend{On: ledger.Ref.Backend, Log: log}
	said, err := b.undo(ctx, ledger)
	return said, errors.Join(err, ledger.Close())
}

func (b *Backend) undo(ctx context.Context, ledger *runner.Ledger) (string, error) {
	entries := ledger.Entries()
	if len(entries) == 0 {
		return "", nil
	}
	cluster, err := b.attach(ctx, ledger.Ref.Name)
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

// Ledgers is where the ledgers lie.
func Ledgers() (string, error) { return state.Folder("ledgers") }
