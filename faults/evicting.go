package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// evicting empties nodes through the eviction API.
type evicting struct {
	env       seatrial.Env
	nodes     []string
	force     time.Duration
	evictions []seatrial.Effect
	armed     map[string]bool // by the pods' UIDs
}

func newEvicting(env seatrial.Env, force time.Duration, nodes ...string) *evicting {
	return &evicting{env: env, nodes: nodes, force: force, armed: map[string]bool{}}
}

// arm prepares the evictions of the pods that are on the nodes and not among
// them yet; nil when there are none.
func (e *evicting) arm(ctx context.Context) (seatrial.Effect, error) {
	pods, err := e.fresh(ctx)
	if err != nil || len(pods) == 0 {
		return nil, err
	}
	var actions []seatrial.Action
	for _, p := range pods {
		e.armed[p.UID] = true
		actions = append(actions, seatrial.Evict{Namespace: p.Namespace, Name: p.Name, Force: e.force})
	}
	effect, err := e.env.Arm(ctx, actions...)
	if err != nil {
		return nil, fmt.Errorf("preparing the evictions: %w", err)
	}
	e.evictions = append(e.evictions, effect)
	return effect, nil
}

// fresh lists the pods that are to be evicted and are not armed yet.
func (e *evicting) fresh(ctx context.Context) ([]seatrial.Pod, error) {
	pods, err := e.env.Cluster().Pods(ctx, seatrial.Selector{})
	if err != nil {
		return nil, fmt.Errorf("listing the pods to evict: %w", err)
	}
	var fresh []seatrial.Pod
	for _, p := range pods {
		stays, err := e.stays(p)
		if err != nil {
			return nil, err
		}
		if !stays {
			fresh = append(fresh, p)
		}
	}
	return fresh, nil
}

// There is a pause between two looks at what is left on a node, as in kubectl
// drain; a pod without a longer wish is gone within its grace period of 30 s,
// and what its kubelet needs beyond.
const (
	look    = time.Second
	leaving = 40 * time.Second
)

// empty evicts what is on the nodes, and what comes later, and returns once it
// is gone. What does not go within the time for which budgets are respected,
// such as pods of a dead node, it lists.
func (e *evicting) empty(ctx context.Context) (left []string, err error) {
	end := e.env.Clock().Now() + e.force
	for {
		evictions, err := e.arm(ctx)
		if err == nil && evictions != nil {
			err = e.evict(ctx, evictions)
			end = max(end, e.env.Clock().Now()+leaving)
		}
		if err == nil {
			left, err = e.left(ctx)
		}
		if err != nil || len(left) == 0 || e.env.Clock().Now() >= end {
			return left, err
		}
		if err := e.env.Clock().Sleep(ctx, look); err != nil {
			return left, err
		}
	}
}

func (e *evicting) evict(ctx context.Context, evictions seatrial.Effect) error {
	if err := evictions.Act(ctx); err != nil {
		return fmt.Errorf("evicting: %w", err)
	}
	return proveWithin(ctx, e.env, evictions, "eviction", deletionProof)
}

// left names the pods on the nodes that a drain waits for.
func (e *evicting) left(ctx context.Context) ([]string, error) {
	pods, err := e.env.Cluster().Pods(ctx, seatrial.Selector{})
	if err != nil {
		return nil, fmt.Errorf("listing the pods that are left: %w", err)
	}
	var left []string
	for _, p := range pods {
		if slices.Contains(e.nodes, p.Node) && !bound(p) {
			left = append(left, p.Namespace+"/"+p.Name)
		}
	}
	return left, nil
}

// bound pods have ended, or belong to their node.
func bound(p seatrial.Pod) bool {
	return p.Phase == "Succeeded" || p.Phase == "Failed" || p.Controller == "DaemonSet" || p.Controller == "Node"
}

// stays: pods elsewhere, those on their way out, and those that belong to their
// node. One that nothing would make again is refused, as kubectl does.
func (e *evicting) stays(p seatrial.Pod) (bool, error) {
	if !slices.Contains(e.nodes, p.Node) || p.Terminating || bound(p) || e.armed[p.UID] {
		return true, nil
	}
	if p.Controller == "" {
		return false, seatrial.Fail(seatrial.BadInput, fmt.Errorf("pod %s/%s on node %s has no controller: nothing would make it again", p.Namespace, p.Name, p.Node),
			"give it one, such as a Deployment, or drain another node")
	}
	return false, nil
}

// replaced waits until the evicted pods are gone, and others are there in their
// place.
func (e *evicting) replaced(ctx context.Context) error {
	var errs []error
	for _, one := range e.evictions {
		if err := one.Revert(ctx); err != nil {
			errs = append(errs, fmt.Errorf("waiting for the evicted pods' replacements: %w", err))
		}
	}
	return errors.Join(errs...)
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
