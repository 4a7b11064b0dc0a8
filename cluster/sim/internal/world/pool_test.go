package world

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

func nodeNames(w *World) (all []string) {
	for i, n := range w.Nodes {
		if n.index != i {
			all = append(all, "out of place:")
		}
		all = append(all, n.Name)
	}
	return all
}

func TestANodeThatJoinsIsEmptyAndTakesPods(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1, CPU: 1000})
	give(t, w, deploy("shop", 3, "", appPod("", "resources: {requests: {cpu: 500m}}")), daemons(appPod("", "")))
	settle(t, w)
	give(t, w, deploy("shop", 5, "", appPod("", "resources: {requests: {cpu: 500m}}"))) // two nodes take four
	sleep(t, w, time.Minute)
	like := w.Node("worker")
	like.Cordon(true)
	n := w.AddNode("worker-new1", "v1.37.2", like)
	if n.Ready != corev1.ConditionTrue || n.Unschedulable || len(n.Taints) > 0 || n.Version != "v1.37.2" ||
		n.Labels[seatrial.VersionLabel] != "v1.37.2" || n.Labels[corev1.LabelHostname] != n.Name || n.Labels[WorkerKey] != "1" {
		t.Errorf("the new node is %+v", n)
	}
	if got := nodeNames(w); !slices.Equal(got, []string{"agents", "control-plane", "worker", "worker-new1", "worker2"}) {
		t.Errorf("nodes %v", got)
	}
	settle(t, w)
	if count := perNode(w); count["worker-new1"] != 2 { // the fifth pod, and a daemon
		t.Errorf("pods by node: %v", count)
	}
}

// pkg/controller/podgc: the pass after the node is gone finds it missing, and
// one that is 40 s later or more deletes its pods. Their service forgets them
// as soon as it is synced for any reason (endpointslice/reconciler.go).
func TestPodsOfARemovedNodeAreCollectedAfter40To60Seconds(t *testing.T) {
	for seed := range virtual.Seed(20) {
		w := newWorld(t, Config{Workers: 2, Seed: seed})
		give(t, w, deploy("shop", 4, "", appPod("", readyz)), daemons(appPod("", "")))
		settle(t, w)
		n := w.Node("worker")
		orphans := slices.Clone(n.pods)
		begun := w.Clock.Now()
		w.RemoveNode(n)
		if got := nodeNames(w); slices.Contains(got, "worker") || got[len(got)-1] != "worker2" || slices.Contains(got, "out of place:") {
			t.Fatalf("nodes %v", got)
		}
		for _, p := range orphans {
			if p.Gone || p.Runs() {
				t.Errorf("%s: gone %t, runs %t; its object outlives its processes", p.Name, p.Gone, p.Runs())
			}
		}
		gone := until(t, w, "their end", func() bool {
			return !slices.ContainsFunc(orphans, func(p *Pod) bool { return !p.Gone })
		})
		within(t, "until they are collected", gone-begun, 40*time.Second, 61*time.Second)
		settle(t, w)
		if count := perNode(w); count["worker2"] != 5 || len(count) != 1 {
			t.Errorf("pods by node: %v", count)
		}
	}
}

func TestARemovedNodeStaysAway(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, deploy("shop", 6, "", appPod("", readyz)))
	settle(t, w)
	n := w.Node("worker2")
	n.PowerOff()
	until(t, w, "NotReady", func() bool { return n.Ready != corev1.ConditionTrue })
	w.RemoveNode(n)
	w.RemoveNode(n) // once is enough
	w.Clock.Do(time.Minute, n.PowerOn)
	w.Clock.Do(2*time.Minute, n.Thaw)
	settle(t, w)
	sleep(t, w, 10*time.Minute)
	if !n.Gone() || w.Left("worker2") != n || w.Node("worker2") != nil || w.lifecycle.sick != 0 || len(n.pods) > 0 {
		t.Errorf("gone %t, %d nodes are not Ready, %d pods on it", n.Gone(), w.lifecycle.sick, len(n.pods))
	}
	if count := perNode(w); count["worker"]+count["worker3"] != 6 {
		t.Errorf("pods by node: %v", count)
	}
}

// Counts of pods by node move with the nodes.
func TestTopologyIsCountedRightWhileNodesComeAndGo(t *testing.T) {
	const apart = `affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}}}]}}`
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	pod := appPod("", "")
	give(t, w, deploy("shop", 3, "", "{"+apart+", "+pod[1:]))
	settle(t, w)
	for _, name := range []string{"worker", "worker2", "worker3", "worker"} {
		n := w.Node(name)
		w.RemoveNode(n)
		sleep(t, w, 2*time.Minute) // its pod is collected, and the next one fits nowhere
		w.AddNode(name, n.Version, n)
		settle(t, w)
		if count := perNode(w); len(count) != 3 {
			t.Errorf("pods by node: %v", count)
		}
	}
}
