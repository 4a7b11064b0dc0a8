// Routes is the network of seatrial's node image: a DaemonSet on every node that
//
//   - writes the CNI configuration for the node's own range of pod addresses,
//   - keeps one route to the range of every other node and drops stale ones,
//   - lets pods reach the world outside under the node's address.
//
// It asks the API server for the nodes every two seconds, which costs next to
// nothing, and a frozen or unreachable control plane changes nothing: routes stay
// as they are until an answer says otherwise.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	interval = 2 * time.Second
	// checkRules is after how many rounds iptables is asked for the rule: that
	// starts a process, and only a user's own hand removes it.
	checkRules = 15
	// nodeRoot is where the DaemonSet mounts the node's file system.
	nodeRoot = "/node"
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k := keeper{
		name:   os.Getenv("NODE_NAME"),
		subnet: os.Getenv("POD_SUBNET"),
		api:    newAPI(endpoint(os.Getenv)),
		said:   "starting", // so that the first success is logged
	}
	k.run(ctx)
}

// keeper holds what one node needs to know.
type keeper struct {
	name   string // of this node
	subnet string // of all pods; two ranges, separated by a comma, in dual-stack clusters
	api    *api
	said   string // last trouble, to be logged once and not every two seconds
	rounds int    // so far
}

func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		k.report(k.sync(ctx))
		select {
		case <-time.After(interval):
		case <-ctx.Done():
		}
	}
}

// report logs trouble when it begins, changes and ends.
func (k *keeper) report(err error) {
	now := ""
	if err != nil {
		now = err.Error()
	}
	if now != k.said {
		k.said = now
		log.Print(map[bool]string{true: "all routes in place", false: "trouble: " + now}[now == ""])
	}
}

// sync brings this node in line with the list of nodes.
func (k *keeper) sync(ctx context.Context) error {
	nodes, err := k.api.nodes(ctx)
	if err != nil {
		return err
	}
	me, others, err := split(nodes, k.name)
	if err != nil {
		return err
	}
	if err := syncRoutes(wanted(others)); err != nil {
		return err
	}
	if k.rounds%checkRules == 0 {
		if err := masquerade(ctx, k.subnet); err != nil {
			return err
		}
	}
	k.rounds++
	return writeCNI(nodeRoot+"/etc/cni/net.d", me) // last: it makes the node Ready
}

// split finds this node among all.
func split(nodes []node, name string) (me node, others []node, err error) {
	found := false
	for _, n := range nodes {
		if n.name == name {
			me, found = n, true
			continue
		}
		others = append(others, n)
	}
	if !found || len(me.ranges) == 0 {
		return me, nil, fmt.Errorf("node %q has no range of pod addresses yet", name)
	}
	return me, others, nil
}
