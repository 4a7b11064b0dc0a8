package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// ClusterLoss takes the power from every node of a cluster at once, control plane
// included: nothing of it runs, and no packet gets an answer. When it comes back,
// everything boots anew, with what etcd had on its disk.
type ClusterLoss struct{}

var clusterLoss = seatrial.Builtin{
	Name:    "clusterLoss",
	Summary: "A whole cluster is gone, control plane and all nodes.",
	New:     func() seatrial.Fault { return &ClusterLoss{} },
	Proof:   "of each node: nothing runs on it, and no packet comes from it",
	Example: `- name: lost
  at: 15s
  for: 30s
  clusterLoss: {}
`,
}

// Check demands a `for`.
func (*ClusterLoss) Check(span time.Duration) error { return checkOutage(span) }

// Run takes the cluster away for the span and brings it back.
func (l *ClusterLoss) Run(ctx context.Context, env seatrial.Env) error {
	if err := l.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := env.Cluster().Nodes(ctx)
	if err != nil {
		return fmt.Errorf("listing the nodes of the cluster: %w", err)
	}
	var actions []seatrial.Action
	for _, n := range nodes {
		actions = append(actions, seatrial.PowerOff{Node: n.Name, Expires: env.Span() + expiryMargin})
	}
	return outage(ctx, env, "loss of the cluster", actions...)
}
