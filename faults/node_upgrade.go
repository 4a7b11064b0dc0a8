package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// Strategy is how a pool is upgraded.
type Strategy string

// The strategies.
const (
	Surge     Strategy = "surge"
	Recreate  Strategy = "recreate"
	BlueGreen Strategy = "blueGreen"
)

var strategies = []Strategy{Surge, Recreate, BlueGreen}

// NodeUpgrade replaces the nodes of a pool by new, empty ones of another
// version, as managed Kubernetes does. Drains respect PodDisruptionBudgets for
// a limited time. `for` is the window: an upgrade that is not done by then
// stops where it is, which is an outcome and stands in the journal; the pool
// then has as many nodes as before, some old, some new.
type NodeUpgrade struct {
	Strategy       Strategy      `yaml:"strategy" enum:"surge,recreate,blueGreen" doc:"surge: new nodes first, then each old one is drained and deleted. recreate: each node is drained, deleted and made anew. blueGreen: a whole new pool, then all old nodes are cordoned, drained in batches and deleted"`
	MaxSurge       int           `yaml:"maxSurge" doc:"surge: nodes more than the pool has that are upgraded at a time"`
	MaxUnavailable int           `yaml:"maxUnavailable" doc:"surge and recreate: nodes that are drained without a new one at a time, beside those of maxSurge; recreate takes at least 1"`
	Batch          int           `yaml:"batch" doc:"blueGreen: nodes that are drained at a time"`
	Nodes          Nodes         `yaml:"nodes" doc:"the nodes of the pool; unlike elsewhere, a count of 0 means all that fit"`
	Version        string        `yaml:"version" doc:"Kubernetes version of the new nodes, as in v1.37.2; default is the next patch release. It is in the label node.seatrial.dev/version; on kind nowhere else, as the kubelet stays the same program"`
	Provision      time.Duration `yaml:"provision" doc:"how long it takes to get a new node; on GKE 4 to 5 minutes"`
	Force          time.Duration `yaml:"force" doc:"how long budgets and grace periods are respected on a node; then pods are deleted, and the node, too"`
	Pace           time.Duration `yaml:"pace" doc:"pause after each node, or after each batch of blueGreen: the pace of a person, or of a careful operator"`
	Soak           time.Duration `yaml:"soak" doc:"blueGreen: pause between the last drain and the deletion of the old pool"`
}

var nodeUpgrade = seatrial.Builtin{
	Name:    "nodeUpgrade",
	Summary: "A pool's nodes are replaced by new ones: surge, recreate, or blue-green.",
	New: func() seatrial.Fault {
		return &NodeUpgrade{Strategy: Surge, MaxSurge: 1, Batch: 1, Provision: time.Minute, Force: time.Hour}
	},
	Proof: "each new node is there, Ready and of the new version in the API; each old one has the taint of a cordoned one before it is drained, and is gone from the API after it; each evicted pod is seen Terminating, or gone",
	Example: `- name: upgrade
  at: 15s
  for: 40s
  nodeUpgrade: {strategy: surge, maxSurge: 1, nodes: {count: 2}, provision: 5s, force: 10s}
`,
}

// longestUpgrade is as long as a maintenance window may be.
const longestUpgrade = 24 * time.Hour

// Check demands a window, and that something moves.
func (u *NodeUpgrade) Check(span time.Duration) error {
	if span < shortestOutage || span > longestUpgrade {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; the window of an upgrade takes between %s and %s", span, shortestOutage, longestUpgrade),
			"such as for: 10m; an upgrade that is done earlier ends earlier")
	}
	switch {
	case !slices.Contains(strategies, u.Strategy):
		return fmt.Errorf("strategy %q is not one of surge, recreate, blueGreen", u.Strategy)
	case u.MaxSurge < 0 || u.MaxUnavailable < 0:
		return fmt.Errorf("maxSurge is %d and maxUnavailable %d; neither is negative", u.MaxSurge, u.MaxUnavailable)
	case u.Strategy == Surge && u.MaxSurge+u.MaxUnavailable == 0:
		return seatrial.Fail(seatrial.BadInput, errors.New("maxSurge and maxUnavailable are both 0: no node could ever be upgraded"), "such as maxSurge: 1")
	case u.Batch < 1:
		return fmt.Errorf("batch is %d; at least one node is drained at a time", u.Batch)
	case u.Force <= 0:
		return seatrial.Fail(seatrial.BadInput, errors.New("force is 0: budgets are respected for some time, but not for ever"), "such as force: 1h")
	}
	return u.Nodes.check()
}

// Spares is how many new nodes are there beside the old ones at a time. A node
// that is made anew takes the machine of the one that left.
func (u *NodeUpgrade) Spares(workers int) int {
	pool := cmp.Or(u.Nodes.Count, len(u.Nodes.Names), workers)
	switch u.Strategy {
	case Surge:
		return min(u.MaxSurge, pool)
	case BlueGreen:
		return pool
	}
	return 0
}

// Maintenance: an upgrade is planned.
func (*NodeUpgrade) Maintenance() {}

// Run upgrades the pool, and returns once the workload is whole again.
func (u *NodeUpgrade) Run(ctx context.Context, env seatrial.Env) error {
	if err := u.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := u.Nodes.chooseAll(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes to upgrade: %w", err)
	}
	run := &upgrading{NodeUpgrade: u, pool: &pool{env: env}}
	err = run.prepare(ctx, nodes)
	if err == nil {
		err = env.Begin(ctx)
	}
	if err == nil {
		err = run.upgrade(ctx)
	}
	return errors.Join(err, run.undo(ctx))
}

// upgrading is one run of an upgrade.
type upgrading struct {
	*NodeUpgrade
	*pool
}

// prepare pairs every node with its successor, and arms what is done to them.
func (r *upgrading) prepare(ctx context.Context, nodes []seatrial.Node) error {
	all, err := r.env.Cluster().Nodes(ctx)
	if err != nil {
		return fmt.Errorf("listing the names of nodes: %w", err)
	}
	taken := nodeNames(all)
	for _, n := range nodes {
		m := &member{env: r.env, name: n.Name, successor: n.Name, version: r.Version, evicting: newEvicting(r.env, r.Force, n.Name)}
		if r.Strategy != Recreate {
			m.successor = successorOf(n.Name, taken)
			taken = append(taken, m.successor)
		}
		if m.version == "" {
			if m.version, err = nextPatch(n.Kubernetes); err != nil {
				return err
			}
		}
		r.members = append(r.members, m)
		if err := m.arm(ctx); err != nil {
			return err
		}
	}
	return nil
}

// upgrade does it within the window.
func (r *upgrading) upgrade(ctx context.Context) error {
	clock := r.env.Clock()
	begun := clock.Now()
	end := begun + r.env.Span()
	window, cancel := clock.WithTimeout(ctx, r.env.Span())
	defer cancel()
	r.env.Note(seatrial.Event{Kind: seatrial.KindUpgrade, Subject: poolName, Edge: seatrial.Begin,
		Data:    seatrial.Upgrade{Strategy: string(r.Strategy), Nodes: len(r.members)},
		Message: fmt.Sprintf("%d nodes are to be upgraded (%s)", len(r.members), r.Strategy)})
	var err error
	if r.Strategy == BlueGreen {
		err = r.blueGreen(window)
	} else {
		err = r.roll(window)
	}
	if err != nil && (ctx.Err() != nil || clock.Now() < end || !ranOut(err)) {
		return errors.Join(ctx.Err(), err)
	}
	done := r.replaced()
	event := seatrial.Event{Kind: seatrial.KindUpgrade, Subject: poolName, Edge: seatrial.End,
		Data:    seatrial.Upgrade{Strategy: string(r.Strategy), Nodes: done},
		Message: fmt.Sprintf("%d of %d nodes were upgraded within %s", done, len(r.members), seconds(clock.Now()-begun))}
	if done < len(r.members) {
		event.Severity = seatrial.Warning
		event.Message += ", which is all that the window allows"
	}
	r.env.Note(event)
	return nil
}

const poolName = "node pool"

// roll lets lanes side by side replace one node after the other: those of
// maxSurge get the new node first, those of maxUnavailable last.
func (r *upgrading) roll(ctx context.Context) error {
	surge, unavailable := r.MaxSurge, r.MaxUnavailable
	if r.Strategy == Recreate {
		surge, unavailable = 0, max(1, unavailable)
	}
	lanes := min(surge+unavailable, len(r.members))
	return r.sideBySide(ctx, lanes, func(ctx context.Context, lane int) error {
		for i := lane; i < len(r.members); i += lanes {
			if err := r.members[i].replace(ctx, lane < surge, r.Provision); err != nil {
				return err
			}
			if i+lanes < len(r.members) {
				if err := r.env.Clock().Sleep(ctx, r.Pace); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// blueGreen makes the new pool whole before it touches the old one.
func (r *upgrading) blueGreen(ctx context.Context) error {
	each := func(do func(*member, context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error { return r.each(ctx, r.members, do) }
	}
	join := func(m *member, ctx context.Context) error { return m.join(ctx, r.Provision) }
	soak := func(ctx context.Context) error { return r.env.Clock().Sleep(ctx, r.Soak) }
	return inOrder(ctx, each(join), each((*member).close), r.batches, soak, each((*member).leave))
}

func (r *upgrading) batches(ctx context.Context) error {
	for batch := range slices.Chunk(r.members, r.Batch) {
		if err := r.each(ctx, batch, (*member).drain); err != nil {
			return err
		}
		if batch[len(batch)-1] != r.members[len(r.members)-1] {
			if err := r.env.Clock().Sleep(ctx, r.Pace); err != nil {
				return err
			}
		}
	}
	return nil
}
