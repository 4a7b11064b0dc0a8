package sim

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// member finds a node that is in the pool, or was.
func (c *Cluster) member(name string) (*world.Node, error) {
	if n := c.world.Left(name); n != nil && c.world.Node(name) == nil {
		return n, nil
	}
	return c.node(name)
}

// addNode lets a node join the pool.
type addNode struct {
	cluster *Cluster
	action  seatrial.AddNode
	like    *world.Node
}

func (c *Cluster) addNode(a seatrial.AddNode) (power, error) {
	like, err := c.member(a.Like)
	if err != nil {
		return nil, fmt.Errorf("finding a node like which node %s is to be: %w", a.Name, err)
	}
	return &addNode{cluster: c, action: a, like: like}, nil
}

func (a *addNode) observe() (any, error) {
	if a.action.Name != a.action.Like && a.cluster.world.Node(a.action.Name) != nil {
		return nil, fmt.Errorf("node %s is there already", a.action.Name)
	}
	return struct{}{}, nil
}

func (a *addNode) act(ctx context.Context) error {
	if err := a.cluster.ask(ctx, a.action.Name); err != nil {
		return err
	}
	if a.cluster.world.Node(a.action.Name) != nil {
		return fmt.Errorf("node %s cannot join: one of that name is there", a.action.Name)
	}
	a.cluster.world.AddNode(a.action.Name, a.action.Version, a.like)
	return nil
}

func (a *addNode) prove(context.Context) (seatrial.Proof, error) {
	n := a.cluster.world.Node(a.action.Name)
	switch {
	case n == nil:
		return seatrial.Proof{}, fmt.Errorf("node %s is not there", a.action.Name)
	case n.Ready != corev1.ConditionTrue || n.Version != a.action.Version:
		return seatrial.Proof{}, fmt.Errorf("node %s has Kubernetes %s, Ready: %s", n.Name, n.Version, n.Ready)
	}
	return seatrial.Proof{Method: "a node of the new version is there and Ready in the API",
		Evidence: map[string]string{"version": n.Version}}, nil
}

// revert takes a node out again whose place is still taken by the one that it
// was to replace. Its pods leave it in their own time.
func (a *addNode) revert(ctx context.Context, _ seatrial.Prior) error {
	w := a.cluster.world
	added := w.Node(a.action.Name)
	if a.action.Name == a.action.Like || added == nil || w.Node(a.action.Like) == nil {
		return nil
	}
	added.Empty()
	if err := w.Clock.Until(ctx, func() bool { return added.Occupants() == 0 }); err != nil {
		return fmt.Errorf("waiting until node %s is empty: %w", added.Name, err)
	}
	w.RemoveNode(added)
	return nil
}

// removeNode takes a node from the pool.
type removeNode struct {
	cluster *Cluster
	action  seatrial.RemoveNode
	node    *world.Node
}

func (c *Cluster) removeNode(a seatrial.RemoveNode) (power, error) {
	n, err := c.member(a.Name)
	if err != nil {
		return nil, err
	}
	return &removeNode{cluster: c, action: a, node: n}, nil
}

func (r *removeNode) observe() (any, error) {
	if r.node.Gone() {
		return nil, fmt.Errorf("%w %s any more", errNoNode, r.action.Name)
	}
	return struct{}{}, nil
}

func (r *removeNode) act(ctx context.Context) error {
	if err := r.cluster.ask(ctx, r.action.Name); err != nil {
		return err
	}
	r.cluster.world.RemoveNode(r.node)
	return nil
}

func (r *removeNode) prove(context.Context) (seatrial.Proof, error) {
	if !r.node.Gone() {
		return seatrial.Proof{}, fmt.Errorf("node %s is there", r.action.Name)
	}
	return seatrial.Proof{Method: "the node is gone from the API"}, nil
}

// revert lets a node like it join, unless its place is taken.
func (r *removeNode) revert(ctx context.Context, _ seatrial.Prior) error {
	if r.taken() {
		return nil
	}
	w := r.cluster.world
	if err := w.Clock.Sleep(ctx, w.Joining(r.action.Name)); err != nil {
		return err
	}
	if !r.taken() {
		w.AddNode(r.action.Name, r.node.Version, r.node)
	}
	return nil
}

func (r *removeNode) taken() bool {
	w := r.cluster.world
	return w.Node(r.action.Name) != nil || r.action.Successor != "" && w.Node(r.action.Successor) != nil
}
