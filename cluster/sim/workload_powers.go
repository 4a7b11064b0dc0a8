package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// cordon makes a node unschedulable.
type cordon struct {
	cluster *Cluster
	node    *world.Node
}

func (c *cordon) observe() (any, error) { return inForce{c.node.Unschedulable}, nil }

func (c *cordon) act(ctx context.Context) error {
	if err := c.cluster.ask(ctx, c.node.Name); err != nil {
		return err
	}
	c.node.Cordon(true)
	return nil
}

func (c *cordon) prove(context.Context) (seatrial.Proof, error) {
	if !c.node.Unschedulable {
		return seatrial.Proof{}, errors.New("the node is schedulable")
	}
	return seatrial.Proof{Method: "the node is unschedulable in the API"}, nil
}

func (c *cordon) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[inForce](prior)
	if err == nil {
		err = c.cluster.ask(ctx, c.node.Name)
	}
	if err == nil {
		c.node.Cordon(state.Was)
	}
	return err
}

// evict asks the eviction API for a pod, as kubectl drain does.
type evict struct {
	deletePod
	action seatrial.Evict
}

func (e *evict) act(ctx context.Context) error {
	w := e.cluster.world
	begun := w.Clock.Now()
	for {
		if err := e.cluster.ask(ctx, e.action.Target()); err != nil {
			return err
		}
		p := e.pod()
		if p == nil {
			return nil // the proof decides
		}
		no := w.Evict(p)
		var refusal *world.Refusal
		if !errors.As(no, &refusal) {
			e.tell(seatrial.EvictionAccepted, seatrial.Info, "evicted")
			return nil
		}
		if refusal.Status != budgetSpent {
			return fmt.Errorf("evicting pod %s: %w", p.Key(), no)
		}
		e.tell(seatrial.EvictionRefused, seatrial.Warning, refusal.Reason)
		if e.action.Force > 0 && w.Clock.Now()-begun >= e.action.Force {
			p.Delete(-1)
			e.tell(seatrial.EvictionForced, seatrial.Warning, fmt.Sprintf("deleted by force after %s of refusals", e.action.Force))
			return nil
		}
		if err := w.Clock.Sleep(ctx, e.wait(begun)); err != nil {
			return fmt.Errorf("evicting pod %s: %w: %s", p.Key(), err, refusal.Reason)
		}
	}
}

// budgetSpent is the status of a refusal that may change: Too Many Requests.
const budgetSpent = 429

// wait is the pause after a refusal.
func (e *evict) wait(begun time.Duration) time.Duration {
	w := e.cluster.world
	wait := w.Timings.EvictionRetry
	if e.action.Force > 0 {
		wait = min(wait, max(0, begun+e.action.Force-w.Clock.Now()))
	}
	return wait
}

func (e *evict) tell(o seatrial.EvictionOutcome, s seatrial.Severity, message string) {
	e.cluster.tellEviction(e.action.Namespace+"/"+e.action.Name, o, s, message)
}

func (c *Cluster) tellEviction(pod string, o seatrial.EvictionOutcome, s seatrial.Severity, message string) {
	c.world.Tell(seatrial.Event{Kind: seatrial.KindEviction, Subject: pod, Severity: s, Message: message, Data: seatrial.Eviction{Outcome: o}})
}

// restart rolls a workload out anew.
type restart struct {
	cluster *Cluster
	action  seatrial.Restart
}

func (r *restart) workload() (world.Workload, error) {
	kind, name, _ := strings.Cut(r.action.Workload, "/")
	if found := r.cluster.world.Workload(kind, r.action.Namespace, name); found != nil {
		return found, nil
	}
	return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no %s in namespace %s", r.action.Workload, r.action.Namespace),
		"name a workload of the scenario's manifests")
}

func (r *restart) observe() (any, error) {
	w, err := r.workload()
	if err != nil {
		return nil, err
	}
	r.cluster.revisions[r.action.Target()] = w.Revision()
	return struct{}{}, nil
}

func (r *restart) act(ctx context.Context) error {
	if err := r.cluster.ask(ctx, r.action.Target()); err != nil {
		return err
	}
	w, err := r.workload()
	if err != nil {
		return err
	}
	return w.Restart()
}

func (r *restart) prove(context.Context) (seatrial.Proof, error) {
	w, err := r.workload()
	before, observed := r.cluster.revisions[r.action.Target()]
	if err == nil && (!observed || w.Revision() == before || w.Renewed() == 0) {
		err = errors.New("there is no pod of the new revision yet")
	}
	if err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{Method: "pods of the new revision are there", Evidence: map[string]string{"pods": fmt.Sprint(w.Renewed())}}, nil
}

// revert waits until the revision is rolled out; a workload that is gone has
// nothing to roll out.
func (r *restart) revert(ctx context.Context, _ seatrial.Prior) error {
	w, err := r.workload()
	if err != nil {
		return nil //nolint:nilerr // gone counts as reverted
	}
	if err := r.cluster.world.Clock.Until(ctx, func() bool { return w.Missing() == "" }); err != nil {
		return fmt.Errorf("waiting for the rollout of %s: %w: %s", r.action.Workload, err, w.Missing())
	}
	return nil
}
