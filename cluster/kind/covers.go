package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// breakCNI: the runtime gets no network for a new pod.
func (c *Cluster) breakCNI(a seatrial.BreakCNI) *power {
	return &power{
		on: a.Node, expires: a.Expires,
		plan: func(_ context.Context, x *armed, p *guardian.Plan, _ map[string]container) (string, error) {
			p.Plugin = true
			x.probe = &guardian.Probe{Network: "sandbox", Address: runtimeSocket}
			return a.Node, nil
		},
		see: c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
			return x.coverProof(now, "the node's container runtime, asked for a pod's sandbox as its kubelet does, made one before and now fails",
				"a sandbox")
		}),
	}
}

// loseVolume covers the pod's volume where its kubelet has it, which is a place
// of this pod alone.
func (c *Cluster) loseVolume(a seatrial.LoseVolume) *power {
	return &power{
		on: a.Pod, expires: a.Expires,
		plan: func(ctx context.Context, x *armed, p *guardian.Plan, _ map[string]container) (string, error) {
			v, err := c.PodVolume(ctx, a.Namespace, a.Pod, a.Volume)
			if err != nil {
				return "", err
			}
			p.Lose = &guardian.Lose{Pod: string(v.UID), Volume: v.Folder, Paths: v.Paths}
			x.probe = &guardian.Probe{Network: "volume", Address: v.Paths[0], Pod: string(v.UID)}
			x.prior.Volume = x.probe
			return v.Node, nil
		},
		see: c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
			return x.coverProof(now, "a running container of the pod, entered from its node's host, could write to its volume before and now finds it read-only",
				"writing to "+x.probe.Address+" of "+a.Pod)
		}),
	}
}

// coverProof is for what lies beneath a mount: the network plugin, or a volume.
func (x *armed) coverProof(now sight, method, what string) (seatrial.Proof, error) {
	if err := x.silenced(now.answer, guardian.Refused); err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{Method: method, Evidence: map[string]string{what: x.beforeAndNow(now)}}, nil
}

// stillCovered are the paths of an action that lie beneath mounts still, or any
// where it is not known which they are.
func stillCovered(s guardian.State, found guardian.Prior) []string {
	return slices.DeleteFunc(slices.Clone(s.Covered), func(path string) bool {
		return len(found.Covered) > 0 && !slices.Contains(found.Covered, path)
	})
}

// refused is the error that a container of the pod has its volume read-only
// still. None needs to run: the kubelet may wait before it starts one again.
func refused(ctx context.Context, g *guardian.Client, was prior) error {
	probe := *was.Volume
	probe.Node = was.Node
	answer, err := g.Probe(ctx, probe)
	if err == nil && answer == guardian.Refused {
		err = errors.New("a container has the volume read-only still")
	}
	if err != nil {
		return fmt.Errorf("looking at %s of the pod: %w", probe.Address, err)
	}
	return nil
}
