package world

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func stateful(replicas int, spec, pod string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, replicas: %d%s,
selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: %s}}}`, replicas, prefix(spec), pod)
}

// history records what becomes of the pods, in words.
func history(t *testing.T, w *World, d time.Duration) []string {
	t.Helper()
	var said []string
	last := map[string]string{}
	during(t, w, d, func() {
		now := map[string]string{}
		names := map[string]string{}
		for _, p := range w.Pods("default", everything) {
			if other := names[p.Name]; other != "" {
				t.Errorf("two pods are called %s", p.Name)
			}
			names[p.Name] = p.UID
			switch {
			case p.Deleting:
				now[p.Name] = "ends"
			case p.Ready:
				now[p.Name] = "ready"
			default:
				now[p.Name] = "new"
			}
		}
		for _, p := range w.Pods("default", everything) {
			if last[p.Name] != now[p.Name] {
				said = append(said, p.Name+" "+now[p.Name])
			}
		}
		for name := range last {
			if now[name] == "" {
				said = append(said, name+" gone")
			}
		}
		last = now
	})
	return said
}

func expect(t *testing.T, got []string, want string) {
	t.Helper()
	if w := strings.Split(want, ", "); !slices.Equal(got, w) {
		t.Errorf("got  %v\nwant %v", strings.Join(got, ", "), want)
	}
}

// pkg/controller/statefulset/stateful_set_control.go: processReplica.
func TestAStatefulSetComesUpInOrderOneAtATime(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, stateful(3, "", appPod("", readyz)))
	expect(t, history(t, w, time.Minute), "db-0 new, db-0 ready, db-1 new, db-1 ready, db-2 new, db-2 ready")
}

// processCondemned: from the end, each gone before the next goes; down to none.
func TestAStatefulSetGoesDownFromTheEndToNone(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, stateful(3, "", appPod("", readyz)))
	settle(t, w)
	give(t, w, stateful(0, "", appPod("", readyz)))
	got := history(t, w, time.Minute)
	expect(t, got[3:], "db-2 ends, db-2 gone, db-1 ends, db-1 gone, db-0 ends, db-0 gone")
	if w.Missing() != nil {
		t.Errorf("missing: %v", w.Missing())
	}
}

// updateStatefulSetAfterInvariantEstablished: the highest first, one at a time.
func TestAStatefulSetIsUpdatedFromTheEnd(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, stateful(3, "", appPod("", readyz)))
	settle(t, w)
	give(t, w, stateful(3, "updateStrategy: {rollingUpdate: {partition: 1}}", appPod("--seed=2", readyz)))
	got := history(t, w, time.Minute)
	expect(t, got[3:], "db-2 ends, db-2 gone, db-2 new, db-2 ready, db-1 ends, db-1 gone, db-1 new, db-1 ready")
	if w.Missing() != nil {
		t.Errorf("missing: %v", w.Missing())
	}
	give(t, w, stateful(3, "updateStrategy: {type: OnDelete}", appPod("--seed=3", readyz)))
	if got := history(t, w, time.Minute)[3:]; len(got) > 0 {
		t.Errorf("OnDelete did %v", got)
	}
}

// A pod that terminates keeps its name until its object is gone, however long
// its node is dead (at most one of a name).
func TestAStatefulSetNeverHasTwoPodsOfOneName(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, stateful(2, "", appPod("", readyz)))
	settle(t, w)
	w.Pod("default", "db-0").Node.Freeze(true)
	got := history(t, w, 20*time.Minute)
	expect(t, got[2:], "db-0 new, db-0 ends") // not ready, then evicted, then nothing
	if got := len(w.Pods("default", everything)); got != 2 {
		t.Errorf("%d pods, want 2", got)
	}
}

// With Parallel, all come and go together, but an update still takes no more
// than one that is available.
func TestAParallelStatefulSetComesUpTogether(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	parallel := "podManagementPolicy: Parallel"
	give(t, w, stateful(3, parallel, appPod("", readyz)))
	got := history(t, w, time.Minute)
	expect(t, got[:3], "db-0 new, db-1 new, db-2 new")
	least := 3
	give(t, w, stateful(3, parallel, appPod("--seed=2", readyz)))
	during(t, w, time.Minute, func() {
		ready := 0
		for _, p := range w.Pods("default", everything) {
			if p.isReady() {
				ready++
			}
		}
		least = min(least, ready)
	})
	if least != 2 || w.Missing() != nil {
		t.Errorf("%d available at least, want 2; missing %v", least, w.Missing())
	}
	give(t, w, stateful(0, parallel, appPod("--seed=2", readyz)))
	expect(t, history(t, w, time.Minute)[3:6], "db-0 ends, db-1 ends, db-2 ends")
}

// processReplica waits for a pod that is not ready whatever its revision: a
// broken update is not repaired by itself.
func TestABrokenRevisionOfAStatefulSetStaysUntilItIsDeleted(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, stateful(2, "", appPod("", readyz)))
	settle(t, w)
	give(t, w, stateful(2, "", appPod("--ready-delay=100h", readyz)))
	sleep(t, w, time.Minute)
	give(t, w, stateful(2, "", appPod("", readyz)))
	sleep(t, w, 10*time.Minute)
	stuck := w.Pod("default", "db-1")
	if stuck.Ready || stuck.Deleting {
		t.Fatal("db-1 should be stuck")
	}
	stuck.Delete(-1)
	settle(t, w)
}
