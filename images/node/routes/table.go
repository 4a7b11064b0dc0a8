package main

import (
	"fmt"
	"net/netip"
)

// route leads to the pods of another node.
type route struct {
	to  netip.Prefix
	via netip.Addr
}

// wanted is one route to every range of every other node, through its address of
// the same family.
func wanted(others []node) map[route]bool {
	routes := map[route]bool{}
	for _, n := range others {
		for _, to := range n.ranges {
			for _, via := range n.addresses {
				if via.Is4() == to.Addr().Is4() {
					routes[route{to, via}] = true
					break
				}
			}
		}
	}
	return routes
}

// syncRoutes makes the kernel's routes those wanted. It sees and touches its own
// only, which it knows by their protocol number.
func syncRoutes(want map[route]bool) error {
	have, err := listRoutes()
	if err != nil {
		return err
	}
	for r := range want {
		if !have[r] {
			if err := replaceRoute(r); err != nil {
				return fmt.Errorf("adding the route to %s via %s: %w", r.to, r.via, err)
			}
		}
	}
	replaced := map[netip.Prefix]bool{} // by a route to the same range via another node
	for r := range want {
		replaced[r.to] = true
	}
	for r := range have {
		if !want[r] && !replaced[r.to] {
			if err := deleteRoute(r); err != nil {
				return fmt.Errorf("dropping the route to %s via %s: %w", r.to, r.via, err)
			}
		}
	}
	return nil
}
