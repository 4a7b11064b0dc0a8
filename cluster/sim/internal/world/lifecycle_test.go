package world

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// The lease is renewed every 10 s, the controller looks every 5 s and waits for
// 50 s from the look that saw the last renewal: 50 - U(0,10) + U(0,5)
// (nodelifecycle/node_lifecycle_controller.go: tryUpdateNodeHealth).
func TestADeadNodeIsNotReadyAfter40To55Seconds(t *testing.T) {
	const seeds = 400
	var sum time.Duration
	least, most := long, time.Duration(0)
	for seed := range seeds {
		w := newWorld(t, Config{Workers: 3, Seed: virtual.Seed(seed)})
		sleep(t, w, 20*time.Second)
		w.Node("worker").Freeze(true)
		took := until(t, w, "NotReady", func() bool { return w.Node("worker").Ready == corev1.ConditionUnknown }) - 20*time.Second
		within(t, "from death to NotReady", took, 40*time.Second, 55*time.Second)
		sum, least, most = sum+took, min(least, took), max(most, took)
	}
	// The standard deviation of one is 3.2 s, of the mean 0.16 s.
	within(t, "the mean", sum/seeds, 47*time.Second, 48*time.Second)
	if least > 42*time.Second || most < 53*time.Second {
		t.Errorf("they lie from %v to %v: not spread", least, most)
	}
}

func TestAllPodsOfADeadNodeAreNotReadyInTheSamePass(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 5, "", appPod("", "")))
	settle(t, w)
	dead := w.Node("worker")
	dead.Freeze(false) // the kernel goes on, the kubelet does not
	at := until(t, w, "NotReady", func() bool { return dead.Ready == corev1.ConditionUnknown })
	for _, p := range dead.pods {
		if p.Ready || p.readyAt != at {
			t.Errorf("%s: ready %v since %v, node NotReady at %v", p.Name, p.Ready, p.readyAt, at)
		}
	}
	if !dead.tainted(corev1.TaintNodeUnreachable, corev1.TaintEffectNoSchedule) {
		t.Error("the node should be tainted NoSchedule at once")
	}
}

func TestANodeBackBeforeTheDeadlineLeavesNoTrace(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 3, "", appPod("", readyz)))
	settle(t, w)
	n := w.Node("worker")
	n.Freeze(true)
	w.Clock.Do(39*time.Second, n.Thaw)
	during(t, w, 10*time.Minute, func() {
		if w.Missing() != nil || len(n.Taints) > 0 {
			t.Fatalf("at %v: missing %v, taints %v", w.Clock.Now(), w.Missing(), n.Taints)
		}
	})
}

// The kubelet's status manager puts right what differs every 10 s
// (pkg/kubelet/status: syncPeriod).
func TestPodsOfANodeThatIsBackAreReadyWithinTheStatusTick(t *testing.T) {
	var sum time.Duration
	const seeds = 100
	for seed := range seeds {
		w := newWorld(t, Config{Workers: 1, Seed: virtual.Seed(seed)})
		give(t, w, deploy("shop", 3, "", appPod("", "")))
		settle(t, w)
		sleep(t, w, time.Minute)
		n := w.Node("worker")
		n.Freeze(true)
		sleep(t, w, 2*time.Minute)
		back := w.Clock.Now()
		n.Thaw()
		nodeReady := until(t, w, "the node", func() bool { return n.Ready == corev1.ConditionTrue })
		within(t, "the node is Ready", nodeReady-back, 0, time.Second)
		if len(n.Taints) > 0 {
			t.Errorf("taints stay: %v", n.Taints)
		}
		ready := until(t, w, "the pods", func() bool { return w.Missing() == nil })
		within(t, "the pods are Ready", ready-back, 0, 11*time.Second)
		sum += ready - back
	}
	within(t, "the mean", sum/seeds, 4*time.Second, 6*time.Second)
}

// taintTimes is when workers get their NoExecute taints.
func taintTimes(t *testing.T, w *World, d time.Duration) map[string]time.Duration {
	t.Helper()
	at := map[string]time.Duration{}
	sampled(t, w, d, func() {
		for _, n := range w.Nodes {
			if _, known := at[n.Name]; !known && n.tainted(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute) {
				at[n.Name] = w.Clock.Now()
			}
		}
	})
	return at
}

// --node-eviction-rate 0.1: the first node at once, the next ten seconds later.
func TestNodesAreTaintedNoExecuteAtATenthASecond(t *testing.T) {
	w := newWorld(t, Config{Workers: 4, Seed: 1}) // with control plane and agents six: three would be 50 %
	for _, name := range []string{"worker", "worker2", "worker3"} {
		w.Node(name).Freeze(true)
	}
	down := until(t, w, "NotReady", func() bool { return w.Node("worker").Ready != corev1.ConditionTrue })
	at := taintTimes(t, w, 40*time.Second)
	if len(at) != 3 {
		t.Fatalf("%d nodes tainted, want 3: %v", len(at), at)
	}
	first, last := long, time.Duration(0)
	for _, when := range at {
		first, last = min(first, when), max(last, when)
	}
	within(t, "the first taint after the first NotReady", first-down, 0, 2*time.Millisecond)
	within(t, "from the first taint to the third", last-first, 20*time.Second-2*time.Millisecond, 21*time.Second)
}

// ComputeZoneState: at least three NotReady and 55 % are a partial disruption;
// with 50 nodes or fewer nothing is evicted then (ReducedQPSFunc), with more a
// node in 100 s.
func TestAPartialDisruptionStopsEvictions(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1}) // 3 of 5 nodes
	give(t, w, deploy("shop", 6, "", appPod("", "")))
	settle(t, w)
	for _, name := range []string{"worker", "worker2", "worker3"} {
		w.Node(name).Freeze(true)
	}
	// All three within 15 s: at most the first and the second are tainted before.
	sleep(t, w, time.Minute)
	tainted := taintTimes(t, w, time.Millisecond)
	if len(tainted) > 2 {
		t.Fatalf("tainted %v", tainted)
	}
	before := len(tainted)
	sleep(t, w, 4*time.Hour)
	if now := taintTimes(t, w, time.Millisecond); len(now) != before {
		t.Errorf("%d nodes are tainted after four hours, %d at first", len(now), before)
	}
	// One back: 2 of 5. The limiter that begins again is empty (SwapLimiter).
	back := w.Clock.Now()
	for _, n := range w.Nodes {
		if n.Ready != corev1.ConditionTrue && n.tainted(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute) == (before > 0) {
			n.Thaw()
			break
		}
	}
	for _, when := range taintTimes(t, w, 15*time.Second) {
		if when > back {
			within(t, "the next taint", when-back, 10*time.Second-time.Millisecond, 10*time.Second+50*time.Millisecond)
		}
	}
}

func TestALargeClusterEvictsSlowlyDuringAPartialDisruption(t *testing.T) {
	for _, c := range []struct {
		workers, down int
		want          float64
	}{
		{48, 27, 0.1}, {48, 28, 0}, // 50 nodes: 54 % and 56 %
		{58, 32, 0.1}, {58, 33, 0.01}, // 60 nodes: 53 % and 55 %
		{2, 2, 0.1}, // two are never a partial disruption
	} {
		w := newWorld(t, Config{Workers: c.workers, Seed: 1})
		w.lifecycle.sick = c.down
		if got := w.lifecycle.rate(); got != c.want {
			t.Errorf("%d of %d nodes down: rate %v, want %v", c.down, c.workers+2, got, c.want)
		}
	}
}

// Admission adds 300 s (plugin/pkg/admission/defaulttolerationseconds); the
// first toleration that matches decides (GetMatchingTolerations).
func TestPodsAreEvictedWhenTheirTolerationIsOver(t *testing.T) {
	const unreachable = `key: node.kubernetes.io/unreachable`
	for _, c := range []struct {
		name, tolerations string
		want              time.Duration // after the taint; long means never
	}{
		{"default", ``, 300 * time.Second},
		{"20 s", `{` + unreachable + `, operator: Exists, effect: NoExecute, tolerationSeconds: 20}`, 20 * time.Second},
		{"zero", `{` + unreachable + `, operator: Exists, effect: NoExecute, tolerationSeconds: 0}`, 0},
		{"below zero", `{` + unreachable + `, operator: Exists, effect: NoExecute, tolerationSeconds: -5}`, 0},
		{"for ever", `{` + unreachable + `, operator: Exists, effect: NoExecute}`, long},
		{"everything for ever", `{operator: Exists}`, long},
		{"the first decides", `{` + unreachable + `, operator: Exists}, {` + unreachable + `, operator: Exists, effect: NoExecute, tolerationSeconds: 20}`, long},
		{"another key keeps the default", `{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}`, 300 * time.Second},
		{"another effect keeps the default", `{` + unreachable + `, operator: Exists, effect: NoSchedule}`, 300 * time.Second},
		{"another value replaces the default and does not match", `{` + unreachable + `, value: x, effect: NoExecute}`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 1, Seed: 1})
			give(t, w, barePod("shop", "app: shop", fmt.Sprintf(`{tolerations: [%s], containers: [{name: app, image: x}]}`, c.tolerations)))
			until(t, w, "the pod", func() bool { return only(t, w).Ready })
			p := only(t, w)
			p.Node.Freeze(true)
			until(t, w, "NotReady", func() bool { return !p.Ready })
			tainted := w.Clock.Now()
			ctx, cancel := w.Clock.WithTimeout(t.Context(), long)
			defer cancel()
			err := w.Clock.Until(ctx, func() bool { return p.Deleting })
			if c.want == long {
				if err == nil {
					t.Errorf("evicted after %v", w.Clock.Now()-tainted)
				}
				return
			}
			within(t, "the eviction", w.Clock.Now()-tainted, c.want, c.want+time.Second)
			// Only its kubelet ends the deletion.
			sleep(t, w, long)
			if p.Gone {
				t.Error("the object is gone though its node is dead")
			}
			p.Node.Thaw()
			until(t, w, "its end", func() bool { return p.Gone })
		})
	}
}

// A node that is Ready again loses its taints and with them the evictions that
// were due.
func TestANodeBackBeforeTheTolerationEndsKeepsItsPods(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, deploy("shop", 2, "", appPod("", "")))
	settle(t, w)
	n := w.Node("worker")
	n.Freeze(true)
	sleep(t, w, 5*time.Minute) // about 250 s into the 300
	n.Thaw()
	during(t, w, 20*time.Minute, func() {
		for _, p := range w.Pods("default", everything) {
			if p.Deleting {
				t.Fatalf("%s is deleted", p.Name)
			}
		}
	})
	if w.Missing() != nil {
		t.Errorf("missing: %v", w.Missing())
	}
	n.Freeze(true) // and the next time counts from the beginning
	frozen := w.Clock.Now()
	evicted := until(t, w, "an eviction", func() bool { return len(w.Pods("default", everything)) > 2 })
	within(t, "the eviction", evicted-frozen, 340*time.Second, 356*time.Second)
}

// nodelifecycle: doNoScheduleTaintingPass taints what is unschedulable, which
// nodeTaintsPolicy: Honor then sees.
func TestACordonedNodeIsTainted(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	n := w.Node("worker")
	n.Cordon(true)
	if !n.Unschedulable || !n.tainted(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule) {
		t.Errorf("unschedulable %v, taints %v", n.Unschedulable, n.Taints)
	}
	n.Cordon(false)
	if n.Unschedulable || len(n.Taints) > 0 {
		t.Errorf("unschedulable %v, taints %v", n.Unschedulable, n.Taints)
	}
}
