package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// loseVolume leaves a volume of one pod empty and read-only.
type loseVolume struct {
	cluster *Cluster
	action  seatrial.LoseVolume
}

// volumeState is which pod was meant, and how its volume was.
type volumeState struct {
	UID string `json:"uid"`
	Was bool   `json:"was"` // it was lost before
}

// pod is the one of that UID; nil when it is gone.
func (l *loseVolume) pod(uid string) *world.Pod {
	if p := l.cluster.world.Pod(l.action.Namespace, l.action.Pod); p != nil && p.UID == uid {
		return p
	}
	return nil
}

func (l *loseVolume) observe() (any, error) {
	p := l.cluster.world.Pod(l.action.Namespace, l.action.Pod)
	switch {
	case p == nil || p.Deleting:
		return nil, fmt.Errorf("%s is not there any more", l.action.Target())
	case !p.Mounts(l.action.Volume):
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("no container of %s uses a volume %q", l.action.Target(), l.action.Volume),
			"name one of its spec's volumes or of its set's volumeClaimTemplates")
	}
	l.cluster.losers[l.action.Target()] = p.UID
	return volumeState{UID: p.UID, Was: p.Lost(l.action.Volume)}, nil
}

func (l *loseVolume) act(ctx context.Context) error {
	p := l.pod(l.cluster.losers[l.action.Target()])
	if p == nil {
		return nil // the proof decides
	}
	if err := l.cluster.reach(ctx, l.action.Target()); err != nil {
		return err
	}
	p.LoseVolume(l.action.Volume, true)
	l.cluster.expire(l.action, l.action.Expires, func() { p.LoseVolume(l.action.Volume, false) })
	return nil
}

func (l *loseVolume) prove(context.Context) (seatrial.Proof, error) {
	p := l.pod(l.cluster.losers[l.action.Target()])
	switch {
	case p == nil:
		return seatrial.Proof{}, errors.New("the pod is gone")
	case !p.Without(l.action.Volume):
		return seatrial.Proof{}, errors.New("no container runs that has to do without the volume")
	}
	return seatrial.Proof{Method: "a container of the pod runs, and its volume is empty and read-only"}, nil
}

func (l *loseVolume) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[volumeState](prior)
	if err != nil || state.Was {
		return err
	}
	p := l.pod(state.UID)
	if p == nil || !p.Lost(l.action.Volume) {
		return nil
	}
	if err := l.cluster.reach(ctx, l.action.Target()); err != nil {
		return err
	}
	p.LoseVolume(l.action.Volume, false)
	return l.cluster.confirm(ctx, l.action.Target())
}
