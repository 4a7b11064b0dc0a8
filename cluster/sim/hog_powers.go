package sim

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// place is where a hog is to be: on a node, or in a container there.
type place struct {
	cluster              *Cluster
	node                 *world.Node
	target               string
	namespace, pod, name string // of the container; empty on the node itself
}

// container is nil on a node itself.
func (p place) container() (*world.Container, error) {
	if p.pod == "" {
		return nil, nil
	}
	pod := p.cluster.world.Pod(p.namespace, p.pod)
	if pod == nil || pod.Node != p.node {
		return nil, fmt.Errorf("pod %s/%s is not on node %s any more", p.namespace, p.pod, p.node.Name)
	}
	c := pod.Container(p.name)
	if c == nil || !c.Runs() {
		return nil, fmt.Errorf("no container %s runs in pod %s", p.name, pod.Key())
	}
	return c, nil
}

// begins is what an act does: it reaches the node, and begins in the container.
func (p place) begins(ctx context.Context, on func(*world.Container)) error {
	if err := p.cluster.reach(ctx, p.node.Name); err != nil {
		return err
	}
	c, err := p.container()
	if err == nil {
		on(c)
	}
	return err
}

// ends is what a revert does: it reaches the node, and sees the end.
func (p place) ends(ctx context.Context, end func()) error {
	if err := p.cluster.reach(ctx, p.node.Name); err != nil {
		return err
	}
	end()
	return p.cluster.confirm(ctx, p.node.Name)
}

// hogMemory lets something take memory.
type hogMemory struct {
	place
	action seatrial.HogMemory
}

func (c *Cluster) hogMemory(a seatrial.HogMemory) (power, error) {
	node, err := c.node(a.Node)
	return &hogMemory{place{c, node, a.Target(), a.Namespace, a.Pod, a.Container}, a}, err
}

// observe: there is nothing to restore but the memory.
func (h *hogMemory) observe() (any, error) {
	c, err := h.container()
	if err == nil && c != nil {
		h.cluster.kills[h.target] = c.OOMKills()
	}
	return struct{}{}, err
}

func (h *hogMemory) act(ctx context.Context) error {
	most, rate := int64(h.action.Bytes), int64(h.action.Rate)
	if most == 0 {
		most = math.MaxInt64 / 2
	}
	if hog := h.cluster.hogs[h.target]; hog != nil && hog.Runs() {
		return fmt.Errorf("%s has a memory hog already", h.target)
	}
	return h.begins(ctx, func(c *world.Container) {
		var hog *world.Hog
		if c == nil {
			hog = h.node.Hog(most, rate)
		} else {
			hog = c.Hog(most, rate)
		}
		h.cluster.hogs[h.target] = hog
		h.cluster.world.Clock.Do(h.action.Expires, hog.End)
	})
}

// prove looks at what the want of memory does: to the container, to the node,
// or, where there is enough, to the memory in use.
func (h *hogMemory) prove(context.Context) (seatrial.Proof, error) {
	pod := h.cluster.world.Pod(h.namespace, h.pod)
	switch hog := h.cluster.hogs[h.target]; {
	case pod != nil && pod.Container(h.name) != nil && pod.Container(h.name).OOMKills() > h.cluster.kills[h.target]:
		return seatrial.Proof{Method: "the container's last end, in its pod's status", Evidence: map[string]string{"reason": "OOMKilled"}}, nil
	case pod != nil && pod.Evicted():
		return seatrial.Proof{Method: "the kubelet evicted the pod", Evidence: map[string]string{"reason": "Evicted"}}, nil
	case h.node.Hung():
		return seatrial.Proof{Method: "the node's memory: nothing is left, and what runs there waits for it",
			Evidence: map[string]string{"in use": seatrial.Bytes(h.node.Used()).String()}}, nil
	case hog == nil || !hog.Runs():
		return seatrial.Proof{}, errors.New("no hog runs, and it left no trace")
	case h.action.Bytes > 0 && hog.Taken() >= int64(h.action.Bytes):
		return seatrial.Proof{Method: "the memory in use on the node", Evidence: map[string]string{
			"in use": seatrial.Bytes(h.node.Used()).String(), "of the hog": seatrial.Bytes(hog.Taken()).String()}}, nil
	default:
		return seatrial.Proof{}, fmt.Errorf("the hog has taken %d MiB so far", hog.Taken()>>20)
	}
}

func (h *hogMemory) revert(ctx context.Context, _ seatrial.Prior) error {
	hog := h.cluster.hogs[h.target]
	if hog == nil || !hog.Runs() {
		return nil
	}
	return h.ends(ctx, hog.End)
}

// hogCPU lets something compute.
type hogCPU struct {
	place
	action seatrial.HogCPU
}

func (c *Cluster) hogCPU(a seatrial.HogCPU) (power, error) {
	node, err := c.node(a.Node)
	return &hogCPU{place{c, node, a.Target(), a.Namespace, a.Pod, a.Container}, a}, err
}

func (h *hogCPU) observe() (any, error) {
	_, err := h.container()
	return struct{}{}, err
}

func (h *hogCPU) act(ctx context.Context) error {
	if hog := h.cluster.cpuHogs[h.target]; hog != nil && hog.Runs() {
		return fmt.Errorf("%s has a CPU hog already", h.target)
	}
	return h.begins(ctx, func(c *world.Container) {
		var hog *world.CPUHog
		if c == nil {
			hog = h.node.HogCPU(float64(h.action.Threads))
		} else {
			hog = c.HogCPU(float64(h.action.Threads))
		}
		h.cluster.cpuHogs[h.target] = hog
		h.cluster.world.Clock.Do(h.action.Expires, hog.End)
	})
}

func (h *hogCPU) prove(context.Context) (seatrial.Proof, error) {
	hog := h.cluster.cpuHogs[h.target]
	if hog == nil || !hog.Runs() {
		return seatrial.Proof{}, errors.New("no hog runs")
	}
	return seatrial.Proof{Method: "the CPU time of the node that is not left to others",
		Evidence: map[string]string{"cores": fmt.Sprintf("%.2g", hog.Share())}}, nil
}

func (h *hogCPU) revert(ctx context.Context, _ seatrial.Prior) error {
	hog := h.cluster.cpuHogs[h.target]
	if hog == nil || !hog.Runs() {
		return nil
	}
	return h.ends(ctx, hog.End)
}
