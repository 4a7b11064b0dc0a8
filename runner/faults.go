package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/seatrial/seatrial"
)

// running is the faults of a trial while they run beside each other.
type running struct {
	tasks  []seatrial.Task
	cancel context.CancelFunc
}

// startFaults lets every fault prepare a little before its time; each waits
// for its own.
func (r *trial) startFaults(ctx context.Context) *running {
	ctx, cancel := context.WithCancel(ctx)
	run := &running{cancel: cancel}
	for _, spec := range r.spec.Faults {
		e := r.env(spec)
		e.mark(e.at, seatrial.FaultMark{Step: seatrial.Planned}, "", "")
		run.tasks = append(run.tasks, r.clock.Go(ctx, "fault "+spec.Name, func(ctx context.Context) error {
			return r.runFault(ctx, e)
		}))
	}
	return run
}

func (r *trial) env(spec seatrial.FaultSpec) *env {
	h := r.held[0]
	for _, other := range r.held {
		if other.name == spec.Cluster {
			h = other
		}
	}
	return &env{clock: r.clock, cluster: h.cluster, ledger: h.ledger, spec: spec,
		at: r.zero + spec.At, seed: r.Header.Seed, note: r.note}
}

// runFault runs one fault. What it could not do or prove makes the trial
// invalid, and does not end the others.
func (r *trial) runFault(ctx context.Context, e *env) error {
	if err := e.clock.Sleep(ctx, e.at-armLead-e.clock.Now()); err != nil {
		return err
	}
	r.Log("fault %s (%s): preparing", e.spec.Name, e.spec.Kind)
	err := e.spec.Fault.Run(ctx, e)
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	if err != nil {
		r.Log("fault %s: %v", e.spec.Name, err)
		r.invalid(fmt.Sprintf("fault %s: %v", e.spec.Name, err))
		return nil
	}
	r.Log("fault %s: over, reverted", e.spec.Name)
	return nil
}

func (f *running) wait() error {
	defer f.cancel()
	return wait(f.tasks)
}

// stop ends the faults; each reverts on its way out.
func (f *running) stop() error {
	f.cancel()
	err := wait(f.tasks)
	if errors.Is(err, context.Canceled) {
		return nil // as asked; what could not be reverted is still in the ledger
	}
	return err
}
