package world

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func budget(name, spec string) string {
	return fmt.Sprintf(`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: %s}, spec: {selector: {matchLabels: {app: shop}}, %s}}`, name, spec)
}

// refused is the status of the eviction API's answer; 0 is a yes.
func refused(t *testing.T, w *World, p *Pod) int {
	t.Helper()
	err := w.Evict(p)
	var no *Refusal
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &no):
		t.Fatal(err)
	}
	return no.Status
}

// pkg/controller/disruption/disruption.go: getExpectedPodCount; percentages of
// either kind round up.
func TestABudgetAllowsWhatTheDisruptionControllerDoes(t *testing.T) {
	for _, c := range []struct {
		spec     string
		replicas int
		want     int
	}{
		{"minAvailable: 2", 3, 1},
		{"minAvailable: 3", 3, 0},
		{"minAvailable: 5", 3, 0},
		{"minAvailable: 0", 3, 3},
		{"minAvailable: 50%", 7, 3}, // 3.5 up is 4
		{"minAvailable: 100%", 3, 0},
		{"maxUnavailable: 1", 3, 1},
		{"maxUnavailable: 0", 3, 0},
		{"maxUnavailable: 30%", 7, 3}, // 2.1 up is 3
		{"maxUnavailable: 1%", 1, 1},  // 0.01 up is 1
		{"maxUnavailable: 9", 3, 3},
		{"minAvailable: 2, maxUnavailable: null", 4, 2},
	} {
		w := newWorld(t, Config{Workers: 3, Seed: 1})
		give(t, w, deploy("shop", c.replicas, "", appPod("", "")), budget("shop", c.spec))
		settle(t, w)
		if got := w.budgets[0].Allowed(); got != c.want {
			t.Errorf("%s of %d replicas allows %d, want %d", c.spec, c.replicas, got, c.want)
		}
		evicted := 0
		for _, p := range w.Pods("default", everything) {
			if refused(t, w, p) == 0 {
				evicted++
			}
		}
		if evicted != c.want {
			t.Errorf("%s of %d replicas let %d be evicted, want %d", c.spec, c.replicas, evicted, c.want)
		}
	}
}

// The denominator is what the controllers ask for, not what is there
// (getExpectedScale).
func TestABudgetMeasuresAgainstTheScaleOfTheControllers(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, deploy("shop", 4, "", appPod("--drain-time=20s", "")), budget("shop", "maxUnavailable: 25%"))
	settle(t, w)
	pods := w.Pods("default", everything)
	if refused(t, w, pods[0]) != 0 || refused(t, w, pods[1]) != 429 {
		t.Error("one of four may go, and the second not before it is replaced")
	}
	until(t, w, "the replacement", func() bool { return w.budgets[0].Allowed() == 1 })
	if w.Missing() == nil || refused(t, w, pods[1]) != 0 {
		t.Error("a replacement that is ready makes up for a pod that still terminates")
	}
}

// disruption.go: getExpectedScale leaves pods without a controller out, and
// updatePdbStatus allows nothing where nothing is expected; a DaemonSet has no
// scale, so the sync fails and failSafe allows nothing.
func TestABudgetOfPodsWithoutAScaleAllowsNothing(t *testing.T) {
	daemons := `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: shop}, spec: {selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: ` + appPod("", "") + `}}}`
	for _, c := range []struct {
		name, manifest, spec string
		want                 int
	}{
		{"a bare pod, maxUnavailable", barePod("shop", "app: shop", appPod("", "")), "maxUnavailable: 1", 429},
		{"a bare pod, percentage", barePod("shop", "app: shop", appPod("", "")), "minAvailable: 1%", 429},
		{"a bare pod, number", barePod("shop", "app: shop", appPod("", "")), "minAvailable: 0", 0},
		{"a daemon, maxUnavailable", daemons, "maxUnavailable: 1", 429},
		{"a daemon, number", daemons, "minAvailable: 0", 0},
	} {
		w := newWorld(t, Config{Workers: 1, Seed: 1})
		give(t, w, c.manifest, budget("shop", c.spec))
		until(t, w, "the pod", func() bool { return len(w.Pods("default", everything)) == 1 && only(t, w).Ready })
		if got := refused(t, w, only(t, w)); got != c.want {
			t.Errorf("%s: eviction answered %d, want %d", c.name, got, c.want)
		}
	}
}

// pkg/registry/core/pod/storage/eviction.go: an unready pod goes under
// AlwaysAllow, and under IfHealthyBudget while currentHealthy >= desiredHealthy
// > 0; otherwise only if the budget allows it.
func TestUnreadyPodsAreEvictedAsTheirPolicySays(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		unready    int
		want       int
	}{
		{"healthy budget", "minAvailable: 2", 1, 0},
		{"unhealthy budget", "minAvailable: 2", 2, 429},
		{"desired is zero", "minAvailable: 0", 3, 429},
		{"desired is zero and one is healthy", "minAvailable: 0", 2, 0},
		{"always", "minAvailable: 2, unhealthyPodEvictionPolicy: AlwaysAllow", 3, 0},
		{"IfHealthyBudget by name", "minAvailable: 2, unhealthyPodEvictionPolicy: IfHealthyBudget", 2, 429},
	} {
		w := newWorld(t, Config{Workers: 3, Seed: 1})
		give(t, w, deploy("shop", 3, "", appPod("", "")), budget("shop", c.spec))
		settle(t, w)
		pods := w.Pods("default", everything)
		for _, p := range pods[:c.unready] {
			p.setReady(false)
		}
		if got := refused(t, w, pods[0]); got != c.want {
			t.Errorf("%s: eviction answered %d, want %d", c.name, got, c.want)
		}
	}
}

// eviction.go: more than one budget is a 500, whatever they allow.
func TestTwoBudgetsOnOnePodAreAnError(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", "")), budget("one", "minAvailable: 0"), budget("two", "minAvailable: 0"))
	settle(t, w)
	if got := refused(t, w, only(t, w)); got != 500 || only(t, w).Deleting {
		t.Errorf("eviction answered %d, want 500", got)
	}
}

// eviction.go: canIgnorePDB.
func TestPendingAndTerminatingPodsBypassTheBudget(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", "")), budget("shop", "minAvailable: 1"))
	until(t, w, "the pod", func() bool { return len(w.Pods("default", everything)) == 1 })
	pending := only(t, w)
	if got := refused(t, w, pending); got != 0 || !pending.Deleting {
		t.Errorf("eviction of a pending pod answered %d", got)
	}
	until(t, w, "its end", func() bool { return pending.Gone })
	settle(t, w)
	running := only(t, w)
	if got := refused(t, w, running); got != 429 {
		t.Errorf("eviction of a running pod answered %d, want 429", got)
	}
	running.Delete(20 * time.Second)
	if got := refused(t, w, running); got != 0 {
		t.Errorf("eviction of a terminating pod answered %d", got)
	}
}

// A budget counts its own namespace alone, and its update takes effect.
func TestABudgetKeepsToItsNamespace(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", "")),
		`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: shop, namespace: other}, spec: {selector: {}, minAvailable: 1}}`)
	settle(t, w)
	if got := refused(t, w, only(t, w)); got != 0 {
		t.Errorf("a budget of another namespace answered %d", got)
	}
	give(t, w, budget("shop", "minAvailable: 1"), budget("shop", "minAvailable: 0"))
	if len(w.budgets) != 2 {
		t.Errorf("%d budgets, want 2", len(w.budgets))
	}
}
