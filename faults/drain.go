package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// Drain empties nodes as `kubectl drain --ignore-daemonsets` does: a cordon,
// then the eviction of every pod that something else will make again. Evictions
// respect PodDisruptionBudgets. The nodes stay cordoned for the fault's `for`.
//
// Evictions that a budget refuses to the end are an outcome, not a failure of
// the fault: they stand in the journal, and the node is not empty.
type Drain struct {
	Nodes Nodes         `yaml:"nodes" doc:"which nodes are drained, all at once"`
	Force time.Duration `yaml:"force" doc:"how long budgets are respected, before pods are deleted against them; 0 means to the end"`
}

var drain = seatrial.Builtin{
	Name:    "drain",
	Summary: "Nodes are cordoned and their pods evicted, within their disruption budgets.",
	New:     func() seatrial.Fault { return &Drain{} },
	Proof:   "each node has the taint of a cordoned one; each evicted pod is seen Terminating, or gone",
	Example: `- name: drain
  at: 15s
  for: 45s
  drain: {nodes: {running: app=shop}, force: 30s}
`,
}

// Check demands a `for`, and that budgets are overruled within it or never.
func (d *Drain) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if d.Force < 0 || d.Force >= span {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("force is %s; it lies between 0 and the fault's end at %s", d.Force, span), "leave force out to respect budgets to the end")
	}
	return d.Nodes.check()
}

// Run drains the nodes and makes them schedulable again when the span is over.
func (d *Drain) Run(ctx context.Context, env seatrial.Env) error {
	if err := d.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := d.Nodes.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes to drain: %w", err)
	}
	run := &draining{Drain: d, evicting: newEvicting(env, d.Force, nodeNames(nodes)...)}
	err = run.prepare(ctx)
	if err == nil {
		err = env.Begin(ctx)
	}
	if err == nil {
		err = run.strike(ctx)
	}
	return errors.Join(err, run.undo(ctx))
}

// draining is one run of a drain.
type draining struct {
	*Drain
	*evicting
	cordon seatrial.Effect
}

// prepare arms the cordon and the evictions of the pods that are there now.
func (r *draining) prepare(ctx context.Context) error {
	var actions []seatrial.Action
	for _, name := range r.nodes {
		actions = append(actions, seatrial.Cordon{Node: name})
	}
	var err error
	if r.cordon, err = r.env.Arm(ctx, actions...); err != nil {
		return fmt.Errorf("preparing the cordon: %w", err)
	}
	_, err = r.arm(ctx)
	return err
}

// strike cordons, evicts, and returns when the span is over. The span counts
// from the cordon.
func (r *draining) strike(ctx context.Context) error {
	if err := r.cordon.Act(ctx); err != nil {
		return fmt.Errorf("cordoning: %w", err)
	}
	end := r.env.Clock().Now() + r.env.Span()
	if err := proveWithin(ctx, r.env, r.cordon, "cordon", r.env.Span()); err != nil {
		return err
	}
	if _, err := r.arm(ctx); err != nil { // pods that came before the cordon took effect
		return err
	}
	for _, e := range r.evictions {
		if err := r.evictUntil(ctx, e, end); err != nil {
			return err
		}
	}
	return r.env.Clock().Sleep(ctx, end-r.env.Clock().Now())
}

// evictUntil waits for the evictions until end at most.
func (r *draining) evictUntil(ctx context.Context, e seatrial.Effect, end time.Duration) error {
	bounded, cancel := r.env.Clock().WithTimeout(ctx, end-r.env.Clock().Now())
	defer cancel()
	err := e.Act(bounded)
	if err == nil {
		return proveWithin(ctx, r.env, e, "eviction", max(deletionProof, end-r.env.Clock().Now()))
	}
	if ctx.Err() != nil || !ranOut(err) {
		return errors.Join(ctx.Err(), fmt.Errorf("evicting: %w", err))
	}
	r.env.Note(seatrial.Event{Kind: seatrial.KindMessage, Subject: strings.Join(r.nodes, ", "), Severity: seatrial.Warning,
		Message: fmt.Sprintf("the drain was not done after %s: %v", r.env.Span(), err)})
	return nil
}

// undo makes the nodes schedulable first: evicted pods may wait for just that.
func (r *draining) undo(ctx context.Context) error {
	var errs []error
	if r.cordon != nil {
		if err := r.cordon.Revert(ctx); err != nil {
			errs = append(errs, fmt.Errorf("reverting the cordon: %w", err))
		}
	}
	return errors.Join(append(errs, r.replaced(ctx))...)
}
