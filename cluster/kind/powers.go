package kind

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

const (
	portAPI     = 6443  // of the API server
	portKubelet = 10250 // of every kubelet
	portDNS     = 53

	runtimeSocket = "/run/containerd/containerd.sock" // of a node's containerd
)

// power is an action that the guardian does, or at least ends. The others need
// the API server only, or are about the pool: see [Cluster.poolPower].
type power struct {
	on      string        // the node or the pod that it is about
	expires time.Duration // after which it ends by itself
	wrong   error         // with its other parameters
	drops   bool          // it drops packets
	beats   bool          // its proof needs a heartbeat in the node
	// api: package kube does and proves it, and the guardian only undoes it.
	api  bool
	plan planning
	see  proving
}

// planning tells the guardian what to do, gives x what its proof asks, and returns
// the node that it is done on, of all.
type planning func(ctx context.Context, x *armed, p *guardian.Plan, all map[string]container) (on string, err error)

// proving is one look for the proof; its error says what is missing.
type proving func(ctx context.Context, x *armed) (seatrial.Proof, error)

// nobody is what a power is about that has no choice: the control plane, or DNS.
const nobody = "-"

// power is nil for an action that the guardian has nothing to do with.
func (c *Cluster) power(a seatrial.Action) *power {
	switch a := a.(type) {
	case seatrial.Freeze:
		return c.freeze(a)
	case seatrial.Throttle:
		return c.throttle(a)
	case seatrial.StopKubelet:
		return c.stopKubelet(a)
	case seatrial.StopRuntime:
		return c.stopRuntime(a)
	case seatrial.Partition:
		return c.partition(a)
	case seatrial.PowerOff:
		return c.powerOff(a)
	case seatrial.StopControlPlane:
		return c.stopControlPlane(a)
	case seatrial.DNSDown:
		return c.dnsDown(a)
	case seatrial.DNSTerminated:
		return c.dnsTerminated(a)
	case seatrial.BreakCNI:
		return c.breakCNI(a)
	case seatrial.LoseVolume:
		return c.loseVolume(a)
	case seatrial.HogMemory:
		return c.hogMemory(a)
	case seatrial.HogCPU:
		return c.hogCPU(a)
	}
	return nil
}

// Supports checks the parameters. What drops packets also needs a kernel that
// can do that in both directions, which the guardian has tried.
func (c *Cluster) Supports(a seatrial.Action) error {
	if p := c.poolPower(a); p != nil {
		return seatrial.Fail(seatrial.BadInput, p.supported(), "")
	}
	p := c.power(a)
	if p == nil {
		return c.Cluster.Supports(a)
	}
	why := c.link.noBlackout()
	switch {
	case p.expires <= 0:
		return fmt.Errorf("%s: an action that makes a node unusable needs an end by itself", a.Kind())
	case p.wrong != nil:
		return p.wrong
	case p.on == "":
		return fmt.Errorf("%s does not say on what", a.Kind())
	case p.drops && why != "":
		return fmt.Errorf("%s cannot be had here: %s", a.Kind(), why)
	}
	return nil
}

// controlPlane is the container of the control plane's node.
func controlPlane(all map[string]container) container {
	for _, n := range all {
		if n.controlPlane() {
			return n
		}
	}
	return container{}
}

// plan says how the guardian does x, and gives x what its proof asks.
func (c *Cluster) plan(ctx context.Context, x *armed) (guardian.Plan, error) {
	all, err := nodesOf(ctx, c.name)
	if err != nil {
		return guardian.Plan{}, err
	}
	p := guardian.Plan{ID: rand.Text()}
	on, err := x.power.plan(ctx, x, &p, all)
	if err == nil {
		p.Node, err = pick(all, c.name, c.machine(on))
	}
	if x.probe != nil {
		x.probe.Node = p.Node
	}
	return p, err
}

// sight is one look at a node from its host, and an answer from inside it.
type sight struct {
	guardian.State
	answer guardian.Answer
}

// sight looks at x's node, and asks what its proof has to know.
func (c *Cluster) sight(ctx context.Context, x *armed) (sight, error) {
	var now sight
	err := c.link.askFor(ctx, x.patience(), func(ctx context.Context, g *guardian.Client) (err error) {
		look := g.Status
		if x.uid != "" {
			look = g.Deep // the cut is at the pod's link
		}
		if x.probe != nil {
			if now.answer, err = g.Probe(ctx, *x.probe); err != nil {
				return err
			}
		}
		now.State, err = look(ctx, x.prior.Node)
		return err
	})
	if err == nil && now.Gone {
		err = errors.New("the node's container has ended")
	}
	return now, err
}

// bySight is a look for a proof that one sight gives.
func (c *Cluster) bySight(proof func(ctx context.Context, x *armed, now sight) (seatrial.Proof, error)) proving {
	return func(ctx context.Context, x *armed) (seatrial.Proof, error) {
		now, err := c.sight(ctx, x)
		if err != nil {
			return seatrial.Proof{}, err
		}
		return proof(ctx, x, now)
	}
}
