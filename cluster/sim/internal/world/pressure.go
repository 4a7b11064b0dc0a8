package world

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// pressure is what the kubelet's eviction manager knows
// (pkg/kubelet/eviction/eviction_manager.go). It looks every 10 s; in between it
// sees nothing, so memory that goes faster is gone before the first eviction.
type pressure struct {
	watched bool // it found too little free, or is about to
	pressed bool // MemoryPressure, as the kubelet knows
	scarce  time.Duration
	looks   uint64 // of its timer
}

// watch lets the eviction manager's looks matter once too little is free.
func (n *Node) watch() {
	if n.watched || n.used <= n.allocatable.memory {
		return
	}
	n.watched = true
	period := n.world.Timings.Housekeeping
	phase := n.world.Seed.Between(0, period, "housekeeping phase", n.Name, 0)
	now := n.world.Clock.Now()
	n.look(lastTick(now, phase, period) + period - now)
}

func (n *Node) look(d time.Duration) {
	n.looks++
	turn := n.looks
	n.acts(d, func() {
		if turn == n.looks {
			n.housekeep()
		}
	})
}

// housekeep is one look: it evicts one pod, and looks again when that has ended.
func (n *Node) housekeep() {
	n.grow()
	t, now := n.world.Timings, n.world.Clock.Now()
	switch {
	case n.used > n.allocatable.memory:
		n.scarce = now
		n.press(true)
		if p := n.victim(); p != nil {
			p.evicted = true
			p.news("Evicted", fmt.Sprintf("The node was low on resource: memory. Threshold quantity: %s, available: %s.",
				seatrial.Bytes(hardEviction), seatrial.Bytes(max(0, n.capacity()-n.used)>>10<<10)))
			p.grace = t.MinimumGrace
			p.end()
			n.cleanup(p, now+t.CleanupLimit)
			return
		}
	case n.pressed && now-n.scarce >= t.PressureTransition:
		n.press(false)
	}
	if !n.pressed {
		n.watched = false
		return
	}
	n.look(t.Housekeeping)
}

// cleanup waits until the evicted pod has ended (waitForPodsCleanup).
func (n *Node) cleanup(p *Pod, until time.Duration) {
	n.looks++
	turn := n.looks
	n.acts(time.Second, func() {
		switch {
		case turn != n.looks:
		case p.Runs() && n.world.Clock.Now() < until:
			n.cleanup(p, until)
		default:
			n.housekeep()
		}
	})
}

// victim is the pod that goes first: one that uses more than it asked for, of
// the lowest priority, by the excess (helpers.go: rankMemoryPressure). Critical
// pods stay.
func (n *Node) victim() *Pod {
	var candidates []*Pod
	for _, p := range n.pods {
		if p.Runs() && !p.ending && p.Template.priority < criticalPriority {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return slices.MinFunc(candidates, func(a, b *Pod) int {
		return cmp.Or(
			before(a.excess() > 0, b.excess() > 0),
			cmp.Compare(a.Template.priority, b.Template.priority),
			cmp.Compare(b.excess(), a.excess()))
	})
}

// excess is what the pod uses beyond its request.
func (p *Pod) excess() int64 {
	sum := -p.Template.request.memory
	for _, c := range p.containers {
		used, _ := c.memory()
		sum += used
	}
	return sum
}

// Pressed says whether the kubelet sees memory pressure.
func (n *Node) Pressed() bool { return n.pressed }

// press changes the condition, which the kubelet posts with its next status, and
// on which the life-cycle controller taints the node
// (node_lifecycle_controller.go: doNoScheduleTaintingPass).
func (n *Node) press(on bool) {
	if n.pressed == on {
		return
	}
	n.pressed = on
	n.acts(n.world.Draw(Range{0, n.world.Timings.StatusUpdate}, "node status", n.Name), func() {
		n.tells(func() { n.posted(on) })
	})
}

func (n *Node) posted(pressed bool) {
	if pressed == n.tainted(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule) {
		return
	}
	if pressed {
		n.taint(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule)
		n.tell(seatrial.Warning, "MemoryPressure: KubeletHasInsufficientMemory")
	} else {
		n.untaint(corev1.TaintNodeMemoryPressure)
		n.tell(seatrial.Info, "no MemoryPressure: KubeletHasSufficientMemory")
		n.world.scheduler.retry()
	}
	n.world.Clock.Changed()
}

// fail is the end of a pod that its kubelet evicted: the object stays, and
// counts for nobody.
func (p *Pod) fail() {
	if p.Gone || p.Deleting {
		p.remove()
		return
	}
	p.Phase, p.Ready = corev1.PodFailed, false
	p.leave()
	p.tell(seatrial.Warning, "failed: Evicted: The node was low on resource: memory")
	p.changed()
}

// Evicted says whether its kubelet evicts the pod, or has.
func (p *Pod) Evicted() bool { return p.evicted }

// forgetPressure: a kubelet that begins anew knows of none.
func (n *Node) forgetPressure() {
	n.looks++
	n.watched = false
	n.press(false)
}
