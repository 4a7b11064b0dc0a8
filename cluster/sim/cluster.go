package sim

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/network"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// Cluster is a simulated cluster.
type Cluster struct {
	world   *world.World
	network *network.Network
	name    string
	// revisions of workloads that are to be restarted, by the action's target:
	// the proof is another one.
	revisions map[string]string
	// acts counts how often an action that expires was done, by its kind and
	// target.
	acts map[string]int
	// losers are the UIDs of pods that are to lose a volume, by the action's
	// target: one of the same name that comes later is not meant.
	losers map[string]string
	// descheduling are runs of the descheduler that were not taken away yet.
	descheduling map[string]*descheduling
	// hogs by the action's target, and how often the container that they are in
	// was killed before.
	hogs    map[string]*world.Hog
	cpuHogs map[string]*world.CPUHog
	kills   map[string]int
}

var _ seatrial.Cluster = (*Cluster)(nil)

// Ref names the cluster; it ends with its process.
func (c *Cluster) Ref() seatrial.Ref {
	return seatrial.Ref{Backend: "sim", Name: c.name, UID: "sim-" + c.name}
}

// Apply creates or updates the objects of a YAML stream.
func (c *Cluster) Apply(_ context.Context, manifests []byte) error { return c.world.Apply(manifests) }

// Settle returns once every node is Ready and every workload is as its spec
// asks.
func (c *Cluster) Settle(ctx context.Context) error {
	err := c.world.Clock.Until(ctx, c.world.Settled)
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return seatrial.Fail(seatrial.Infrastructure,
		fmt.Errorf("cluster %s has not settled: %w: %s", c.name, err, unsettled(c.world.Missing())),
		"look at requests, selectors and probes of the workload: nothing on a simulated cluster is slow by accident")
}

// Reset removes the workload, and returns when it is gone.
func (c *Cluster) Reset(ctx context.Context) error {
	c.world.Reset()
	return c.world.Clock.Until(ctx, c.world.Empty)
}

// Nodes lists the nodes, sorted by name.
func (c *Cluster) Nodes(context.Context) ([]seatrial.Node, error) {
	var nodes []seatrial.Node
	for _, n := range c.world.Nodes {
		nodes = append(nodes, seatrial.Node{Name: n.Name, Labels: n.Labels, Ready: n.Ready == corev1.ConditionTrue,
			Unschedulable: n.Unschedulable, ControlPlane: n.ControlPlane, Agents: n.Agents, Kubernetes: n.Version})
	}
	return nodes, nil
}

// Pods lists the pods that match, sorted by namespace and name.
func (c *Cluster) Pods(_ context.Context, s seatrial.Selector) ([]seatrial.Pod, error) {
	selector, err := labels.Parse(s.Labels)
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("selecting pods: %w", err), "write it as app=shop,tier!=db")
	}
	var pods []seatrial.Pod
	for _, p := range c.world.Pods(s.Namespace, selector) {
		pod := seatrial.Pod{Namespace: p.Namespace, Name: p.Name, UID: p.UID, Labels: p.Template.Labels,
			Phase: string(p.Phase), Ready: p.Ready, Terminating: p.Deleting, Controller: p.Controller()}
		if p.Node != nil {
			pod.Node = p.Node.Name
		}
		pods = append(pods, pod)
	}
	return pods, nil
}
