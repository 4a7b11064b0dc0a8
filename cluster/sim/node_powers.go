package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// outage is a power that takes something from a node, or from the cluster,
// and ends by itself.
type outage struct {
	cluster *Cluster
	action  seatrial.Action
	expires time.Duration
	now     func() bool // it is in force
	begin   func()
	end     func()
	over    func() bool  // it has no effect any more, some time after its end; nil: at once
	see     func() error // what is missing until it can be seen to work
	method  string
}

// inForce is the prior state of an outage.
type inForce struct {
	Was bool `json:"was"` // it was in force before
}

func (o *outage) observe() (any, error) { return inForce{o.now()}, nil }

func (o *outage) act(ctx context.Context) error {
	if err := o.cluster.reach(ctx, o.method); err != nil {
		return err
	}
	o.begin()
	o.cluster.expire(o.action, o.expires, o.end)
	return nil
}

func (o *outage) prove(ctx context.Context) (seatrial.Proof, error) {
	if err := o.see(); err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{Method: o.method, Evidence: map[string]string{"seen": o.cluster.world.Clock.Now().String()}}, ctx.Err()
}

func (o *outage) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[inForce](prior)
	if err != nil || state.Was {
		return err
	}
	if o.now() {
		err = o.cluster.reach(ctx, o.method)
		if err == nil {
			o.end()
			err = o.cluster.confirm(ctx, o.method)
		}
	}
	if err == nil && o.over != nil {
		err = o.cluster.world.Clock.Until(ctx, o.over)
	}
	return err
}

// unless says what is missing as long as something is not so.
func unless(so func() bool, missing string) func() error {
	return func() error {
		if !so() {
			return errors.New(missing)
		}
		return nil
	}
}

func (c *Cluster) stopKubelet(n *world.Node, expires time.Duration) *outage {
	return &outage{cluster: c, expires: expires, now: n.Blind, begin: n.StopKubelet, end: n.StartKubelet,
		see: unless(n.Blind, "the kubelet runs"), method: "no kubelet runs on the node"}
}

func (c *Cluster) stopRuntime(n *world.Node, expires time.Duration) *outage {
	return &outage{cluster: c, expires: expires, now: n.Headless, begin: n.StopRuntime, end: n.StartRuntime,
		see: unless(n.Headless, "the runtime runs"), method: "no container runtime runs on the node"}
}

func (c *Cluster) partition(n *world.Node, expires time.Duration) *outage {
	return &outage{cluster: c, expires: expires, now: n.Partitioned, begin: func() { n.Partition(true) }, end: func() { n.Partition(false) },
		see: unless(n.Partitioned, "the node reaches the control plane"), method: "the node and the control plane do not reach each other"}
}

func (c *Cluster) breakCNI(n *world.Node, expires time.Duration) *outage {
	return &outage{cluster: c, expires: expires, now: n.CNIBroken, begin: func() { n.BreakCNI(true) }, end: func() { n.BreakCNI(false) },
		see: unless(n.CNIBroken, "the network plugin works"), method: "the node's network plugin gives no network to a sandbox"}
}

func (c *Cluster) powerOff(n *world.Node, expires time.Duration) *outage {
	booted := func() bool { return !n.Off() && !n.Blind() }
	return &outage{cluster: c, expires: expires, now: n.Off, begin: n.PowerOff, end: n.PowerOn, over: booted,
		see: func() error {
			for _, p := range c.world.Pods("", everything) {
				if p.Node == n && p.Runs() {
					return fmt.Errorf("pod %s runs", p.Key())
				}
			}
			return unless(n.Silent, "the node is heard")()
		}, method: "nothing runs on the node, and no packet comes from it"}
}

func (c *Cluster) stopControlPlane(a seatrial.StopControlPlane) *outage {
	w := c.world
	down := func() bool { return !w.Up() }
	return &outage{cluster: c, action: a, expires: a.Expires, now: down, begin: func() { w.Down(true) }, end: func() { w.Down(false) },
		see: unless(down, "the API server answers"), method: "the API server does not answer"}
}
