package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// power is how one kind of action is done here.
type power interface {
	// observe gives the state to restore.
	observe() (any, error)
	act(ctx context.Context) error
	// prove looks once; an error says what is missing.
	prove(ctx context.Context) (seatrial.Proof, error)
	// revert restores the state and returns once it is there.
	revert(ctx context.Context, prior seatrial.Prior) error
}

// power finds how the action is done.
func (c *Cluster) power(a seatrial.Action) (power, error) {
	switch a := a.(type) {
	case seatrial.Freeze:
		node, err := c.node(a.Node)
		return &freeze{cluster: c, node: node, action: a}, err
	case seatrial.Throttle:
		node, err := c.node(a.Node)
		return &throttle{cluster: c, node: node, action: a}, err
	case seatrial.DeletePod:
		return &deletePod{cluster: c, action: a}, nil
	case seatrial.Cordon:
		node, err := c.node(a.Node)
		return &cordon{cluster: c, node: node}, err
	case seatrial.Evict:
		return &evict{deletePod: deletePod{cluster: c, action: seatrial.DeletePod{Namespace: a.Namespace, Name: a.Name}}, action: a}, nil
	case seatrial.Restart:
		return &restart{cluster: c, action: a}, nil
	case seatrial.DNSDown:
		return &dnsDown{cluster: c, action: a}, nil
	case seatrial.DNSTerminated:
		return &dnsTerminated{cluster: c, action: a}, nil
	case seatrial.LoseVolume:
		return &loseVolume{cluster: c, action: a}, nil
	case seatrial.HogMemory:
		return c.hogMemory(a)
	case seatrial.HogCPU:
		return c.hogCPU(a)
	case seatrial.AddNode:
		return c.addNode(a)
	case seatrial.RemoveNode:
		return c.removeNode(a)
	case seatrial.Deschedule:
		return &deschedule{cluster: c, action: a}, nil
	case seatrial.StopControlPlane:
		return c.stopControlPlane(a), nil
	}
	return c.nodePower(a)
}

// nodePower finds how a node's outage is done.
func (c *Cluster) nodePower(a seatrial.Action) (power, error) {
	var name string
	var expires time.Duration
	var make func(*world.Node, time.Duration) *outage
	switch a := a.(type) {
	case seatrial.StopKubelet:
		name, expires, make = a.Node, a.Expires, c.stopKubelet
	case seatrial.StopRuntime:
		name, expires, make = a.Node, a.Expires, c.stopRuntime
	case seatrial.Partition:
		name, expires, make = a.Node, a.Expires, c.partition
	case seatrial.BreakCNI:
		name, expires, make = a.Node, a.Expires, c.breakCNI
	case seatrial.PowerOff:
		name, expires, make = a.Node, a.Expires, c.powerOff
	default:
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s of %s is not modelled by the simulator", a.Kind(), a.Target()),
			"run it with --on kind")
	}
	node, err := c.node(name)
	if err != nil {
		return nil, err
	}
	o := make(node, expires)
	o.action = a
	return o, nil
}

// expire ends what an action does after its time, unless the same was done again
// meanwhile: then the time of that counts.
func (c *Cluster) expire(a seatrial.Action, after time.Duration, end func()) {
	key := a.Kind() + " " + a.Target()
	c.acts[key]++
	act := c.acts[key]
	c.world.Clock.Do(after, func() {
		if c.acts[key] == act {
			end()
		}
	})
}

func (c *Cluster) node(name string) (*world.Node, error) {
	if n := c.world.Node(name); n != nil {
		return n, nil
	}
	return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("%w %s", errNoNode, name), "`seatrial plan` lists the nodes that faults may hit")
}

var errNoNode = errors.New("there is no node")

// Supports is nil where the simulator models the action.
func (c *Cluster) Supports(a seatrial.Action) error {
	_, err := c.power(a)
	return err
}

// Observe records the state that Revert restores.
func (c *Cluster) Observe(_ context.Context, a seatrial.Action) (seatrial.Prior, error) {
	p, err := c.power(a)
	if err != nil {
		return nil, err
	}
	state, err := p.observe()
	if err != nil {
		return nil, fmt.Errorf("observing %s: %w", a.Target(), err)
	}
	return json.Marshal(state)
}

// Act does it.
func (c *Cluster) Act(ctx context.Context, a seatrial.Action) error {
	p, err := c.power(a)
	if err != nil {
		return err
	}
	return p.act(ctx)
}

// ask takes as long as a request to the API server, where that answers.
func (c *Cluster) ask(ctx context.Context, about string) error {
	if !c.world.Up() {
		return seatrial.Fail(seatrial.Infrastructure, errors.New("the API server does not answer"), "let the fault begin when the control plane is there")
	}
	return c.world.Clock.Sleep(ctx, c.world.Draw(c.world.Timings.API, "request", about))
}

// reach takes as long as something that is done to a node from its host.
func (c *Cluster) reach(ctx context.Context, node string) error {
	return c.world.Clock.Sleep(ctx, c.world.Draw(c.world.Timings.Host, "host", node))
}

// confirm takes as long as it takes to see that something is undone.
func (c *Cluster) confirm(ctx context.Context, node string) error {
	return c.world.Clock.Sleep(ctx, c.world.Draw(c.world.Timings.Confirm, "confirm", node))
}

// glance is the pause between two looks for a proof.
const glance = 50 * time.Millisecond

// Prove looks until it sees the effect, or ctx ends.
func (c *Cluster) Prove(ctx context.Context, a seatrial.Action) (seatrial.Proof, error) {
	p, err := c.power(a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	for {
		proof, missing := p.prove(ctx)
		if missing == nil {
			return proof, nil
		}
		if err := c.world.Clock.Sleep(ctx, glance); err != nil {
			return seatrial.Proof{}, fmt.Errorf("proving %s of %s: %w: %w", a.Kind(), a.Target(), err, missing)
		}
	}
}

// Revert restores the prior state. What is gone counts as reverted.
func (c *Cluster) Revert(ctx context.Context, a seatrial.Action, prior seatrial.Prior) error {
	p, err := c.power(a)
	if errors.Is(err, errNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.revert(ctx, prior)
}

// was is the prior state of a node's or pod's action.
func was[T any](prior seatrial.Prior) (T, error) {
	var state T
	if err := json.Unmarshal(prior, &state); err != nil {
		return state, fmt.Errorf("reading what was observed: %w", err)
	}
	return state, nil
}
