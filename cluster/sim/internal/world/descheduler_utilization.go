package world

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// Strategy LowNodeUtilization (framework/plugins/nodeutilization), by requests
// and not by what is used.

// usage is what pods request of a node.
type usage struct {
	resources
	pods int64
}

func (u usage) plus(o usage) usage  { return usage{u.resources.plus(o.resources), u.pods + o.pods} }
func (u usage) minus(o usage) usage { return usage{u.resources.minus(o.resources), u.pods - o.pods} }

// exceeds: some of u is above o.
func (u usage) exceeds(o usage) bool { return u.cpu > o.cpu || u.memory > o.memory || u.pods > o.pods }

// some: there is something of each.
func (u usage) some() bool { return u.cpu > 0 && u.memory > 0 && u.pods > 0 }

// capped is a share of what a node can allocate (capNodeCapacityToThreshold).
func (n *Node) capped(to seatrial.Utilization) usage {
	part := func(percent float64, of int64) int64 { return int64(percent * 0.01 * float64(of)) }
	return usage{resources{part(to.CPU, n.allocatable.cpu), part(to.Memory, n.allocatable.memory)}, part(to.Pods, int64(n.limit))}
}

// above says whether a node's usage is above any of the shares
// (isNodeAboveThreshold).
func (n *Node) above(u usage, share seatrial.Utilization) bool {
	percent := func(used, all int64) float64 {
		if all <= 0 {
			return 0
		}
		return float64(used) / float64(all) * 100
	}
	return percent(u.cpu, n.allocatable.cpu) > share.CPU || percent(u.memory, n.allocatable.memory) > share.Memory ||
		percent(u.pods, int64(n.limit)) > share.Pods
}

// loaded is a node and what its pods request.
type loaded struct {
	*Node
	usage usage
	all   []*Pod
}

// lowNodeUtilization takes pods from overutilized nodes until those are below
// the target, or underutilized nodes have no room left below theirs.
func (d *descheduler) lowNodeUtilization(a seatrial.LowNodeUtilization) {
	var low, high []loaded
	for _, n := range d.nodes {
		all := d.podsOn(n, func(*Pod) bool { return true })
		one := loaded{n, usage{n.requested, int64(len(all))}, all}
		switch {
		case !n.Unschedulable && !n.above(one.usage, a.Thresholds):
			low = append(low, one)
		case n.above(one.usage, a.Targets):
			high = append(high, one)
		}
	}
	if len(low) == 0 || len(high) == 0 {
		return
	}
	var room usage
	for _, one := range low {
		room = room.plus(one.capped(a.Targets).minus(one.usage))
	}
	slices.SortStableFunc(high, func(a, b loaded) int { return cmp.Compare(b.usage.sum(), a.usage.sum()) })
	for i := range high {
		room = d.relieve(&high[i], low, a.Targets, room)
	}
}

// sum is how nodes are compared (sortNodesByUsage): mostly by bytes.
func (u usage) sum() int64 { return u.cpu + u.memory + u.pods }

// relieve evicts pods of one node, and returns the room that is left (evictPods).
func (d *descheduler) relieve(n *loaded, low []loaded, targets seatrial.Utilization, room usage) usage {
	most := n.capped(targets)
	pods := slices.DeleteFunc(slices.Clone(n.all), func(p *Pod) bool { return !evictable(p) })
	slices.SortStableFunc(pods, func(a, b *Pod) int { return cmp.Compare(quality(a.Template), quality(b.Template)) })
	for _, p := range pods {
		if !n.usage.exceeds(most) || !room.some() {
			break
		}
		welcome := func(l loaded) bool { return p.Template.toleratesAll(l.Node) }
		if !slices.ContainsFunc(low, welcome) || !d.try(p) {
			continue
		}
		one := usage{p.Template.request, 1}
		n.usage, room = n.usage.minus(one), room.minus(one)
	}
	return room
}

// toleratesAll includes taints that the scheduler only prefers to avoid; with
// fewer tolerations than taints the answer is no (utils/pod.go:
// PodToleratesTaints). Every pod has two by admission, for nodes that are not
// ready.
func (t *Template) toleratesAll(n *Node) bool {
	const admitted = 2
	if len(t.Spec.Tolerations)+admitted < len(n.Taints) {
		return false
	}
	return !slices.ContainsFunc(n.Taints, func(taint corev1.Taint) bool { return !t.scheduling.toleratesTaint(&taint) })
}

// quality orders pods of one priority, the first to go first: best effort,
// burstable, guaranteed (descheduler/pod: SortPodsBasedOnPriorityLowToHigh).
// Priorities are not looked at.
func quality(t *Template) int {
	return slices.Index([]corev1.PodQOSClass{corev1.PodQOSBestEffort, corev1.PodQOSBurstable, corev1.PodQOSGuaranteed}, t.qos)
}
