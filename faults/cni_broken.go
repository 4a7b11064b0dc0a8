package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// CNIBroken lets the network plugin of nodes fail. The nodes stay Ready and
// their pods go on; what is new there, or starts anew after the node's own
// failure, waits for a network that does not come.
type CNIBroken struct {
	Nodes Nodes `yaml:"nodes" doc:"which nodes, all at once"`
}

var cniBroken = seatrial.Builtin{
	Name:    "cniBroken",
	Summary: "New pods on a node get no network, so none starts there.",
	New:     func() seatrial.Fault { return &CNIBroken{} },
	Proof:   "the node's network plugin gives no network to a sandbox",
	Example: `- name: cni
  at: 5s
  for: 50s
  cniBroken: {nodes: {running: app=shop}}
`,
}

// Check demands a `for`.
func (c *CNIBroken) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	return c.Nodes.check()
}

// Run breaks it for the span, and restores it.
func (c *CNIBroken) Run(ctx context.Context, env seatrial.Env) error {
	if err := c.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := c.Nodes.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes whose network plugin fails: %w", err)
	}
	var actions []seatrial.Action
	for _, n := range nodes {
		actions = append(actions, seatrial.BreakCNI{Node: n.Name, Expires: env.Span() + expiryMargin})
	}
	return outage(ctx, env, "broken network plugin on "+strings.Join(nodeNames(nodes), ", "), actions...)
}
