package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// health is what the API has of a node's life.
type health struct {
	leasePhase time.Duration // its lease is renewed at this offset in every period
	lost       bool          // its kubelet cannot renew it
	turn       uint64        // of the timer that declares it NotReady
	tainting   uint64        // of the timers of its NoExecute taint
}

// lifecycle is the node life-cycle controller with its taint-eviction
// controller, and podGC (pkg/controller/nodelifecycle, tainteviction, podgc).
// Only nodes that are in trouble cost it anything.
type lifecycle struct {
	world   *World
	phase   time.Duration // of its passes
	notice  []*Node       // to get a NoExecute taint, in this order
	limiter bool          // a node is about to get one
	last    time.Duration // when a node got one
	used    float64       // the limiter's rate
	swaps   uint64        // of the limiter
	sick    int           // nodes that are not Ready
}

func (l *lifecycle) start() {
	l.phase = l.world.Seed.Between(0, l.world.Timings.MonitorPeriod, "monitor phase", "", 0)
	l.last, l.used = -time.Hour, l.world.Timings.EvictionRate
}

// reach looks whether the node's kubelet can renew its lease, after something
// has changed.
func (l *lifecycle) reach(n *Node) {
	lost := !n.renews()
	if lost == n.lost {
		return
	}
	n.lost = lost
	n.turn++
	if lost {
		l.world.Clock.At(l.deadline(n), declare{n}, n.turn)
		return
	}
	l.back(n)
}

// deadline is when the controller gives the node up: it saw the last renewal in
// its next pass, and declares NotReady in the first pass after the grace
// period.
func (l *lifecycle) deadline(n *Node) time.Duration {
	t := l.world.Timings
	renewed := lastTick(l.world.Clock.Now(), n.leasePhase, t.LeaseRenew)
	seen := lastTick(renewed, l.phase, t.MonitorPeriod) + t.MonitorPeriod
	passes := (t.GracePeriod + t.MonitorPeriod - 1) / t.MonitorPeriod
	return seen + passes*t.MonitorPeriod
}

// lastTick is the latest phase + k·period that is not after now.
func lastTick(now, phase, period time.Duration) time.Duration {
	since := now - phase
	if since < 0 {
		return phase - period
	}
	return phase + since/period*period
}

// reported is the kubelet's own word on whether it can run pods. It does not
// touch the pods' conditions: only the controller does, when it finds a node
// silent.
func (l *lifecycle) reported(n *Node, ready bool) {
	switch {
	case ready && n.Ready == corev1.ConditionFalse:
		l.ready(n)
	case !ready && n.Ready == corev1.ConditionTrue:
		l.unfit(n, corev1.ConditionFalse, "not Ready: False KubeletNotReady: container runtime is down")
		l.world.Clock.Changed()
	}
}

// restart gives every silent node the whole grace period again: the controller
// remembers nothing.
func (l *lifecycle) restart() {
	t := l.world.Timings
	for _, n := range l.world.Nodes {
		if n.lost {
			n.turn++
			first := l.world.Draw(Range{0, t.MonitorPeriod}, "monitor", n.Name)
			l.world.Clock.After(first+t.GracePeriod, declare{n}, n.turn)
			continue
		}
		l.back(n)
	}
	l.taintNext()
	l.world.scheduler.retry()
}

// declare is the timer at whose end a node is NotReady.
type declare struct{ *Node }

// Fire implements [virtual.Handler].
func (d declare) Fire(turn uint64) {
	if turn == d.turn && d.lost && d.world.up {
		d.world.lifecycle.silent(d.Node)
	}
}

// silent finds that a node's lease has run out: it marks the node and, in the
// same pass, all its pods. A node whose kubelet had said itself that it is not
// Ready keeps its pods as they are (kubernetes#109998).
func (l *lifecycle) silent(n *Node) {
	if n.Ready != corev1.ConditionTrue {
		n.Ready = corev1.ConditionUnknown
		return
	}
	l.unfit(n, corev1.ConditionUnknown, "not Ready: Unknown NodeStatusUnknown: Kubelet stopped posting node status.")
	for _, p := range slices.Clone(n.pods) {
		p.setReady(false)
	}
	l.world.Clock.Changed()
}

// unfit marks a node that is not Ready, and taints it.
func (l *lifecycle) unfit(n *Node, status corev1.ConditionStatus, message string) {
	n.Ready = status
	l.sick++
	n.taint(taintOf(status), corev1.TaintEffectNoSchedule)
	n.tell(seatrial.Warning, message)
	l.notice = append(l.notice, n)
	l.taintNext()
}

func taintOf(status corev1.ConditionStatus) string {
	if status == corev1.ConditionFalse {
		return corev1.TaintNodeNotReady
	}
	return corev1.TaintNodeUnreachable
}

// taintNext gives the NoExecute taint to one node after the other, at the rate
// of the zone's state.
func (l *lifecycle) taintNext() {
	l.swap(l.rate())
	if l.limiter || len(l.notice) == 0 || l.used == 0 {
		return
	}
	l.limiter = true
	turn := l.swaps
	l.world.Clock.Do(max(0, l.last+interval(l.used)-l.world.Clock.Now()), func() {
		if turn != l.swaps {
			return
		}
		l.limiter = false
		if len(l.notice) == 0 {
			return
		}
		n := l.notice[0]
		l.notice = l.notice[1:]
		l.last = l.world.Clock.Now()
		l.execute(n)
		l.taintNext()
	})
}

// swap changes the rate. A limiter that would have to wait hands that on: the
// new one begins empty (scheduler/rate_limited_queue.go: SwapLimiter).
func (l *lifecycle) swap(rate float64) {
	if rate == l.used {
		return
	}
	if now := l.world.Clock.Now(); l.used == 0 || now < l.last+interval(l.used) {
		l.last = now
	}
	l.used, l.limiter = rate, false
	l.swaps++
}

func interval(rate float64) time.Duration { return time.Duration(float64(time.Second) / rate) }

// rate follows ComputeZoneState and setLimiterInZone; all nodes are one zone.
func (l *lifecycle) rate() float64 {
	t, all := l.world.Timings, len(l.world.Nodes)
	switch {
	case l.sick == all:
		return 0 // the controller takes itself for what is cut off
	case l.sick > 2 && float64(l.sick)/float64(all) >= t.UnhealthyZone:
		if all > t.LargeCluster {
			return t.SecondaryRate
		}
		return 0
	}
	return t.EvictionRate
}

// execute taints the node; pods go when their toleration is over.
func (l *lifecycle) execute(n *Node) {
	taint := corev1.Taint{Key: taintOf(n.Ready), Effect: corev1.TaintEffectNoExecute}
	n.Taints = append(n.Taints, taint)
	n.tainting++
	turn := n.tainting
	for _, p := range slices.Clone(n.pods) {
		wait, ever := l.toleration(p, &taint)
		if ever {
			continue
		}
		l.world.Clock.Do(wait, func() {
			l.world.whenUp(func() { l.evict(p, n, turn) })
		})
	}
}

// evict deletes a pod whose toleration of its node's taint is over.
func (l *lifecycle) evict(p *Pod, n *Node, turn uint64) {
	if n.tainting == turn && p.Node == n && !p.Gone {
		p.news("TaintManagerEviction", "Marking for deletion Pod "+p.Key())
		p.Delete(-1)
	}
}

// toleration is how long the pod stays on a tainted node: for ever or for a
// time, as the first of its tolerations that matches says (GetMatchingTolerations),
// or for the default, which admission adds unless there is one for the key.
func (l *lifecycle) toleration(p *Pod, taint *corev1.Taint) (stays time.Duration, ever bool) {
	own := false
	for _, o := range p.Template.scheduling.tolerations {
		if tolerated(&o, taint) {
			if o.TolerationSeconds == nil {
				return 0, true
			}
			return time.Duration(max(0, *o.TolerationSeconds)) * time.Second, false
		}
		own = own || (o.Key == taint.Key || o.Key == "") && (o.Effect == taint.Effect || o.Effect == "")
	}
	if own {
		return 0, false
	}
	return l.world.Timings.DefaultToleration, false
}

// back: the kubelet renews its lease and posts its status at once; what it
// could not say comes now, and pods that were marked become Ready at the next
// tick of its status manager.
func (l *lifecycle) back(n *Node) {
	n.world.Clock.Do(n.world.Draw(n.world.Timings.Watch, "status", n.Name), func() {
		if n.lost {
			return
		}
		said := n.outbox
		n.outbox = nil
		for _, f := range said {
			f()
		}
		if n.Ready == corev1.ConditionTrue {
			return
		}
		l.ready(n)
	})
}

func (l *lifecycle) ready(n *Node) {
	n.Ready = corev1.ConditionTrue
	n.tainting++
	l.sick--
	n.untaint(corev1.TaintNodeUnreachable)
	n.untaint(corev1.TaintNodeNotReady)
	l.notice = slices.DeleteFunc(l.notice, func(o *Node) bool { return o == n })
	n.tell(seatrial.Info, "Ready")
	l.world.scheduler.retry()
	wait := n.world.Draw(Range{0, n.world.Timings.StatusTick}, "status tick", n.Name)
	n.does(wait, func() {
		for _, p := range slices.Clone(n.pods) {
			p.report()
		}
	})
	l.taintNext()
	l.world.Clock.Changed()
}

// Cordon makes the node unschedulable, or schedulable again.
func (n *Node) Cordon(on bool) {
	if n.Unschedulable == on {
		return
	}
	n.Unschedulable = on
	if on {
		n.taint(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule) // the life-cycle controller's doNoScheduleTaintingPass
		n.tell(seatrial.Warning, "cordoned")
	} else {
		n.untaint(corev1.TaintNodeUnschedulable)
		n.tell(seatrial.Info, "schedulable again")
		n.world.scheduler.retry()
	}
	n.world.Clock.Changed()
}
