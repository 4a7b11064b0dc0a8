package kind

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// prior is the content of a [seatrial.Prior] of this package.
type prior struct {
	ID    string         `json:"id"` // in the guardian
	Node  guardian.Node  `json:"node"`
	Found guardian.Prior `json:"found"`
}

// armed is an action between Observe and Revert.
type armed struct {
	action seatrial.Action
	prior  prior
	heart  *heart
	acted  bool
	at     time.Time      // of the act
	before guardian.State // as Observe saw the node
}

// node and expiry of the actions that need Docker; false for the others, which
// need the API only.
func nodeOf(a seatrial.Action) (node string, expires time.Duration, ok bool) {
	switch a := a.(type) {
	case seatrial.Freeze:
		return a.Node, a.Expires, true
	case seatrial.Throttle:
		return a.Node, a.Expires, true
	}
	return "", 0, false
}

// Supports checks the parameters; a blackout also needs a kernel that can drop
// packets in both directions, which the guardian has tried.
func (c *Cluster) Supports(a seatrial.Action) error {
	node, expires, ok := nodeOf(a)
	if !ok {
		return c.Cluster.Supports(a)
	}
	if node == "" || expires <= 0 {
		return fmt.Errorf("%s: an action on a node needs its name, and an end by itself", a.Kind())
	}
	switch a := a.(type) {
	case seatrial.Freeze:
		switch a.Mode {
		case seatrial.Sigstop, seatrial.Cgroup:
			return nil
		case seatrial.Blackout:
			if why := c.link.noBlackout(); why != "" {
				return errors.New("freeze mode blackout cannot be had here: " + why)
			}
			return nil
		}
		return fmt.Errorf("freeze mode %q is unknown to kind: sigstop, cgroup and blackout are known", a.Mode)
	case seatrial.Throttle:
		if a.CPUs <= 0 {
			return errors.New("throttle needs a number of CPUs above 0")
		}
	}
	return nil
}

// Observe finds the node as it is, arms the action in the guardian, and starts
// a heartbeat in the node.
func (c *Cluster) Observe(ctx context.Context, a seatrial.Action) (seatrial.Prior, error) {
	name, _, ok := nodeOf(a)
	if !ok {
		return c.Cluster.Observe(ctx, a)
	}
	node, err := c.node(ctx, name)
	if err != nil {
		return nil, err
	}
	x := &armed{action: a, prior: prior{ID: rand.Text(), Node: node}}
	if err := c.arm(ctx, x); err != nil {
		return nil, fmt.Errorf("observing %s: %w", a.Target(), err)
	}
	// A frozen node would not let the heartbeat in: arm has looked.
	if x.heart, err = startHeart(ctx, name); err != nil {
		return nil, errors.Join(err, c.revoke(ctx, x.prior.ID))
	}
	c.mu.Lock()
	c.armed = append(c.armed, x)
	c.mu.Unlock()
	return json.Marshal(x.prior)
}

// arm prepares x in the guardian.
func (c *Cluster) arm(ctx context.Context, x *armed) error {
	plan := guardian.Plan{ID: x.prior.ID, Node: x.prior.Node}
	switch a := x.action.(type) {
	case seatrial.Freeze:
		plan.Freeze = a.Mode
	case seatrial.Throttle:
		plan.CPUs = a.CPUs
	}
	return c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		state, err := g.Status(ctx, plan.Node)
		if err != nil {
			return err
		}
		if state.Freezer != "THAWED" || state.Processes > 0 && len(state.Stopped) == state.Processes {
			return seatrial.Fail(seatrial.Infrastructure, errors.New("the node is frozen already"), "run `seatrial recover`")
		}
		x.before = state
		x.prior.Found, err = g.Prepare(ctx, plan)
		return err
	})
}

// node finds a node's container as it is now.
func (c *Cluster) node(ctx context.Context, name string) (guardian.Node, error) {
	nodes, err := nodesOf(ctx, c.name)
	if err != nil {
		return guardian.Node{}, err
	}
	n, ok := nodes[name]
	if !ok {
		return guardian.Node{}, seatrial.Fail(seatrial.BadInput,
			fmt.Errorf("cluster %s has no node %q", c.name, name), "`kubectl get nodes` names them")
	}
	if !n.up() {
		return guardian.Node{}, fmt.Errorf("the container of node %s is %s", name, n.State.Status)
	}
	return guardian.Node{Container: n.ID, PID: n.State.Pid}, nil
}

// Act does an observed action; it ends by itself after its Expires.
func (c *Cluster) Act(ctx context.Context, a seatrial.Action) error {
	_, expires, ok := nodeOf(a)
	if !ok {
		return c.Cluster.Act(ctx, a)
	}
	x := c.find(a, false)
	if x == nil {
		return fmt.Errorf("%s of %s was not observed before", a.Kind(), a.Target())
	}
	// What happens while the answer is on its way is undone by id, so it
	// counts as acted from here.
	c.mu.Lock()
	x.acted, x.at = true, time.Now()
	c.mu.Unlock()
	return c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		_, err := g.Act(ctx, x.prior.ID, expires)
		return err
	})
}

// find is the oldest armed a that was acted, or not; nil when there is none.
func (c *Cluster) find(a seatrial.Action, acted bool) *armed {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.armed {
		if x.action == a && x.acted == acted {
			return x
		}
	}
	return nil
}

// Revert voids the action's id in the guardian, which undoes it, and returns
// when two looks at the node, a quarter of a second apart, find it as it was.
// It needs nothing but p, so that any later process can call it.
func (c *Cluster) Revert(ctx context.Context, a seatrial.Action, p seatrial.Prior) error {
	if _, _, ok := nodeOf(a); !ok {
		return c.Cluster.Revert(ctx, a, p)
	}
	var was prior
	if err := json.Unmarshal(p, &was); err != nil {
		return fmt.Errorf("reverting %s of %s: reading its prior state: %w", a.Kind(), a.Target(), err)
	}
	if err := c.restore(ctx, was); err != nil {
		return fmt.Errorf("reverting %s of %s: %w", a.Kind(), a.Target(), err)
	}
	return c.forget(was.ID)
}

func (c *Cluster) restore(ctx context.Context, was prior) error {
	if err := c.revoke(ctx, was.ID); err != nil {
		if alive, look := c.alive(ctx, &was.Node); look != nil || !alive {
			return look // the container is gone: so is all that was done to it
		}
		c.opts.log("%v: looking at the node", err)
	}
	return c.awaitRestored(ctx, was)
}

func (c *Cluster) revoke(ctx context.Context, id string) error {
	return c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		_, err := g.Revoke(ctx, id)
		return err
	})
}

// again is the pause between two looks at a node that is being restored.
const again = 250 * time.Millisecond

// awaitRestored looks until two looks in a row find the node as it was. What a
// dead runner or a dead guardian left, it sweeps.
func (c *Cluster) awaitRestored(ctx context.Context, was prior) error {
	tick := time.NewTicker(again)
	defer tick.Stop()
	var seen error
	for good := 0; ; {
		alive, err := c.alive(ctx, &was.Node)
		if err == nil && !alive {
			return nil
		}
		if err == nil {
			err = c.lookRestored(ctx, was)
		}
		if ctx.Err() == nil {
			seen = err
		}
		if err == nil {
			good++
		} else {
			good = 0
		}
		if good == 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), seen)
		case <-tick.C:
		}
	}
}

// lookRestored is nil when one look finds the node as it was; otherwise it
// sweeps.
func (c *Cluster) lookRestored(ctx context.Context, was prior) error {
	return c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		state, err := g.Status(ctx, was.Node)
		if err != nil {
			return err
		}
		left := leftovers(state, was.Found)
		if left == nil {
			return nil
		}
		return errors.Join(left, g.Sweep(ctx, was.Node, was.Found))
	})
}

// alive refreshes the node's pid; false when its container is gone or has
// stopped.
func (c *Cluster) alive(ctx context.Context, n *guardian.Node) (bool, error) {
	all, err := containers(ctx, "id="+n.Container)
	if err != nil || len(all) == 0 || !all[0].State.Running {
		return false, err
	}
	n.PID = all[0].State.Pid
	return true, nil
}

// forget ends the heartbeat of a reverted action.
func (c *Cluster) forget(id string) error {
	c.mu.Lock()
	var ended *heart
	for i, x := range c.armed {
		if x.prior.ID == id {
			ended = x.heart
			c.armed = append(c.armed[:i], c.armed[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	if ended == nil {
		return nil
	}
	return ended.close()
}
