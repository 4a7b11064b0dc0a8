package world

import (
	"testing"
	"time"
)

// pkg/kubelet/pod_workers.go: a sync that fails is tried again after 10 to 15 s.
func TestWithoutItsNetworkPluginANodeStartsNothingNewAndKeepsWhatRuns(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 2, "", appPod("", readyz)))
	settle(t, w)
	n := w.Node("worker")
	n.BreakCNI(true)
	give(t, w, deploy("shop", 4, "", appPod("", readyz)))
	sleep(t, w, 5*time.Minute)
	running := 0
	for _, p := range w.Pods("default", everything) {
		if p.Ready != p.Runs() || p.Ready != p.Addressed() || p.Node != n {
			t.Errorf("%s: ready %t, runs %t, addressed %t", p.Name, p.Ready, p.Runs(), p.Addressed())
		}
		if p.Ready {
			running++
		}
	}
	if running != 2 {
		t.Errorf("%d pods run, want the two from before", running)
	}
	repaired := w.Clock.Now()
	n.BreakCNI(false)
	settle(t, w)
	within(t, "until they are there", w.Clock.Now()-repaired, time.Second, 18*time.Second)
}

func TestAPodWithoutANetworkCanBeDeleted(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	w.Node("worker").BreakCNI(true)
	w.Node("worker2").Cordon(true)
	give(t, w, deploy("shop", 1, "", appPod("", readyz)))
	sleep(t, w, time.Minute)
	stuck := only(t, w)
	w.Node("worker").Cordon(true)
	w.Node("worker2").Cordon(false)
	stuck.Delete(-1)
	settle(t, w)
	if p := only(t, w); !stuck.Gone || p.Node != w.Node("worker2") {
		t.Errorf("the stuck pod is gone: %t; the new one is on %s", stuck.Gone, p.nodeName())
	}
}
