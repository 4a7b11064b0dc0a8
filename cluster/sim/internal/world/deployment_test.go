package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pkg/controller/deployment/util/deployment_util.go: ResolveFenceposts and
// MaxUnavailable. Surge rounds up, unavailable down.
func TestFencepostsRoundAsTheDeploymentControllerDoes(t *testing.T) {
	for _, c := range []struct {
		surge, unavailable string // "" is the default of 25 %
		replicas           int
		wantSurge, want    int
	}{
		{"", "", 10, 3, 2}, // 2.5 up, 2.5 down
		{"", "", 4, 1, 1},
		{"", "", 3, 1, 0},
		{"", "", 1, 1, 0},
		{"1", "0", 10, 1, 0},
		{"0", "1", 10, 0, 1},
		{"0", "0", 10, 0, 1},    // both zero: one unavailable
		{"0%", "5%", 10, 0, 1},  // 0.5 down is zero as well
		{"10%", "10%", 3, 1, 0}, // 0.3 up, 0.3 down
		{"100%", "100%", 3, 3, 3},
		{"1", "5", 2, 1, 2}, // no more than there are
		{"", "", 0, 0, 0},
	} {
		rolling := &appsv1.RollingUpdateDeployment{}
		if c.surge != "" {
			surge, unavailable := intstr.Parse(c.surge), intstr.Parse(c.unavailable)
			rolling.MaxSurge, rolling.MaxUnavailable = &surge, &unavailable
		}
		surge, unavailable, err := fenceposts(rolling, c.replicas)
		if err != nil || surge != c.wantSurge || unavailable != c.want {
			t.Errorf("fenceposts(%q, %q, %d) = %d, %d, %v, want %d, %d", c.surge, c.unavailable, c.replicas, surge, unavailable, err, c.wantSurge, c.want)
		}
	}
}

// rollout watches a Deployment.
type rollout struct {
	*deployment
	steps  [][2]int // replicas of the old ReplicaSets and of the latest, as they change
	least  int      // available
	most   int      // replicas of all
	atOnce int      // pods that were not terminating
}

func watch(t *testing.T, w *World, name string, d time.Duration) *rollout {
	t.Helper()
	r := &rollout{deployment: w.deployment("default", name), least: 1 << 30}
	sampled(t, w, d, r.see)
	return r
}

func (r *rollout) see() {
	old, latest, available, active := 0, r.latest().replicas, 0, 0
	for _, set := range r.sets {
		available += set.count((*Pod).isReady)
		active += set.count((*Pod).Active)
		if set != r.latest() {
			old += set.replicas
		}
	}
	r.least, r.most, r.atOnce = min(r.least, available), max(r.most, old+latest), max(r.atOnce, active)
	if step := [2]int{old, latest}; len(r.steps) == 0 || r.steps[len(r.steps)-1] != step {
		r.steps = append(r.steps, step)
	}
}

func TestARollingUpdateKeepsToItsFenceposts(t *testing.T) {
	oneByOne := [][2]int{{10, 0}}
	for i := range 10 {
		oneByOne = append(oneByOne, [2]int{10 - i, i + 1}, [2]int{9 - i, i + 1})
	}
	for _, c := range []struct {
		name, strategy string
		least, most    int
		begins         [][2]int
	}{
		// The numbers of the comment in pkg/controller/deployment/rolling.go,
		// reconcileOldReplicaSets: the new one is created with 3 replicas, the
		// old one scaled down to 8, and the new one scaled up to 5.
		{"25% and 25%", ``, 8, 13, [][2]int{{10, 0}, {10, 3}, {8, 3}, {8, 5}}},
		{"surge 1", `strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}`, 10, 11, oneByOne},
		{"unavailable 1", `strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}`, 9, 10, [][2]int{{10, 0}, {9, 0}, {9, 1}, {8, 1}, {8, 2}}},
		{"all at once", `strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 100%}}`, 0, 10, [][2]int{{10, 0}, {0, 0}, {0, 10}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 3, Seed: 1})
			give(t, w, deploy("shop", 10, c.strategy, appPod("", readyz)))
			settle(t, w)
			give(t, w, deploy("shop", 10, c.strategy, appPod("--startup=1s", readyz)))
			r := watch(t, w, "shop", time.Minute)
			if r.least < c.least || r.most > c.most {
				t.Errorf("%d available at least and %d replicas at most, want %d and %d", r.least, r.most, c.least, c.most)
			}
			if got := r.steps[:min(len(c.begins), len(r.steps))]; !slices.Equal(got, c.begins) {
				t.Errorf("old and new replicas began with %v, want %v", got, c.begins)
			}
			if last := r.steps[len(r.steps)-1]; last != [2]int{0, 10} || w.Missing() != nil {
				t.Errorf("ended with %v, %v", last, w.Missing())
			}
		})
	}
}

// pkg/controller/deployment/recreate.go: rolloutRecreate.
func TestRecreateBringsNoNewPodBeforeTheLastOldOneIsGone(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	strategy := `strategy: {type: Recreate}`
	give(t, w, deploy("shop", 4, strategy, appPod("", "")))
	settle(t, w)
	give(t, w, deploy("shop", 4, strategy, appPod("--seed=2", "")))
	d := w.deployment("default", "shop")
	none := false
	during(t, w, time.Minute, func() {
		old, latest := len(d.sets[0].pods), len(d.latest().pods)
		if old > 0 && latest > 0 {
			t.Errorf("%d old and %d new pods side by side", old, latest)
		}
		none = none || old+latest == 0
	})
	if !none || w.Missing() != nil {
		t.Errorf("there was a moment without pods: %v; missing: %v", none, w.Missing())
	}
}

// Ten pods, maxUnavailable 2, maxSurge 3: case 1 and case 2 of the comment in
// pkg/controller/deployment/rolling.go, reconcileOldReplicaSets.
const twoAndThree = `strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}`

func broken(t *testing.T) *World {
	t.Helper()
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, deploy("shop", 10, twoAndThree, appPod("", readyz)))
	settle(t, w)
	give(t, w, deploy("shop", 10, twoAndThree, appPod("--ready-delay=100h", readyz)))
	r := watch(t, w, "shop", 30*time.Second)
	if last := r.steps[len(r.steps)-1]; last != [2]int{8, 5} || r.least != 8 {
		t.Fatalf("a broken revision stands at %v with %d available at least, want [8 5] and 8", last, r.least)
	}
	return w
}

func TestARollbackTakesTheBrokenPodsFirst(t *testing.T) {
	w := broken(t)
	give(t, w, deploy("shop", 10, twoAndThree, appPod("", readyz)))
	r := watch(t, w, "shop", 30*time.Second)
	// 13 replicas - 8 least - 0 unavailable new ones: all 5 broken ones go.
	if want := [][2]int{{5, 8}, {0, 8}, {0, 10}}; !slices.Equal(r.steps, want) {
		t.Errorf("broken and good replicas went %v, want %v", r.steps, want)
	}
	if r.least < 8 || len(r.sets) != 2 || w.Missing() != nil {
		t.Errorf("%d available at least, %d ReplicaSets, missing %v", r.least, len(r.sets), w.Missing())
	}
}

func TestARollOverTakesTheBrokenPodsFirst(t *testing.T) {
	w := broken(t)
	give(t, w, deploy("shop", 10, twoAndThree, appPod("--seed=3", readyz)))
	r := watch(t, w, "shop", time.Minute)
	// All 13 places are taken, so the third begins with none.
	if want := [][2]int{{13, 0}, {8, 0}, {8, 5}}; !slices.Equal(r.steps[:3], want) {
		t.Errorf("old and new replicas went %v, want %v at first", r.steps, want)
	}
	if r.least < 8 || r.most > 13 || w.Missing() != nil {
		t.Errorf("%d available at least, %d replicas at most, missing %v", r.least, r.most, w.Missing())
	}
}

func TestMinReadySecondsSlowARollout(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	spec := `minReadySeconds: 20, strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}`
	give(t, w, deploy("shop", 2, spec, appPod("", readyz)))
	settle(t, w)
	sleep(t, w, time.Minute)
	begun := w.Clock.Now()
	give(t, w, deploy("shop", 2, spec, appPod("--seed=2", readyz)))
	d := w.deployment("default", "shop")
	ended := until(t, w, "the rollout", func() bool { return d.sets[0].replicas == 0 && len(d.sets[0].pods) == 0 })
	// Two pods one after the other, each 20 s available and about 2 s to come.
	within(t, "the rollout", ended-begun, 41*time.Second, 52*time.Second)
}

func TestOldReplicaSetsGoDownInTheOrderOfTheirCreation(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	for _, seed := range []int{1, 2, 3, 1, 4} { // back to the first in between
		give(t, w, deploy("shop", 1, "", appPod(fmt.Sprintf("--seed=%d", seed), "")))
	}
	var orders []int
	for _, set := range w.deployment("default", "shop").sets {
		orders = append(orders, set.order)
	}
	if want := []int{1, 2, 3, 4}; !slices.Equal(orders, want) {
		t.Errorf("ReplicaSets lie in order %v, want %v", orders, want)
	}
}

// reconcileOldReplicaSets returns early while 11 - 8 - 3 <= 0, although ten
// pods are still available because the ReplicaSet has not deleted two yet.
func TestASyncBeforeTheReplicaSetsHaveActedScalesNothingDown(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, deploy("shop", 10, "", appPod("", readyz)))
	settle(t, w)
	give(t, w, deploy("shop", 10, "", appPod("--seed=2", readyz)))
	d := w.deployment("default", "shop")
	d.Fire(0)
	d.Fire(0)
	if d.sets[0].replicas != 8 || d.latest().replicas != 3 {
		t.Fatalf("%d old and %d new replicas, want 8 and 3", d.sets[0].replicas, d.latest().replicas)
	}
	d.scaleDown(d.latest(), d.sets[:1])
	if d.sets[0].replicas != 8 {
		t.Errorf("scaled down to %d", d.sets[0].replicas)
	}
}
