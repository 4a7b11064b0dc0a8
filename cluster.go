package seatrial

import (
	"context"
	"io"
)

// Site is where one trial runs: clusters, one clock, and the load that comes
// from outside them.
type Site interface {
	Clock() Clock
	// Cluster finds a cluster by its name in the scenario; empty is the first.
	Cluster(name string) (Cluster, error)
	// Prepare brings the agents up and gives them their plans; nothing is sent
	// yet. What the clusters do from now on goes to the sink as events.
	Prepare(ctx context.Context, loads []LoadPlan, sink Sink) (Attack, error)
	io.Closer
}

// Cluster is one cluster of a site.
type Cluster interface {
	// Ref says which cluster this is, to a process that comes later.
	Ref() Ref
	// Apply creates or updates the objects of a YAML stream.
	Apply(ctx context.Context, manifests []byte) error
	// Settle returns once every node is Ready and every workload is as its
	// spec asks; its error says what is missing.
	Settle(ctx context.Context) error
	// Reset removes what earlier trials left, and proves it.
	Reset(ctx context.Context) error
	// Nodes lists the nodes, sorted by name.
	Nodes(ctx context.Context) ([]Node, error)
	// Pods lists the pods that match, sorted by namespace and name.
	Pods(ctx context.Context, s Selector) ([]Pod, error)
	Actor
}

// Ref names a cluster across processes and runs.
type Ref struct {
	Backend string `json:"backend"` // "kind", "sim" or "context"
	Name    string `json:"name"`    // kind's name of the cluster, or the context
	UID     string `json:"uid"`     // of its kube-system namespace: a cluster booted anew is another one
}

// Actor does actions and undoes them.
type Actor interface {
	// Supports is nil where this backend can do a, and says why not elsewhere.
	Supports(a Action) error
	// Observe records the state that Revert must restore, and prepares a so
	// that Act is quick. It changes nothing that users could feel.
	Observe(ctx context.Context, a Action) (Prior, error)
	// Act does it.
	Act(ctx context.Context, a Action) error
	// Prove returns once it is seen, by other means than the act itself, that
	// a took effect. It gives up when ctx ends and says what it saw.
	Prove(ctx context.Context, a Action) (Proof, error)
	// Revert restores the prior state and returns once that is observed. It is
	// idempotent, and what is gone counts as reverted.
	Revert(ctx context.Context, a Action, p Prior) error
}

// Selector chooses pods.
type Selector struct {
	Namespace string // empty means every namespace
	Labels    string // a Kubernetes label selector, as in "app=shop,tier!=db"; empty means all
}

// Node is what a fault needs to know of a node.
type Node struct {
	Name          string
	Labels        map[string]string
	Ready         bool
	Unschedulable bool
	ControlPlane  bool
	// Kubernetes is its version, as in "v1.37.1": its kubelet's, or what its
	// [VersionLabel] says.
	Kubernetes string
	// Agents: this node belongs to the load agents; no fault picks it.
	Agents bool
}

// Pod is what a fault needs to know of a pod.
type Pod struct {
	Namespace string
	Name      string
	UID       string
	Node      string // empty while it is not scheduled
	Labels    map[string]string
	// Controller is the kind of the object that makes another pod when this
	// one goes, as in "ReplicaSet". "Node" is a static pod's; empty means that
	// there is none.
	Controller  string
	Phase       string
	Ready       bool
	Terminating bool
}
