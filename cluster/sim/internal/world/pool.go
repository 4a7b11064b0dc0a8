package world

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// AddNode lets an empty node join, Ready. It is like another one, which may
// have left already, but for its name and version. The name must be free.
func (w *World) AddNode(name, version string, like *Node) *Node {
	n := &Node{Name: name, Version: version, world: w, Ready: corev1.ConditionTrue, limit: like.limit,
		allocatable: like.allocatable, Labels: map[string]string{}}
	for key, value := range like.Labels {
		n.Labels[key] = value
	}
	n.Labels[corev1.LabelHostname], n.Labels[seatrial.VersionLabel] = name, version
	n.Taints = slices.DeleteFunc(slices.Clone(like.Taints), func(t corev1.Taint) bool {
		return strings.HasPrefix(t.Key, "node.kubernetes.io/") // the state of that node, not its kind
	})
	n.cores = like.cores
	w.joined++
	n.leasePhase = w.Seed.Between(0, w.Timings.LeaseRenew, "lease phase", name, w.joined)
	n.proxy.applied, n.proxy.lastSync = len(w.changes), w.Clock.Now() // it begins with a full sync
	at, _ := slices.BinarySearchFunc(w.Nodes, n, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	w.Nodes = slices.Insert(w.Nodes, at, n)
	for _, t := range w.tallies.list {
		t.byNode = slices.Insert(t.byNode, at, 0)
	}
	n.tellOf(seatrial.Info, "joined the cluster", journal.NodeChange{Joined: true})
	w.repooled()
	return n
}

// RemoveNode deletes the machine and its Node object, without a word to what
// runs there. Pods that were bound to it are left to the garbage collector.
func (w *World) RemoveNode(n *Node) {
	if n.gone {
		return
	}
	n.PowerOff()
	n.silent = true // also when it was frozen in another way before
	w.lifecycle.forget(n)
	for _, p := range n.pods {
		w.tallies.count(p, false)
	}
	w.Nodes = slices.Delete(w.Nodes, n.index, n.index+1)
	for _, t := range w.tallies.list {
		t.byNode = slices.Delete(t.byNode, n.index, n.index+1)
	}
	n.gone = true
	w.left[n.Name] = n
	n.Ready = corev1.ConditionUnknown
	n.tellOf(seatrial.Warning, "removed from the cluster", journal.NodeChange{Removed: true})
	w.collect(n)
	w.repooled()
}

// Left finds a node that was removed, by its name; nil where there was none.
func (w *World) Left(name string) *Node { return w.left[name] }

// Gone says whether the node was removed.
func (n *Node) Gone() bool { return n.gone }

// repooled tells everyone who counts nodes.
func (w *World) repooled() {
	for i, n := range w.Nodes {
		n.index = i
	}
	w.labels = map[string]bool{}
	for _, o := range w.owners {
		if d, ok := o.(*daemonSet); ok {
			d.poke()
		}
	}
	w.lifecycle.taintNext() // the zone's state is a share of the nodes
	w.scheduler.retry()
	w.Clock.Changed()
}

// forget ends what the controller had in mind for a node.
func (l *lifecycle) forget(n *Node) {
	n.turn++
	n.tainting++
	if n.Ready != corev1.ConditionTrue {
		l.sick--
	}
	l.notice = slices.DeleteFunc(l.notice, func(o *Node) bool { return o == n })
}

// collect deletes the pods of a node that is gone, by force (pkg/controller/podgc:
// gcOrphaned): a pass finds the node missing, and the first one after the
// quarantine takes its pods away.
func (w *World) collect(n *Node) {
	t := w.Timings
	phase := w.Seed.Between(0, t.GarbagePeriod, "garbage phase", "", 0)
	found := lastTick(w.Clock.Now(), phase, t.GarbagePeriod) + t.GarbagePeriod
	passes := (t.OrphanQuarantine + t.GarbagePeriod - 1) / t.GarbagePeriod
	w.Clock.Do(found+passes*t.GarbagePeriod-w.Clock.Now(), func() {
		w.whenUp(func() {
			for _, p := range slices.Clone(n.pods) {
				p.news("PodGC", "node not found")
				p.remove()
			}
		})
	})
}

// Occupants counts pods that are bound to the node and have not ended, without
// those of DaemonSets.
func (n *Node) Occupants() int {
	count := 0
	for _, p := range n.pods {
		if _, daemon := p.owner.(*daemonSet); !daemon && p.Phase != corev1.PodSucceeded && p.Phase != corev1.PodFailed {
			count++
		}
	}
	return count
}

// Empty deletes what [Node.Occupants] counts, with its own grace period, and
// lets nothing new come.
func (n *Node) Empty() {
	n.Cordon(true)
	for _, p := range slices.Clone(n.pods) {
		if _, daemon := p.owner.(*daemonSet); !daemon {
			p.Delete(-1)
		}
	}
}

// Joining is how long a machine of the pool takes to boot.
func (w *World) Joining(name string) time.Duration { return w.Draw(w.Timings.Boot, "boot", name) }
