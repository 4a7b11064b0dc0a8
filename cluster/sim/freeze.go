package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// freeze lets a node stand still.
type freeze struct {
	cluster *Cluster
	node    *world.Node
	action  seatrial.Freeze
}

// heartbeat is how often something on a node that runs can be seen to run.
const heartbeat = 100 * time.Millisecond

// nodeState is what the actions on nodes restore.
type nodeState struct {
	Frozen bool    `json:"frozen,omitempty"`
	CPUs   float64 `json:"cpus,omitempty"` // that were left to it; zero means all
}

func (f *freeze) observe() (any, error) { return nodeState{Frozen: f.node.Frozen()}, nil }

func (f *freeze) act(ctx context.Context) error {
	if err := f.cluster.reach(ctx, f.node.Name); err != nil {
		return err
	}
	f.node.Freeze(f.action.Mode == seatrial.Blackout)
	f.cluster.expire(f.action, f.action.Expires, f.node.Thaw)
	return nil
}

// prove listens to the node's heart, which does not know of the freeze.
func (f *freeze) prove(ctx context.Context) (seatrial.Proof, error) {
	beaten := false
	f.node.Beat(heartbeat, func() { beaten = true })
	if err := f.cluster.world.Clock.Sleep(ctx, 2*heartbeat); err != nil {
		return seatrial.Proof{}, errors.Join(err, errors.New("too short a time to listen to the node's heart"))
	}
	if beaten {
		return seatrial.Proof{}, errors.New("the node's heart beats")
	}
	return seatrial.Proof{Method: "a heartbeat inside the node that stopped",
		Evidence: map[string]string{"no heartbeat for": (2 * heartbeat).String(), "packets lost": strconv.FormatBool(f.node.Silent())}}, nil
}

func (f *freeze) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[nodeState](prior)
	if err != nil || state.Frozen || !f.node.Frozen() {
		return err
	}
	if err := f.cluster.reach(ctx, f.node.Name); err != nil {
		return err
	}
	f.node.Thaw()
	return f.cluster.confirm(ctx, f.node.Name)
}

// throttle leaves a node less CPU.
type throttle struct {
	cluster *Cluster
	node    *world.Node
	action  seatrial.Throttle
}

func (t *throttle) observe() (any, error) { return nodeState{CPUs: t.node.Throttled()}, nil }

func (t *throttle) act(ctx context.Context) error {
	if err := t.cluster.reach(ctx, t.node.Name); err != nil {
		return err
	}
	before := t.node.Throttled()
	t.node.Throttle(t.action.CPUs)
	t.cluster.expire(t.action, t.action.Expires, func() {
		if t.node.Throttled() == t.action.CPUs {
			t.node.Throttle(before)
		}
	})
	return nil
}

func (t *throttle) prove(context.Context) (seatrial.Proof, error) {
	if t.node.Throttled() != t.action.CPUs {
		return seatrial.Proof{}, fmt.Errorf("the node has %v cores", t.node.Throttled())
	}
	return seatrial.Proof{Method: "the node's limit", Evidence: map[string]string{"cores": fmt.Sprint(t.node.Throttled())}}, nil
}

func (t *throttle) revert(_ context.Context, prior seatrial.Prior) error {
	state, err := was[nodeState](prior)
	if err == nil {
		t.node.Throttle(state.CPUs)
	}
	return err
}
