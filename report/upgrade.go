package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report/statistics"
)

// Upgrade is one pool whose nodes were replaced, and how long that took.
type Upgrade struct {
	Pool     string            `json:"pool"`
	Strategy string            `json:"strategy"`
	At       seatrial.Seconds  `json:"at"`
	Seconds  *seatrial.Seconds `json:"seconds"`  // null: it was not over before the end
	Nodes    int               `json:"nodes"`    // that it was to replace
	Replaced int               `json:"replaced"` // that it has, when it was over
	PerNode  []NodeUpgrade     `json:"per_node"`
}

// NodeUpgrade is the time of one node, from when its turn came until the node
// was gone and its successor ready, whichever was last.
type NodeUpgrade struct {
	Node    string            `json:"node"`
	At      seatrial.Seconds  `json:"at"`
	Seconds *seatrial.Seconds `json:"seconds"` // null: it was not done before the end
}

// upgradeStep is one end of the upgrade of a pool or a node.
type upgradeStep struct {
	at      time.Duration
	subject string
	edge    seatrial.Edge
	seatrial.Upgrade
}

// takeUpgrade keeps steps that say what they are of: those of old journals do
// not.
func (f *Fold) takeUpgrade(line journal.Line) error {
	if len(line.Data) == 0 {
		return nil
	}
	data, err := journal.Data[seatrial.Upgrade](line)
	f.upgrades = append(f.upgrades, upgradeStep{line.At, line.Subject, line.Edge, data})
	return err
}

// upgradeList pairs the two ends. Nodes belong to the pool whose upgrade began
// last.
func (f *Fold) upgradeList() []Upgrade {
	steps := slices.Clone(f.upgrades)
	slices.SortStableFunc(steps, func(a, b upgradeStep) int { return int(a.at - b.at) })
	var list []Upgrade
	for _, s := range steps {
		switch {
		case s.Strategy != "" && s.edge == seatrial.Begin:
			list = append(list, Upgrade{Pool: s.subject, Strategy: s.Strategy, At: seatrial.InSeconds(s.at), Nodes: s.Nodes})
		case len(list) == 0: // an end without a beginning
		default:
			list[len(list)-1].take(s)
		}
	}
	return list
}

func (u *Upgrade) take(s upgradeStep) {
	at := seatrial.InSeconds(s.at)
	switch {
	case s.Strategy != "":
		u.Seconds, u.Replaced = ptr(at-u.At), s.Nodes
	case s.edge == seatrial.Begin:
		u.PerNode = append(u.PerNode, NodeUpgrade{Node: s.subject, At: at})
	default:
		for i := range u.PerNode {
			if n := &u.PerNode[i]; n.Node == s.subject && n.Seconds == nil {
				n.Seconds = ptr(at - n.At)
			}
		}
	}
}

func (u Upgrade) words() string {
	text := fmt.Sprintf("%s by %s: ", u.Pool, u.Strategy)
	if u.Seconds == nil {
		return text + fmt.Sprintf("%s, not over before the end", plural(int64(u.Nodes), "node"))
	}
	text += fmt.Sprintf("%d of %s replaced in %s", u.Replaced, plural(int64(u.Nodes), "node"), seconds(*u.Seconds))
	var took []float64
	for _, n := range u.PerNode {
		if n.Seconds != nil {
			took = append(took, float64(*n.Seconds))
		}
	}
	if len(took) == 0 {
		return text
	}
	slices.Sort(took)
	return text + fmt.Sprintf("; a node took %s (median), %s at most",
		seconds(seatrial.Seconds(statistics.Quantile(took, 0.5))), seconds(seatrial.Seconds(took[len(took)-1])))
}
