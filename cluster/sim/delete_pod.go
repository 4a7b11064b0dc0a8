package sim

import (
	"context"
	"fmt"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// deletePod deletes a pod; its controller makes another.
type deletePod struct {
	cluster *Cluster
	action  seatrial.DeletePod
}

// podState is which pod was meant: one of the same name that comes later is
// another.
type podState struct {
	UID string `json:"uid"`
}

func (d *deletePod) pod() *world.Pod { return d.cluster.world.Pod(d.action.Namespace, d.action.Name) }

func (d *deletePod) observe() (any, error) {
	p := d.pod()
	if p == nil || p.Deleting {
		return nil, fmt.Errorf("pod %s/%s is not there any more", d.action.Namespace, d.action.Name)
	}
	return podState{p.UID}, nil
}

// act is in force shortly before the request's answer is there.
func (d *deletePod) act(ctx context.Context) error {
	if err := d.cluster.ask(ctx, d.action.Target()); err != nil {
		return err
	}
	p := d.pod()
	switch {
	case p == nil: // the proof decides
	case d.action.Grace != nil:
		p.Delete(*d.action.Grace)
	default:
		p.Delete(-1)
	}
	w := d.cluster.world
	return w.Clock.Sleep(ctx, w.Draw(w.Timings.News, "answer", d.action.Target()))
}

func (d *deletePod) prove(context.Context) (seatrial.Proof, error) {
	seen := "gone"
	if p := d.pod(); p != nil {
		if !p.Deleting {
			return seatrial.Proof{}, fmt.Errorf("pod %s is %s and not terminating", p.Key(), p.Phase)
		}
		seen = "terminating"
	}
	return seatrial.Proof{Method: "the pod is terminating or gone in the API", Evidence: map[string]string{"seen": seen}}, nil
}

// revert waits until the pod is gone, or was never deleted, and replaced.
func (d *deletePod) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[podState](prior)
	if err != nil {
		return err
	}
	w := d.cluster.world
	err = w.Clock.Until(ctx, func() bool {
		p := d.pod()
		return (p == nil || p.UID != state.UID || !p.Deleting) && w.Settled()
	})
	if err != nil {
		return fmt.Errorf("waiting until %s is replaced: %w: %s", d.action.Target(), err, unsettled(w.Missing()))
	}
	return nil
}
