package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

const surgeUpgrade = "../../scenarios/surge-upgrade.yaml"

var upgrades sync.Map // by variant and seed, a func() afterwards

// upgraded is what a variant of surge-upgrade left, tried once for all tests.
func upgraded(t *testing.T, variant string, seed uint64) afterwards {
	t.Helper()
	once, _ := upgrades.LoadOrStore(fmt.Sprint(variant, seed), sync.OnceValue(func() afterwards {
		return afterTrial(t.Context(), t, surgeUpgrade, variant, seed, nil)
	}))
	return once.(func() afterwards)()
}

func TestAnUpgradeReplacesEveryNodeAndLeavesThePoolWhole(t *testing.T) {
	took := map[string]time.Duration{}
	for _, variant := range []string{"surge", "surge-no-pdb", "surge-two", "recreate", "unavailable-one", "recreate-roomy", "blue-green", "by-hand"} {
		after := upgraded(t, variant, 3)
		if err := errors.Join(after.err, after.whole()); err != nil {
			t.Errorf("%s: %v", variant, err)
		}
		var said string
		took[variant], said = after.took(t)
		if !strings.HasPrefix(said, "3 of 3 nodes were upgraded") {
			t.Errorf("%s: %s", variant, said)
		}
		for _, n := range after.nodes {
			fresh := !n.ControlPlane && !n.Agents
			if (n.Kubernetes == "v1.37.2") != fresh || (n.Labels["node.seatrial.dev/version"] == "v1.37.2") != fresh {
				t.Errorf("%s: node %s has version %s and labels %v", variant, n.Name, n.Kubernetes, n.Labels)
			}
		}
	}
	if took["surge-two"] >= took["surge"] || took["by-hand"] <= took["blue-green"] {
		t.Errorf("two nodes at a time must be quicker than one, and a person slower than a machine: %v", took)
	}
}

func TestOnAFullPoolASurgeKeepsTheBudgetAndEveryPodFindsAPlace(t *testing.T) {
	for _, variant := range []string{"surge", "surge-two", "blue-green"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			for _, seed := range []uint64{3, 0, 1, 2, 4}[:seedsOf(5)] { // that of the other tests first
				after := upgraded(t, variant, seed)
				if waited := after.unschedulable(t); waited != 0 {
					t.Errorf("seed %d: pods were unschedulable for %s", seed, waited)
				}
				if least := after.fewest(t); least < 5 {
					t.Errorf("seed %d: %d healthy pods, the budget asks for 5", seed, least)
				}
				if n := after.evictions(t); n[seatrial.EvictionForced] > 0 || n[seatrial.EvictionAccepted] < 6 {
					t.Errorf("seed %d: evictions %v, want at least 6 accepted and none forced", seed, n)
				}
			}
		})
	}
}

func TestWithoutABudgetASurgeDipsByTheDrainedNodesPodsAtMost(t *testing.T) {
	after := upgraded(t, "surge-no-pdb", 3)
	if least, waited := after.fewest(t), after.unschedulable(t); least != 4 || waited != 0 {
		t.Errorf("%d healthy pods and %s unschedulable, want 4 of 6 and none", least, waited)
	}
}

func TestOnAFullPoolRecreatingLeavesPodsUnschedulable(t *testing.T) {
	full := upgraded(t, "recreate", 3)
	roomy := upgraded(t, "recreate-roomy-no-pdb", 3)
	// Two pods a node wait for about as long as a node takes, 30 s.
	if waited := full.unschedulable(t); waited < 3*2*25*time.Second {
		t.Errorf("full: pods were unschedulable for %s in all", waited)
	}
	if waited := roomy.unschedulable(t); waited != 0 {
		t.Errorf("roomy: pods were unschedulable for %s in all", waited)
	}
}

func TestABudgetBlocksTheDrainToItsLimitAndIsThenOverruled(t *testing.T) {
	after := upgraded(t, "unavailable-one", 3)
	n := after.evictions(t)
	if n[seatrial.EvictionForced] == 0 || n[seatrial.EvictionRefused] == 0 {
		t.Fatalf("evictions %v, want some refused, then forced", n)
	}
	var refused time.Duration
	for _, l := range after.lines {
		if l.Kind != seatrial.KindEviction {
			continue
		}
		switch outcomeOf(t, l) {
		case seatrial.EvictionRefused:
			if refused == 0 {
				refused = l.At
			}
		case seatrial.EvictionForced:
			if waited := l.At - refused; waited < 39*time.Second || waited > 45*time.Second || !strings.Contains(l.Message, "by force after 40s") {
				t.Errorf("forced after %s: %s", waited, l.Message)
			}
			return
		}
	}
}

// cutter cancels a trial when so many events about nodes have been written.
type cutter struct {
	left   int
	cancel context.CancelFunc
}

func (c *cutter) Write(text []byte) (int, error) {
	c.left -= bytes.Count(text, []byte(`"kind":"node"`))
	if c.left <= 0 {
		c.cancel()
	}
	return len(text), nil
}

func TestAnUpgradeThatIsInterruptedAnywhereLeavesThePoolWhole(t *testing.T) {
	stride := 1
	if raceDetector {
		stride = 7
	}
	for _, variant := range []string{"surge", "surge-two", "recreate", "blue-green"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			cut := 0
			for cutAt(t, variant, 1+cut*stride) {
				cut++
			}
			if cut*stride < 9 { // three nodes join, are cordoned, and leave
				t.Errorf("it was interrupted at %d points only", cut)
			}
		})
	}
}

// cutAt interrupts an upgrade when so many events about nodes have been written,
// and is false where there are not as many.
func cutAt(t *testing.T, variant string, events int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	after := afterTrial(ctx, t, surgeUpgrade, variant, 3, &cutter{events, cancel})
	if ctx.Err() == nil {
		return false
	}
	if after.err != nil && !errors.Is(after.err, context.Canceled) {
		t.Errorf("cut at event %d: %v", events, after.err)
	}
	if err := after.whole(); err != nil {
		t.Errorf("cut at event %d: %v", events, err)
	}
	return true
}

// pooled is a scenario of one fault on a roomy pool.
func pooled(t *testing.T, fault string) string {
	t.Helper()
	return folderOf(t, `apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: pooled}
spec:
  workload: {manifests: [shop.yaml]}
  loads:
  - {name: browse, target: "http://shop.default.svc.cluster.local/", rate: 10/s, users: 10}
  timeline: {warmup: 5s, trial: 150s}
  steadyState: {availability: 90%}
  slo: {availability: 50%}
  faults:
  - `+fault+"\n")
}

func TestAPoolThatIsScaledInHasItsNodesBackAfterwards(t *testing.T) {
	after := afterTrial(t.Context(), t, pooled(t, "{name: in, at: 5s, for: 60s, scaleIn: {nodes: {count: 2}, force: 50s}}"), "default", 3, nil)
	if err := errors.Join(after.err, after.whole()); err != nil {
		t.Error(err)
	}
	var removed, joined []time.Duration
	for _, l := range after.lines {
		if l.Kind == seatrial.KindNode && strings.Contains(l.Message, "removed") {
			removed = append(removed, l.At)
		}
		if l.Kind == seatrial.KindNode && strings.Contains(l.Message, "joined") {
			joined = append(joined, l.At)
		}
	}
	if len(removed) != 2 || len(joined) != 2 || removed[1] > joined[0] || joined[0] < 65*time.Second {
		t.Errorf("removed at %v, back at %v; want two, and back after the span", removed, joined)
	}
	if w := after.workers(); !slices.Equal(w, []string{"worker", "worker2", "worker3"}) {
		t.Errorf("workers %v", w)
	}
	if n := after.evictions(t); n[seatrial.EvictionAccepted] < 4 {
		t.Errorf("evictions %v, want those of two nodes' pods", n)
	}
}

func TestASkewLeavesAllPodsOnOneNodeAndEveryNodeSchedulable(t *testing.T) {
	for rounds, want := range map[int]int{0: 1, 1: 2, 2: 1} {
		after := afterTrial(t.Context(), t, pooled(t, fmt.Sprintf("{name: pile, at: 5s, skew: {workload: deployment/shop, rounds: %d}}", rounds)), "default", 3, nil)
		if err := errors.Join(after.err, after.whole()); err != nil {
			t.Errorf("%d rounds: %v", rounds, err)
		}
		on := map[string]int{}
		for _, p := range after.pods {
			on[p.Node]++
		}
		if len(on) != want {
			t.Errorf("%d rounds: pods by node %v, want them on %d", rounds, on, want)
		}
	}
}

func TestASkewThatLeavesNoNodeIsRefused(t *testing.T) {
	var known *seatrial.Error
	after := afterTrial(t.Context(), t, pooled(t, "{name: pile, at: 5s, skew: {workload: deployment/shop, rounds: 3}}"), "default", 3, nil)
	if !errors.As(after.err, &known) || known.Class != seatrial.BadInput || !strings.Contains(after.err.Error(), "3 rounds cordon as many nodes, of 3") {
		t.Errorf("got %v", after.err)
	}
}

func TestAnUpgradeBeyondItsWindowStopsWithAWordAndAWholePool(t *testing.T) {
	after := afterTrial(t.Context(), t, pooled(t, "{name: up, at: 5s, for: 60s, nodeUpgrade: {provision: 30s}}"), "default", 3, nil)
	if err := errors.Join(after.err, after.whole()); err != nil {
		t.Error(err)
	}
	took, said := after.took(t)
	if took != time.Minute || !strings.Contains(said, "1 of 3 nodes were upgraded within 1m0s, which is all that the window allows") {
		t.Errorf("%s: %s", took, said)
	}
}

func TestANodeThatFailsDuringItsUpgradeIsReplacedAllTheSame(t *testing.T) {
	text := pooled(t, `{name: up, at: 5s, for: 140s, nodeUpgrade: {provision: 10s, force: 20s}}
  - {name: lost, at: 10s, for: 120s, nodeNotReady: {cause: power, nodes: {names: [worker3]}}}`)
	after := afterTrial(t.Context(), t, text, "default", 3, nil)
	if err := errors.Join(after.err, after.whole()); err != nil {
		t.Error(err)
	}
	if _, said := after.took(t); !strings.HasPrefix(said, "3 of 3 nodes were upgraded") {
		t.Error(said)
	}
	if !slices.ContainsFunc(after.lines, func(l journal.Line) bool {
		return l.Kind == seatrial.KindMessage && l.Subject == "worker3" && strings.Contains(l.Message, "the drain is given up after 20s; pods are left")
	}) {
		t.Error("the journal does not say that the drain of the lost node was given up")
	}
}
