package world

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// pkg/controller/controller_utils.go: ActivePodsWithRanks.Less, rule by rule.
// Every pair is alike in all that the rules before look at, and the other way
// round in the rule after.
func TestVictimsAreChosenByTheRulesOfTheReplicaSetController(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	sleep(t, w, time.Hour)
	now := w.Clock.Now()
	old, young := now-time.Hour, now-time.Minute // log2 of nanoseconds: 41 and 35
	node, other := w.Node("worker"), w.Node("worker2")
	cheap, dear := &Template{deletionCost: -1}, &Template{deletionCost: 1}
	for _, c := range []struct {
		rule          string
		first, second Pod
	}{
		{"1: unassigned", Pod{Phase: corev1.PodPending}, Pod{Node: node, Phase: corev1.PodPending}},
		{"2: pending", Pod{Node: node, Phase: corev1.PodPending, Ready: true}, Pod{Node: node, Phase: corev1.PodRunning}},
		{"3: not ready", Pod{Node: node, Template: dear}, Pod{Node: node, Ready: true, Template: cheap}},
		{"4: lower cost", Pod{Node: other, Ready: true, Template: cheap}, Pod{Node: node, Ready: true, Template: dear}},
		{"5: doubled up", Pod{Node: node, Ready: true, readyAt: old}, Pod{Node: other, Ready: true, readyAt: young}},
		{"6: ready for less time", Pod{Node: node, Ready: true, readyAt: young}, Pod{Node: node, Ready: true, readyAt: old, containers: restarted(3)}},
		{"6: about as long: drawn", Pod{Node: node, Ready: true, readyAt: old + time.Second, UID: "a"}, Pod{Node: node, Ready: true, readyAt: old, UID: "b", containers: restarted(3)}},
		{"6: only between ready ones", Pod{Node: node, readyAt: old, containers: restarted(3)}, Pod{Node: node, readyAt: young}},
		{"7: more restarts", Pod{Node: node, Ready: true, containers: restarted(3), createdAt: old}, Pod{Node: node, Ready: true, containers: restarted(2), createdAt: young}},
		{"8: newer", Pod{Node: node, Ready: true, createdAt: young, UID: "b"}, Pod{Node: node, Ready: true, createdAt: old, UID: "a"}},
		{"8: about as old: drawn", Pod{Node: node, Ready: true, createdAt: old, UID: "a"}, Pod{Node: node, Ready: true, createdAt: old + time.Second, UID: "b"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			first, second := c.first, c.second
			for _, p := range []*Pod{&first, &second} {
				p.world = w
				if p.Phase == "" {
					p.Phase = corev1.PodRunning
				}
				if p.Template == nil {
					p.Template = &Template{}
				}
			}
			// A third pod on the first node doubles it up for both or for one.
			third := &Pod{world: w, Node: node, Phase: corev1.PodRunning, Ready: true, Template: &Template{}}
			r := &replicaSet{world: w, pods: []*Pod{&first, &second, third}}
			for _, order := range [][]*Pod{{&first, &second}, {&second, &first}} {
				if got := r.victims(order); got[0] != &first {
					t.Error("the wrong one goes first")
				}
			}
		})
	}
}

func restarted(times int) []*Container { return []*Container{{restarts: times}} }

// controller_utils.go: the ranks count the pods of all ReplicaSets of the
// Deployment (getPodsRankedByRelatedPodsOnSameNode), if they are active.
func TestPodsOfOtherReplicaSetsDoubleUp(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	pod := func(node string, deleting bool) *Pod {
		return &Pod{world: w, Node: w.Node(node), Phase: corev1.PodRunning, Ready: true, Deleting: deleting, Template: &Template{}}
	}
	mine, alone := pod("worker", false), pod("worker2", false)
	d := &deployment{world: w}
	r := &replicaSet{world: w, above: d, pods: []*Pod{alone, mine}}
	d.sets = []*replicaSet{{pods: []*Pod{pod("worker", false), pod("worker2", true)}}, r}
	if got := r.victims([]*Pod{alone, mine}); got[0] != mine {
		t.Error("the pod beside another revision's should go first; one that terminates does not count")
	}
}

func TestTiesAmongVictimsDoNotFollowTheOrderOfCreation(t *testing.T) {
	first := 0
	const seeds = 40
	for seed := range seeds {
		w := newWorld(t, Config{Workers: 2, Seed: virtual.Seed(seed)})
		give(t, w, deploy("shop", 2, "", appPod("", "")))
		settle(t, w)
		sleep(t, w, time.Hour)
		r := w.deployment("default", "shop").latest()
		oldest := r.pods[0]
		r.replicas = 1
		r.Fire(0)
		if oldest.Deleting {
			first++
		}
	}
	if first < seeds/4 || first > seeds*3/4 {
		t.Errorf("the oldest pod went in %d of %d", first, seeds)
	}
}

func TestADeletedPodIsReplacedAtOnceAndStaysUntilItIsGone(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", "")))
	settle(t, w)
	p := only(t, w)
	deleted := w.Clock.Now()
	p.Delete(-1)
	replaced := until(t, w, "another pod", func() bool { return len(w.Pods("default", everything)) == 2 })
	within(t, "the replacement", replaced-deleted, 0, 50*time.Millisecond)
	until(t, w, "the end of the first", func() bool { return p.Gone })
	settle(t, w)
}
