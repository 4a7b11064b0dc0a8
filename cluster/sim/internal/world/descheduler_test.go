package world

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// descheduled lets the descheduler run and says which pods it evicted, in order,
// and how often it was refused.
func descheduled(w *World, a seatrial.Deschedule) (evicted []*Pod, refused int) {
	a.Run = "test"
	w.Deschedule(a, func(p *Pod) error {
		err := w.Evict(p)
		if err == nil {
			evicted = append(evicted, p)
		} else {
			refused++
		}
		return err
	})
	return evicted, refused
}

// piled is a cluster of three workers in which everything was made while two of
// them were cordoned.
func piled(t *testing.T, c Config, manifests ...string) *World {
	t.Helper()
	c.Workers, c.Seed = 3, 1
	w := newWorld(t, c)
	for _, name := range []string{"worker2", "worker3"} {
		w.Node(name).Cordon(true)
	}
	give(t, w, manifests...)
	settle(t, w)
	for _, name := range []string{"worker2", "worker3"} {
		w.Node(name).Cordon(false)
	}
	return w
}

// with is the sample application's pod with further fields of its spec.
func with(fields string) string { return strings.Replace(appPod("", ""), "{", "{"+fields+", ", 1) }

const requests100m = `resources: {requests: {cpu: 100m, memory: 64Mi}}`

func TestRemoveDuplicatesLeavesNoNodeMoreThanTheAverageRoundedUp(t *testing.T) {
	duplicates := seatrial.Deschedule{RemoveDuplicates: true}
	for _, c := range []struct {
		what     string
		replicas int
		pod      string
		want     int
	}{
		{"two of six stay", 6, appPod("", ""), 4},
		{"three of seven stay", 7, appPod("", ""), 4},
		{"one of two stays", 2, appPod("", ""), 1},
		{"one is no duplicate", 1, appPod("", ""), 0},
		{"with one node to be on, all stay", 6, with(`nodeSelector: {kubernetes.io/hostname: worker}`), 0},
		{"the control plane counts for those that may be there", 8,
			with(`tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}], nodeSelector: {seatrial: workers}`), 6},
	} {
		w := newWorld(t, Config{Workers: 3, Seed: 1})
		for _, n := range w.Nodes {
			n.Labels["seatrial"] = "workers"
			n.Cordon(n.Name != "worker")
		}
		give(t, w, deploy("shop", c.replicas, "", c.pod))
		until(t, w, "the shop", func() bool { return perNode(w)["worker"] == c.replicas })
		for _, n := range w.Nodes {
			n.Cordon(false)
		}
		evicted, _ := descheduled(w, duplicates)
		if len(evicted) != c.want {
			t.Errorf("%s: %d evicted, want %d", c.what, len(evicted), c.want)
		}
		settle(t, w)
		if again, _ := descheduled(w, duplicates); c.want > 0 && len(again) >= len(evicted) {
			t.Errorf("%s: a second run evicts %d more: %v", c.what, len(again), perNode(w))
		}
	}
}

func TestPodsOfOtherOwnersAndImagesAreNoDuplicates(t *testing.T) {
	w := piled(t, Config{}, deploy("shop", 1, "", appPod("", "")), deploy("cart", 1, "", appPod("", "")))
	if evicted, _ := descheduled(w, seatrial.Deschedule{RemoveDuplicates: true}); len(evicted) != 0 {
		t.Errorf("%d evicted, and there is one pod of each", len(evicted))
	}
}

func TestACordonedNodeIsNowhereToGo(t *testing.T) {
	w := piled(t, Config{}, deploy("shop", 6, "", appPod("", "")))
	for _, name := range []string{"worker2", "worker3"} {
		w.Node(name).Cordon(true)
	}
	if evicted, _ := descheduled(w, seatrial.Deschedule{RemoveDuplicates: true}); len(evicted) != 0 {
		t.Errorf("%d evicted, and no other node takes them", len(evicted))
	}
}

func TestTheDefaultEvictorProtectsWhatItDoes(t *testing.T) {
	annotated := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 6, selector: {matchLabels: {app: shop}},
template: {metadata: {labels: {app: shop}, annotations: {descheduler.alpha.kubernetes.io/evict: ""}}, spec: %s}}}`
	local := with(`volumes: [{name: cache, emptyDir: {}}]`)
	for what, c := range map[string]struct {
		manifests []string
		want      int
	}{
		"nothing":                        {[]string{deploy("shop", 6, "", appPod("", ""))}, 4},
		"pods without an owner":          {[]string{barePod("a", "app: shop", appPod("", "")), barePod("b", "app: shop", appPod("", ""))}, 0},
		"pods with local storage":        {[]string{deploy("shop", 6, "", local)}, 0},
		"critical pods":                  {[]string{deploy("shop", 6, "", with(`priorityClassName: system-cluster-critical`))}, 0},
		"no local storage, if annotated": {[]string{fmt.Sprintf(annotated, local)}, 4},
	} {
		w := piled(t, Config{}, c.manifests...)
		if evicted, _ := descheduled(w, seatrial.Deschedule{RemoveDuplicates: true}); len(evicted) != c.want {
			t.Errorf("%s: %d evicted, want %d", what, len(evicted), c.want)
		}
	}
}

func TestABudgetRefusesTheDeschedulerWhichDoesNotAskAgain(t *testing.T) {
	w := piled(t, Config{}, deploy("shop", 6, "", appPod("", "")), budget("shop", "maxUnavailable: 1"))
	if evicted, refused := descheduled(w, seatrial.Deschedule{RemoveDuplicates: true}); len(evicted) != 1 || refused != 3 {
		t.Errorf("%d evicted and %d refused, want 1 and 3 of the 4 that were to go", len(evicted), refused)
	}
}

// The figures are those of balanceDomains, worked out by hand.
func TestTopologySpreadEnforcesWhatPodsStateAndNothingElse(t *testing.T) {
	both := seatrial.TopologySpread{DoNotSchedule: true, ScheduleAnyway: true}
	hard, soft := seatrial.TopologySpread{DoNotSchedule: true}, seatrial.TopologySpread{ScheduleAnyway: true}
	stated := func(more string) string {
		return with(`topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: shop}}` + more + `}]`)
	}
	for _, c := range []struct {
		what string
		pod  string
		run  seatrial.TopologySpread
		want int
	}{
		{"the scheduler's own defaults", appPod("", ""), both, 0},
		{"a soft constraint, and only hard ones asked for", stated(""), hard, 0},
		// The tainted control plane is an empty domain, too: two would go there.
		{"a soft constraint", stated(""), soft, 5},
		{"a soft constraint that honors taints", stated(", nodeTaintsPolicy: Honor"), soft, 4},
		{"the same, and both asked for", stated(", nodeTaintsPolicy: Honor"), both, 4},
	} {
		w := piled(t, Config{}, deploy("shop", 6, "", c.pod))
		if evicted, _ := descheduled(w, seatrial.Deschedule{TopologySpread: c.run}); len(evicted) != c.want {
			t.Errorf("%s: %d evicted, want %d", c.what, len(evicted), c.want)
		}
	}
}

func TestAHardConstraintIsEnforcedWhenADomainComes(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	w.Node("worker").Labels["zone"] = "a"
	give(t, w, deploy("shop", 4, "", with(`topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: shop}}}]`)))
	settle(t, w)
	for _, name := range []string{"worker2", "worker3"} {
		w.Node(name).Labels["zone"] = "b"
	}
	if evicted, _ := descheduled(w, seatrial.Deschedule{TopologySpread: seatrial.TopologySpread{DoNotSchedule: true}}); len(evicted) != 2 {
		t.Errorf("%d evicted, want 2 of the 4 in zone a", len(evicted))
	}
}

func TestLowNodeUtilizationTakesPodsUntilTheTargetIsMet(t *testing.T) {
	shares := func(low, target float64) seatrial.LowNodeUtilization {
		return seatrial.LowNodeUtilization{Thresholds: seatrial.Utilization{CPU: low, Memory: 100, Pods: 100},
			Targets: seatrial.Utilization{CPU: target, Memory: 100, Pods: 100}}
	}
	for _, c := range []struct {
		what     string
		cordoned []string
		shares   seatrial.LowNodeUtilization
		want     int
	}{
		{"80 % down to 50 %", nil, shares(20, 50), 3},
		{"a node at the target is not above it", nil, shares(20, 80), 0},
		{"with nothing underutilized that is schedulable", []string{"worker2", "worker3", "control-plane"}, shares(20, 50), 0},
		// The control plane is below its threshold, and they do not tolerate it.
		{"with nowhere to go", []string{"worker2", "worker3"}, shares(20, 50), 0},
		{"until the room on two empty nodes, of 150m each, is used up", []string{"control-plane"}, shares(0, 15), 3},
	} {
		w := piled(t, Config{CPU: 1000, Memory: 4 << 30}, deploy("shop", 8, "", appPod("", requests100m)))
		for _, name := range c.cordoned {
			w.Node(name).Cordon(true)
		}
		if evicted, _ := descheduled(w, seatrial.Deschedule{LowNodeUtilization: c.shares}); len(evicted) != c.want {
			t.Errorf("%s: %d evicted, want %d", c.what, len(evicted), c.want)
		}
	}
}

func TestLowNodeUtilizationEvictsBestEffortFirst(t *testing.T) {
	w := piled(t, Config{CPU: 1000, Memory: 4 << 30}, deploy("shop", 7, "", appPod("", requests100m)), deploy("best", 2, "", appPod("", "")))
	evicted, _ := descheduled(w, seatrial.Deschedule{LowNodeUtilization: seatrial.LowNodeUtilization{
		Thresholds: seatrial.Utilization{CPU: 20, Memory: 20, Pods: 20}, Targets: seatrial.Utilization{CPU: 50, Memory: 50, Pods: 50}}})
	var names []string
	for _, p := range evicted {
		names = append(names, p.Template.Labels["app"])
	}
	if got := strings.Join(names, " "); got != "best best shop shop" {
		t.Errorf("evicted %s; those without requests go first, and do not help", got)
	}
}

func TestPodLifeTimeEvictsTheOldestFirst(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	for _, name := range []string{"old", "later", "young"} {
		give(t, w, deploy(name, 2, "", appPod("", "")))
		settle(t, w)
		sleep(t, w, 10*time.Minute)
	}
	evicted, _ := descheduled(w, seatrial.Deschedule{PodLifeTime: 15 * time.Minute})
	var names []string
	for _, p := range evicted {
		names = append(names, p.Template.Labels["app"])
	}
	if got := strings.Join(names, " "); got != "old old later later" {
		t.Errorf("evicted %s", got)
	}
}
