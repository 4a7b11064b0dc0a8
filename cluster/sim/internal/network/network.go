package network

import (
	"math/rand/v2"
	"time"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// What a request costs beside its service time, on an idle machine: bridges,
// kube-proxy's rules, two HTTP stacks. The least and the mean of what comes on
// top were measured on kind; they depend on the machine.
const (
	leastOverhead = 600 * time.Microsecond
	meanOverhead  = 1200 * time.Microsecond
	roundTrip     = 200 * time.Microsecond // of a packet between two nodes of one host
)

// Network is the way between all pods of one cluster, and from its users.
type Network struct {
	world *world.World
	clock *virtual.Clock
	seed  virtual.Seed
	free  []*call // of applications' own calls, to be used again
	front *Front  // of its users; nil for none
}

// New is the network of a cluster.
func New(w *world.World) *Network {
	return &Network{world: w, clock: w.Clock, seed: w.Seed}
}

// gateway is the node from which users come in, and where load agents run; nil
// where there is none.
func (n *Network) gateway() *world.Node {
	for _, node := range n.world.Nodes {
		if node.Agents {
			return node
		}
	}
	return nil
}

func overhead(r *rand.Rand) time.Duration {
	return leastOverhead + time.Duration(r.ExpFloat64()*float64(meanOverhead))
}

// cut says whether packets between two nodes are lost.
func cut(a, b *world.Node) bool { return a.Silent() || b.Silent() }
