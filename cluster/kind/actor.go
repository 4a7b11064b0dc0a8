package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// prior is the content of a [seatrial.Prior] of this package.
type prior struct {
	ID    string         `json:"id"` // in the guardian
	Node  guardian.Node  `json:"node"`
	Found guardian.Prior `json:"found"`
	// API is what package kube observed, where the action is done through the
	// API server too.
	API json.RawMessage `json:"api,omitempty"`
	// Control: the node is the control plane's, so the API server has to come
	// back too.
	Control bool `json:"control,omitempty"`
	// Volume asks whether a pod can use its volume again.
	Volume *guardian.Probe `json:"volume,omitempty"`
}

// armed is an action between Observe and Revert.
type armed struct {
	action seatrial.Action
	power  *power
	prior  prior
	heart  *heart // nil where the proof does not need one
	acted  bool
	at     time.Time       // of the act
	before guardian.State  // as Observe saw the node
	probe  *guardian.Probe // what the proof asks from inside the node; nil: nothing
	first  guardian.Answer // to the probe, before the act
	uid    types.UID       // of the pod that is hit; empty: none
	hog    *hogged         // where the hog is, and how that was before; nil: no hog
}

// Observe finds the node as it is, arms the action in the guardian, and gets
// ready what its proof needs: an answer from before, or a heartbeat in the node.
func (c *Cluster) Observe(ctx context.Context, a seatrial.Action) (seatrial.Prior, error) {
	if c.poolPower(a) != nil {
		return c.observePool(ctx, a)
	}
	power := c.power(a)
	if power == nil {
		return c.Cluster.Observe(ctx, a)
	}
	x := &armed{action: a, power: power}
	plan, err := c.plan(ctx, x)
	if err != nil {
		return nil, err
	}
	x.prior.ID, x.prior.Node = plan.ID, plan.Node
	if err := c.arm(ctx, x, plan); err != nil {
		return nil, fmt.Errorf("observing %s: %w", a.Target(), err)
	}
	if power.beats {
		// A frozen node would not let the heartbeat in: arm has looked.
		if x.heart, err = startHeart(ctx, x.prior.Node.Container); err != nil {
			return nil, errors.Join(err, c.revoke(ctx, x.prior.ID))
		}
	}
	c.mu.Lock()
	c.armed = append(c.armed, x)
	c.mu.Unlock()
	return json.Marshal(x.prior)
}

// arm prepares x in the guardian.
func (c *Cluster) arm(ctx context.Context, x *armed, plan guardian.Plan) error {
	return c.link.askFor(ctx, x.patience(), func(ctx context.Context, g *guardian.Client) error {
		state, err := g.Status(ctx, plan.Node)
		if err != nil {
			return err
		}
		if state.Freezer != "THAWED" || state.Processes > 0 && len(state.Stopped) == state.Processes {
			return seatrial.Fail(seatrial.Infrastructure, errors.New("the node is frozen already"), "run `seatrial recover`")
		}
		x.before = state
		if x.probe != nil {
			if x.first, err = g.Probe(ctx, *x.probe); err != nil {
				return err
			}
		}
		x.prior.Found, err = g.Prepare(ctx, plan)
		return err
	})
}

// patience is the most that looking at x takes.
func (x *armed) patience() time.Duration {
	if x.probe != nil && x.probe.Network == "sandbox" {
		return answerTimeout + guardian.SandboxLimit
	}
	return answerTimeout
}

// node finds a node's container as it is now.
func (c *Cluster) node(ctx context.Context, name string) (guardian.Node, error) {
	nodes, err := nodesOf(ctx, c.name)
	if err != nil {
		return guardian.Node{}, err
	}
	return pick(nodes, c.name, c.machine(name))
}

// machine is the container that a node runs on: of the same name, unless the
// node joined later.
func (c *Cluster) machine(node string) string {
	if id := c.ProviderID(node); id != "" {
		return path.Base(id)
	}
	return node
}

func pick(nodes map[string]container, cluster, name string) (guardian.Node, error) {
	n, ok := nodes[name]
	if !ok {
		return guardian.Node{}, seatrial.Fail(seatrial.BadInput,
			fmt.Errorf("cluster %s has no node %q", cluster, name), "`kubectl get nodes` names them")
	}
	if !n.up() {
		return guardian.Node{}, fmt.Errorf("the container of node %s is %s", name, n.State.Status)
	}
	return guardian.Node{Container: n.ID, PID: n.State.Pid}, nil
}

// Act does an observed action; it ends by itself after its Expires.
func (c *Cluster) Act(ctx context.Context, a seatrial.Action) error {
	if c.poolPower(a) != nil {
		return c.actOnPool(ctx, a)
	}
	if c.power(a) == nil {
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
	err := c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		if x.hog != nil {
			if err := x.hog.rest(ctx, g, x.prior.Node, x.prior.Found.Concerns(guardian.Computing)); err != nil {
				return err
			}
		}
		_, err := g.Act(ctx, x.prior.ID, x.power.expires)
		return err
	})
	if x.power.api && err == nil {
		return c.Cluster.Act(ctx, a) // the guardian only undoes it
	}
	return err
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
	if c.poolPower(a) != nil {
		return c.revertPool(ctx, a, p)
	}
	power := c.power(a)
	if power == nil {
		return c.Cluster.Revert(ctx, a, p)
	}
	var was prior
	if err := json.Unmarshal(p, &was); err != nil {
		return fmt.Errorf("reverting %s of %s: reading its prior state: %w", a.Kind(), a.Target(), err)
	}
	err := c.restore(ctx, was)
	if err == nil && was.Control {
		err = c.awaitControlPlane(ctx)
	}
	if power.api && err == nil {
		err = c.Cluster.Revert(ctx, a, seatrial.Prior(was.API))
	}
	if err != nil {
		return fmt.Errorf("reverting %s of %s: %w", a.Kind(), a.Target(), err)
	}
	return c.forget(was.ID)
}

// awaitControlPlane returns once the API server answers again.
func (c *Cluster) awaitControlPlane(ctx context.Context) error {
	config, err := restConfig(c.name, c.opts)
	if err != nil {
		return err
	}
	return awaitAPI(ctx, config)
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
	for good, looks := 0, 1; ; looks++ {
		alive, err := c.alive(ctx, &was.Node)
		if err == nil && !alive {
			return nil
		}
		if err == nil {
			err = c.lookRestored(ctx, was, looks%patience == 0)
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

// patience is how many looks a unit that was just started has before it is
// started again.
const patience = 12

// lookRestored is nil when one look finds the node as it was; otherwise it
// sweeps. What is only starting is left alone unless it was waited for long.
func (c *Cluster) lookRestored(ctx context.Context, was prior, long bool) error {
	return c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		look := g.Status
		if was.Found.Concerns(guardian.Network) {
			look = g.Deep
		}
		state, err := look(ctx, was.Node)
		if err != nil {
			return err
		}
		left, away := leftovers(state, was.Found), absent(state, was.Found)
		if was.Volume != nil && !state.Gone {
			left = errors.Join(left, refused(ctx, g, was))
		}
		if left == nil && (away == nil || !long) {
			return away
		}
		return errors.Join(left, away, g.Sweep(ctx, was.Node, was.Found))
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
