package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	run := &draining{Drain: d, env: env, nodes: nodeNames(nodes), armed: map[string]bool{}}
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
	env       seatrial.Env
	nodes     []string
	cordon    seatrial.Effect
	evictions []seatrial.Effect
	armed     map[string]bool // by the pods' UIDs
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
	return r.arm(ctx)
}

// arm adds the evictions of the pods that are not among them yet.
func (r *draining) arm(ctx context.Context) error {
	pods, err := r.env.Cluster().Pods(ctx, seatrial.Selector{})
	if err != nil {
		return fmt.Errorf("listing the pods to evict: %w", err)
	}
	var actions []seatrial.Action
	for _, p := range pods {
		stays, err := r.stays(p)
		if err != nil {
			return err
		}
		if !stays {
			r.armed[p.UID] = true
			actions = append(actions, seatrial.Evict{Namespace: p.Namespace, Name: p.Name, Force: r.Force})
		}
	}
	if len(actions) == 0 {
		return nil
	}
	effect, err := r.env.Arm(ctx, actions...)
	if err != nil {
		return fmt.Errorf("preparing the evictions: %w", err)
	}
	r.evictions = append(r.evictions, effect)
	return nil
}

// stays: pods elsewhere, those on their way out, and those that belong to their
// node. One that nothing would make again is refused, as kubectl does.
func (r *draining) stays(p seatrial.Pod) (bool, error) {
	over := p.Terminating || p.Phase == "Succeeded" || p.Phase == "Failed"
	bound := p.Controller == "DaemonSet" || p.Controller == "Node"
	if !slices.Contains(r.nodes, p.Node) || over || bound || r.armed[p.UID] {
		return true, nil
	}
	if p.Controller == "" {
		return false, seatrial.Fail(seatrial.BadInput, fmt.Errorf("pod %s/%s on node %s has no controller: nothing would make it again", p.Namespace, p.Name, p.Node),
			"give it one, such as a Deployment, or drain another node")
	}
	return false, nil
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
	if err := r.arm(ctx); err != nil { // pods that came before the cordon took effect
		return err
	}
	for _, e := range r.evictions {
		if err := r.evict(ctx, e, end); err != nil {
			return err
		}
	}
	return r.env.Clock().Sleep(ctx, end-r.env.Clock().Now())
}

// evict waits for the evictions until end at most.
func (r *draining) evict(ctx context.Context, e seatrial.Effect, end time.Duration) error {
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

// ranOut: every error in err is the end of the time.
func ranOut(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all := many.Unwrap()
		for _, one := range all {
			if !ranOut(one) {
				return false
			}
		}
		return len(all) > 0
	}
	if one, ok := err.(interface{ Unwrap() error }); ok {
		return ranOut(one.Unwrap())
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// undo makes the nodes schedulable first: evicted pods may wait for just that.
func (r *draining) undo(ctx context.Context) error {
	var errs []error
	if r.cordon != nil {
		if err := r.cordon.Revert(ctx); err != nil {
			errs = append(errs, fmt.Errorf("reverting the cordon: %w", err))
		}
	}
	for _, e := range r.evictions {
		if err := e.Revert(ctx); err != nil {
			errs = append(errs, fmt.Errorf("waiting for the evicted pods' replacements: %w", err))
		}
	}
	return errors.Join(errs...)
}
