package world

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

func TestWithoutSettingsTheTimingsAreKubernetes(t *testing.T) {
	if got, want := Kubernetes137().With(seatrial.Timings{}), Kubernetes137(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// As for 50 s (see above), with a lease renewed every 4 s and passes every 2 s:
// 20 - U(0,4) + U(0,2).
func TestAShorterGracePeriodFindsADeadNodeSooner(t *testing.T) {
	for seed := range 100 {
		w := newWorld(t, Config{Workers: 3, Seed: virtual.Seed(seed), Timings: seatrial.Timings{
			NodeMonitorGracePeriod: 20 * time.Second, NodeLeaseDuration: 16 * time.Second, NodeMonitorPeriod: 2 * time.Second}})
		sleep(t, w, 20*time.Second)
		w.Node("worker").Freeze(true)
		took := until(t, w, "NotReady", func() bool { return w.Node("worker").Ready == corev1.ConditionUnknown }) - 20*time.Second
		within(t, "from death to NotReady", took, 16*time.Second, 22*time.Second)
	}
}

func TestAShorterTolerationEvictsSooner(t *testing.T) {
	five := 5
	w := newWorld(t, Config{Workers: 2, Seed: 1, Timings: seatrial.Timings{TolerationSeconds: &five}})
	give(t, w, deploy("shop", 4, "", appPod("", "")))
	settle(t, w)
	dead := w.Node("worker")
	dead.Freeze(true)
	lost := until(t, w, "NotReady", func() bool { return dead.Ready == corev1.ConditionUnknown }) // it is tainted at once
	deleted := until(t, w, "the eviction", func() bool {
		for _, p := range dead.pods {
			if p.Deleting {
				return true
			}
		}
		return false
	})
	within(t, "from NotReady to the eviction", deleted-lost, 5*time.Second, 6*time.Second)
}

func TestWithoutALargeClusterThresholdASmallClusterEvictsAlsoWhenMostOfItIsLost(t *testing.T) {
	none := 0
	w := newWorld(t, Config{Workers: 3, Seed: 1, Timings: seatrial.Timings{LargeClusterSizeThreshold: &none, SecondaryNodeEvictionRate: 0.5}})
	for _, name := range []string{"worker", "worker2", "worker3"} {
		w.Node(name).Freeze(true)
	}
	until(t, w, "all three NotReady", func() bool { return w.lifecycle.sick == 3 })
	if at := taintTimes(t, w, 5*time.Second); len(at) != 3 {
		t.Errorf("tainted %v, want all three", at)
	}
}
