package world

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// descheduler is one run of sigs.k8s.io/descheduler v0.36.0; paths in these
// files are those below its pkg. What it lists in the order of a Go map, and so
// of chance, is drawn here.
type descheduler struct {
	world *World
	run   string
	nodes []*Node
	evict func(*Pod) error
}

// Deschedule lets the strategies choose, one after the other as
// descheduler.go: runProfiles does, and calls evict for each pod that is to go.
// It may wait; its error means that the pod stays.
func (w *World) Deschedule(a seatrial.Deschedule, evict func(*Pod) error) {
	d := &descheduler{world: w, run: a.Run, evict: evict}
	for _, n := range w.Nodes {
		// Ready nodes, cordoned or not (descheduler/node: ReadyNodes). The
		// policy's nodeSelector leaves the load agents alone.
		if n.Ready == corev1.ConditionTrue && !n.Agents {
			d.nodes = append(d.nodes, n)
		}
	}
	if len(d.nodes) < 2 { // nowhere to go
		return
	}
	if a.PodLifeTime > 0 {
		d.podLifeTime(a.PodLifeTime)
	}
	if a.RemoveDuplicates {
		d.removeDuplicates()
	}
	if a.TopologySpread != (seatrial.TopologySpread{}) {
		d.topologySpread(a.TopologySpread)
	}
	if a.LowNodeUtilization != (seatrial.LowNodeUtilization{}) {
		d.lowNodeUtilization(a.LowNodeUtilization)
	}
}

// evictable are the default evictor's protections
// (framework/plugins/defaultevictor: Filter, defaultPodProtections). Static pods
// are not modelled.
func evictable(p *Pod) bool {
	t := p.Template
	_, daemon := p.owner.(*daemonSet)
	switch {
	case t.evictAnyway:
		return true
	case p.Deleting || p.owner == nil || daemon || t.priority >= criticalPriority: // utils/priority.go
		return false
	}
	local := func(v corev1.Volume) bool { return v.HostPath != nil || v.EmptyDir != nil }
	return !slices.ContainsFunc(t.Spec.Volumes, local)
}

// evictAnyway is the annotation that lifts every protection.
const evictAnyway = "descheduler.alpha.kubernetes.io/evict"

// podsOn lists pods that have not ended, in a drawn order
// (descheduler/pod: ListPodsOnANode).
func (d *descheduler) podsOn(n *Node, keep func(*Pod) bool) []*Pod {
	var pods []*Pod
	for _, p := range n.pods {
		if p.Phase != corev1.PodSucceeded && p.Phase != corev1.PodFailed && keep(p) {
			pods = append(pods, p)
		}
	}
	d.shuffle(pods)
	return pods
}

func (d *descheduler) shuffle(pods []*Pod) {
	draw := func(p *Pod) float64 { return d.world.Seed.Unit("descheduler "+d.run, p.UID, 0) }
	slices.SortFunc(pods, func(a, b *Pod) int { return cmp.Compare(draw(a), draw(b)) })
}

// podLifeTime evicts what is older, in whole seconds, the oldest first
// (framework/plugins/podlifetime).
func (d *descheduler) podLifeTime(most time.Duration) {
	now := d.world.Clock.Now()
	old := func(p *Pod) bool { return (now-p.createdAt).Truncate(time.Second) > most && evictable(p) }
	var pods []*Pod
	for _, n := range d.nodes {
		pods = append(pods, d.podsOn(n, old)...)
	}
	slices.SortStableFunc(pods, func(a, b *Pod) int { return cmp.Compare(a.createdAt, b.createdAt) })
	for _, p := range pods {
		d.try(p)
	}
}

// try evicts a pod, or leaves it: a strategy goes on with the next one.
func (d *descheduler) try(p *Pod) bool { return d.evict(p) == nil }

// duplicates are the pods of one owner with the same images, of which the first
// on each node is none (framework/plugins/removeduplicates).
type duplicates struct {
	all    int
	nodes  []*Node // that have any
	byNode map[*Node][]*Pod
}

// removeDuplicates leaves no node more pods of an owner than the average over
// the nodes where they may be, rounded up.
func (d *descheduler) removeDuplicates() {
	found := map[string]*duplicates{}
	var order []string
	for _, n := range d.nodes {
		seen := map[string]bool{}
		for _, p := range d.podsOn(n, evictable) {
			key := p.owner.key() + " " + images(p.Template.Spec)
			if found[key] == nil {
				found[key] = &duplicates{byNode: map[*Node][]*Pod{}}
				order = append(order, key)
			}
			found[key].add(p, seen[key])
			seen[key] = true
		}
	}
	for _, key := range order {
		d.thin(found[key])
	}
}

func (u *duplicates) add(p *Pod, again bool) {
	u.all++
	if !again {
		return
	}
	if u.byNode[p.Node] == nil {
		u.nodes = append(u.nodes, p.Node)
	}
	u.byNode[p.Node] = append(u.byNode[p.Node], p)
}

func (d *descheduler) thin(u *duplicates) {
	targets := d.targets(u)
	if targets < 2 {
		return
	}
	most := (u.all + targets - 1) / targets
	for _, n := range u.nodes {
		pods := u.byNode[n]
		if len(pods)+1 <= most {
			continue
		}
		for _, p := range pods[most-1:] {
			d.try(p)
		}
	}
}

// targets counts the nodes where any of the pods may be, if that is more than
// one for it (getTargetNodes).
func (d *descheduler) targets(u *duplicates) int {
	all, looked := map[*Node]bool{}, map[*Template]bool{}
	for _, n := range u.nodes {
		for _, p := range u.byNode[n] {
			if looked[p.Template] {
				continue
			}
			looked[p.Template] = true
			mine := slices.DeleteFunc(slices.Clone(d.nodes), func(n *Node) bool { return !p.Template.scheduling.admits(n) })
			if len(mine) < 2 {
				continue
			}
			for _, n := range mine {
				all[n] = true
			}
		}
	}
	return len(all)
}

// admits: taints and affinity let the pods be there. A cordon is a taint, too.
func (s *scheduling) admits(n *Node) bool {
	cordon := &corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}
	return s.tolerates(n) && s.selects(n) && (!n.Unschedulable || s.toleratesTaint(cordon))
}

// images of the main containers, as one name.
func images(spec *corev1.PodSpec) string {
	var all []string
	for _, c := range spec.Containers {
		all = append(all, c.Image)
	}
	slices.Sort(all)
	return strings.Join(all, "#")
}
