package network

import "github.com/seatrial/seatrial/cluster/sim/internal/world"

// route is a way into a cluster: from a node, through a service's virtual address
// there.
type route struct {
	network *Network
	node    *world.Node    // where the client runs, or where a front's clients come in
	service *world.Service // nil for an address within the client's own pod, or none
}
