package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// poolPower is an action on the pool, in the steps of [seatrial.Actor].
type poolPower interface {
	supported() error
	observe(ctx context.Context) (member, error)
	act(ctx context.Context, was member) error
	// see is one look for the proof; its error says what is missing.
	see(ctx context.Context, was member) (seatrial.Proof, error)
	revert(ctx context.Context, was member) error
}

// poolPower is nil for an action on anything else.
func (c *Cluster) poolPower(a seatrial.Action) poolPower {
	switch a := a.(type) {
	case seatrial.AddNode:
		return addNode{c, a}
	case seatrial.RemoveNode:
		return removeNode{c, a}
	}
	return nil
}

func (c *Cluster) observePool(ctx context.Context, a seatrial.Action) (seatrial.Prior, error) {
	was, err := c.poolPower(a).observe(ctx)
	if err != nil {
		return nil, fmt.Errorf("observing %s: %w", a.Target(), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[a] = was
	return json.Marshal(was)
}

// member is what was observed before a.
func (c *Cluster) member(a seatrial.Action) (member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, ok := c.members[a]
	if !ok {
		return was, fmt.Errorf("%s of %s was not observed before", a.Kind(), a.Target())
	}
	return was, nil
}

func (c *Cluster) actOnPool(ctx context.Context, a seatrial.Action) error {
	was, err := c.member(a)
	if err != nil {
		return err
	}
	return c.poolPower(a).act(ctx, was)
}

func (c *Cluster) provePool(ctx context.Context, a seatrial.Action) (proof seatrial.Proof, err error) {
	was, err := c.member(a)
	if err != nil {
		return proof, err
	}
	err = poll(ctx, func() error {
		proof, err = c.poolPower(a).see(ctx, was)
		return err
	})
	if err != nil {
		return proof, fmt.Errorf("proving %s of %s: %w", a.Kind(), a.Target(), errors.Join(ctx.Err(), err))
	}
	return proof, nil
}

func (c *Cluster) revertPool(ctx context.Context, a seatrial.Action, p seatrial.Prior) error {
	var was member
	err := json.Unmarshal(p, &was)
	if err == nil {
		err = c.poolPower(a).revert(ctx, was)
	}
	if err == nil {
		err = c.pool.sweep(ctx)
	}
	if err != nil {
		return fmt.Errorf("reverting %s of %s: %w", a.Kind(), a.Target(), err)
	}
	return nil
}

// release ends what is in force on a machine that leaves: whoever comes next
// must not find it frozen.
func (c *Cluster) release(ctx context.Context, machine string) error {
	nodes, err := nodesOf(ctx, c.name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	var ids []string
	for _, x := range c.armed {
		if x.acted && x.prior.Node.Container == nodes[machine].ID {
			ids = append(ids, x.prior.ID)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, c.revoke(ctx, id))
	}
	return errors.Join(errs...)
}

// seen is a node as the watches have it last; nil when they have none.
func (c *Cluster) seen(ctx context.Context, name string) (*seatrial.Node, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.Name == name {
			return &n, nil
		}
	}
	return nil, nil
}

// look is a node in a read of the API server and in the watches; nil where there
// is none.
func (c *Cluster) look(ctx context.Context, name string) (read *corev1.Node, watched *seatrial.Node, err error) {
	if read, err = c.pool.find(ctx, name); err == nil {
		watched, err = c.seen(ctx, name)
	}
	return read, watched, err
}

// present is a node that has to be there.
func (c *Cluster) present(ctx context.Context, name string) (*corev1.Node, error) {
	n, err := c.pool.find(ctx, name)
	if err == nil && n == nil {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no node %s", name), "`kubectl get nodes` names them")
	}
	return n, err
}

// addNode is a [seatrial.AddNode].
type addNode struct {
	*Cluster
	a seatrial.AddNode
}

func (x addNode) supported() error {
	if x.a.Name == "" || x.a.Like == "" || x.a.Version == "" {
		return errors.New("addNode needs a name, a node to be like, and a version")
	}
	return nil
}

func (x addNode) observe(ctx context.Context) (member, error) {
	like, err := x.present(ctx, x.a.Like)
	if err != nil {
		return member{}, err
	}
	if x.a.Name == x.a.Like {
		return memberOf(like), nil
	}
	if n, err := x.pool.find(ctx, x.a.Name); err != nil || n != nil {
		return member{}, errors.Join(err, fmt.Errorf("node %s is there already", x.a.Name))
	}
	idle, err := x.pool.idle(ctx)
	if err == nil && len(idle) == 0 {
		err = errors.New("no machine is held back that could become a node")
	}
	return memberOf(like), err
}

func (x addNode) act(ctx context.Context, like member) error {
	like.Version = x.a.Version
	return x.pool.add(ctx, x.a.Name, like)
}

func (x addNode) see(ctx context.Context, like member) (seatrial.Proof, error) {
	n, cached, err := x.look(ctx, x.a.Name)
	switch {
	case err != nil:
		return seatrial.Proof{}, err
	case n == nil || n.UID == like.UID:
		return seatrial.Proof{}, fmt.Errorf("there is no new node %s", x.a.Name)
	case cached == nil || !cached.Ready || !isReady(*n):
		return seatrial.Proof{}, fmt.Errorf("node %s is not Ready", x.a.Name)
	case cached.Kubernetes != x.a.Version:
		return seatrial.Proof{}, fmt.Errorf("node %s has version %s", x.a.Name, cached.Kubernetes)
	}
	return seatrial.Proof{
		Method: "a new Node object of the new version, which its kubelet reports to be Ready, in a watch and in a read of the API server",
		Evidence: map[string]string{"version, by label": n.Labels[seatrial.VersionLabel], "uid": string(n.UID),
			"addresses of its pods": n.Spec.PodCIDR, "machine": machineName(n)},
	}, nil
}

// revert: the node whose place the new one was to take has left, or has not.
func (x addNode) revert(ctx context.Context, like member) error {
	old, err := x.pool.find(ctx, x.a.Like)
	if err != nil {
		return err
	}
	added, err := x.pool.find(ctx, x.a.Name)
	switch {
	case err != nil || added == nil || added.UID == like.UID:
		return err
	case old == nil || x.a.Name == x.a.Like:
		return x.pool.complete(ctx, x.a.Name)
	}
	return x.pool.retire(ctx, added)
}

// removeNode is a [seatrial.RemoveNode].
type removeNode struct {
	*Cluster
	a seatrial.RemoveNode
}

func (x removeNode) supported() error {
	if x.a.Name == "" {
		return errors.New("removeNode does not say which")
	}
	return nil
}

func (x removeNode) observe(ctx context.Context) (member, error) {
	n, err := x.present(ctx, x.a.Name)
	if err != nil {
		return member{}, err
	}
	was := memberOf(n)
	all, err := x.pool.machines.list(ctx)
	if err != nil {
		return member{}, err
	}
	if seen, err := x.seen(ctx, x.a.Name); err != nil || seen != nil && seen.Agents || !slices.Contains(all, was.Machine) {
		return member{}, errors.Join(err, seatrial.Fail(seatrial.BadInput, errors.New("only a worker can be removed"), "choose a worker"))
	}
	return was, x.pool.machines.ready(ctx, was.Machine)
}

func (x removeNode) act(ctx context.Context, was member) error {
	return x.pool.remove(ctx, x.a.Name, was)
}

func (x removeNode) see(ctx context.Context, was member) (seatrial.Proof, error) {
	n, cached, err := x.look(ctx, x.a.Name)
	switch {
	case err != nil:
		return seatrial.Proof{}, err
	case n != nil && n.UID == was.UID || n == nil && cached != nil:
		return seatrial.Proof{}, fmt.Errorf("node %s is there", x.a.Name)
	}
	return seatrial.Proof{Method: "the Node object is gone, in a watch and in a read of the API server",
		Evidence: map[string]string{"uid": string(was.UID), "machine": was.Machine}}, nil
}

// revert: the node is there again, or its successor is.
func (x removeNode) revert(ctx context.Context, was member) error {
	for _, name := range []string{x.a.Name, x.a.Successor} {
		if name == "" {
			continue
		}
		n, err := x.pool.find(ctx, name)
		if err != nil {
			return err
		}
		if n != nil && n.UID == was.UID {
			return nil // it never left
		}
		if n != nil {
			return x.pool.complete(ctx, name)
		}
	}
	return x.pool.add(ctx, x.a.Name, was)
}
