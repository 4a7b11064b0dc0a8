package world

import (
	"fmt"
	"testing"
	"time"
)

func daemons(pod string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log}, spec: {selector: {matchLabels: {app: log}}, template: {metadata: {labels: {app: log}}, spec: %s}}}`, pod)
}

// pkg/controller/daemon: one pod on every node that it tolerates, cordoned or
// not.
func TestADaemonSetHasOnePodANodeAlsoOnCordonedOnes(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	w.Node("worker2").Cordon(true)
	give(t, w, daemons(appPod("", "")))
	settle(t, w)
	sleep(t, w, time.Minute)
	count := perNode(w)
	if len(count) != 3 || count["worker"] != 1 || count["worker2"] != 1 || count["worker3"] != 1 {
		t.Errorf("pods by node: %v", count)
	}
}

// Its pods tolerate the NoExecute taints for ever
// (AddOrUpdateDaemonPodTolerations).
func TestDaemonsAreNotEvicted(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, daemons(appPod("", "")), deploy("shop", 3, "", appPod("", "")))
	settle(t, w)
	dead := w.Node("worker")
	dead.Freeze(true)
	sleep(t, w, 20*time.Minute)
	for _, p := range dead.pods {
		if daemon := p.Template.Labels["app"] == "log"; daemon == p.Deleting {
			t.Errorf("%s: deleted %v", p.Name, p.Deleting)
		}
	}
}

// update.go: rollingUpdate with maxUnavailable 1.
func TestADaemonSetIsUpdatedNodeByNode(t *testing.T) {
	w := newWorld(t, Config{Workers: 4, Seed: 1})
	give(t, w, daemons(appPod("", readyz)))
	settle(t, w)
	give(t, w, daemons(appPod("--seed=2", readyz)))
	least := 4
	during(t, w, 2*time.Minute, func() {
		ready := 0
		for _, p := range w.Pods("default", everything) {
			if p.isReady() {
				ready++
			}
		}
		least = min(least, ready)
	})
	if least != 3 || w.Missing() != nil {
		t.Errorf("%d ready at least, want 3; missing %v", least, w.Missing())
	}
}

// rollingUpdate: pods that are not available anyway do not count.
func TestABrokenRevisionOfADaemonSetIsReplaced(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, daemons(appPod("--ready-delay=100h", readyz)))
	sleep(t, w, time.Minute)
	give(t, w, daemons(appPod("", readyz)))
	settle(t, w)
}
