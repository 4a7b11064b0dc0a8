package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// ErrInForce says that something done to a cluster could not be undone yet and
// stays in the ledger.
var ErrInForce = errors.New("still in force")

// revertTries is how often an action that cannot be undone is tried again,
// with a second more between the tries each time.
const revertTries = 5

// Recover undoes everything that is in force on the cluster, the latest first,
// and reports what it undid. It is idempotent, and it runs to its end even
// when ctx is cancelled.
func Recover(ctx context.Context, clock seatrial.Clock, cluster seatrial.Cluster, ledger *Ledger, undone func(Entry)) error {
	return revert(ctx, clock, cluster, ledger, ledger.Entries(), undone)
}

// revert undoes the given entries side by side and strikes each out once the
// backend has seen that it is undone.
func revert(ctx context.Context, clock seatrial.Clock, cluster seatrial.Cluster, ledger *Ledger,
	entries []Entry, undone func(Entry)) error {
	ctx = context.WithoutCancel(ctx)
	var tasks []seatrial.Task
	for _, e := range entries {
		tasks = append(tasks, clock.Go(ctx, "revert "+e.Action.Target(), func(ctx context.Context) error {
			return revertOne(ctx, clock, cluster, e)
		}))
	}
	var errs []error
	for i, t := range tasks {
		e := entries[i]
		if err := t.Wait(); err != nil {
			errs = append(errs, seatrial.Fail(seatrial.Infrastructure,
				fmt.Errorf("%s of %s is %w: %w", e.Action.Kind(), e.Action.Target(), ErrInForce, err),
				"run `seatrial recover` once the cluster answers again"))
			continue
		}
		undone(e)
		ledger.Strike(e)
	}
	return errors.Join(errs...)
}

func revertOne(ctx context.Context, clock seatrial.Clock, cluster seatrial.Cluster, e Entry) error {
	var last error
	for try := range revertTries {
		limited, cancel := clock.WithTimeout(ctx, revertLimit)
		last = cluster.Revert(limited, e.Action, e.Prior)
		cancel()
		if last == nil {
			return nil
		}
		if err := clock.Sleep(ctx, time.Duration(try+1)*time.Second); err != nil {
			return errors.Join(last, err)
		}
	}
	return last
}
