package world

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// noderesources/least_allocated.go: leastRequestedScore, on nodes of 4 CPUs and
// 16 GiB; containers without requests count as 100m and 200 MiB each.
func TestLeastAllocatedByHand(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	put(w, templateOf(t, w, "db", plain), "worker2", 1)
	for _, c := range []struct {
		spec, node string
		want       int64
	}{
		{asking("500m", "2Gi"), "worker", 87},                                                   // (3500/4000 -> 87 + 14/16 -> 87) / 2
		{asking("500m", "2Gi"), "worker2", 85},                                                  // (3400/4000 = 85 + 14136/16384 -> 86) / 2
		{plain, "worker", 97},                                                                   // (3900/4000 -> 97 + 16184/16384 -> 98) / 2
		{`{containers: [{name: a}, {name: b}]}`, "worker", 96},                                  // (3800/4000 = 95 + 15984/16384 -> 97) / 2
		{asking("5", "2Gi"), "worker", 43},                                                      // (0 + 87) / 2
		{`{containers: [{name: a, resources: {limits: {cpu: 2, memory: 8Gi}}}]}`, "worker", 50}, // limits are requests
	} {
		k := w.scheduler.constraints(templateOf(t, w, "shop", c.spec))
		if got := k.leastAllocated(w.Node(c.node)); got != c.want {
			t.Errorf("%s on %s: %d, want %d", c.spec, c.node, got, c.want)
		}
	}
}

// noderesources/balanced_allocation.go: balancedResourceScorer,
// 50 + (50 + with - without) / 2, each 100 less half the difference of shares.
func TestBalancedAllocationByHand(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	put(w, templateOf(t, w, "db", asking("0", "8Gi")), "worker2", 1)
	for _, c := range []struct {
		spec, node string
		want       int64
	}{
		{asking("1", "4Gi"), "worker", 75},  // 100 and 100
		{asking("2", "0"), "worker", 62},    // 75 and 100: 50 + 25/2
		{asking("2", "0"), "worker2", 87},   // 100 and 75: 50 + 75/2
		{asking("2", "8Gi"), "worker2", 75}, // shares 0.5 and 1: 75, and 75
		{plain, "worker2", 0},               // asks for nothing: skipped
	} {
		k := w.scheduler.constraints(templateOf(t, w, "shop", c.spec))
		if got := k.balanced(w.Node(c.node)); got != c.want {
			t.Errorf("%s on %s: %d, want %d", c.spec, c.node, got, c.want)
		}
	}
}

// podtopologyspread/scoring.go: count·ln(domains+2) + skew-1, rounded, then
// 100·(max+min-score)/max.
func TestSpreadScoresByHand(t *testing.T) {
	spread := func(constraints string) string {
		return `{topologySpreadConstraints: [` + constraints + `], containers: [{name: app}]}`
	}
	const soft = `{whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: shop}}, `
	for _, c := range []struct {
		name, spec string
		counts     [3]int // of pods of the same template
		zones      [3]string
		nodes      int // that are feasible; 0 means all three
		want       []int64
	}{
		// ln 5 = 1.609: 3.2, 1.6 and 0 are 3, 2 and 0.
		{"by host", spread(soft + `maxSkew: 1, topologyKey: kubernetes.io/hostname}`), [3]int{2, 1, 0}, [3]string{}, 0, []int64{0, 33, 100}},
		// 5.2, 3.6 and 2 are 5, 4 and 2: skew 3 waters it down.
		{"by default", plain, [3]int{2, 1, 0}, [3]string{}, 0, []int64{40, 60, 100}},
		{"empty", plain, [3]int{}, [3]string{}, 0, []int64{100, 100, 100}}, // all 2: 100·(2+2-2)/2
		{"empty, skew 1", spread(soft + `maxSkew: 1, topologyKey: kubernetes.io/hostname}`), [3]int{}, [3]string{}, 0, []int64{100, 100, 100}},
		// ln 4 = 1.386: 2.8 and 1.4 are 3 and 1.
		{"two feasible", spread(soft + `maxSkew: 1, topologyKey: kubernetes.io/hostname}`), [3]int{2, 1, 0}, [3]string{}, 2, []int64{33, 100}},
		// Zone a has 3, b none; ln 4: 4.2 and 0.
		{"by zone", spread(soft + `maxSkew: 1, topologyKey: zone}`), [3]int{2, 1, 0}, [3]string{"a", "a", "b"}, 0, []int64{0, 0, 100}},
		// One zone is feasible: ln 3 = 1.099, 3.3 is 3 on both.
		{"one feasible zone", spread(soft + `maxSkew: 1, topologyKey: zone}`), [3]int{2, 1, 0}, [3]string{"a", "a", "b"}, 2, []int64{100, 100}},
		// A node without the key scores nothing, and its pods do not count: 2 and 0.
		{"key missing", spread(soft + `maxSkew: 1, topologyKey: zone}`), [3]int{2, 1, 0}, [3]string{"a", "", "b"}, 0, []int64{0, 0, 100}},
		// ln 5·2 + ln 4·3 = 7.4, ln 5 + ln 4·3 = 5.8, 0: 7, 6, 0.
		{"both", spread(soft + `maxSkew: 1, topologyKey: kubernetes.io/hostname}, ` + soft + `maxSkew: 1, topologyKey: zone}`), [3]int{2, 1, 0}, [3]string{"a", "a", "b"}, 0, []int64{0, 14, 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 3, Seed: 1})
			nodes := workers(w)
			own := templateOf(t, w, "shop", c.spec)
			for i, n := range nodes {
				if c.zones[i] != "" {
					n.Labels["zone"] = c.zones[i]
				}
				put(w, own, n.Name, c.counts[i])
			}
			if c.nodes > 0 {
				nodes = nodes[:c.nodes]
			}
			if got := w.scheduler.constraints(own).bySpread(nodes); !slices.Equal(got, c.want) {
				t.Errorf("scores %v, want %v", got, c.want)
			}
		})
	}
}

// tainttoleration and nodeaffinity with helper.DefaultNormalizeScore, and
// interpodaffinity/scoring.go.
func TestPreferencesByHand(t *testing.T) {
	const host = "topologyKey: kubernetes.io/hostname"
	const shop = `{labelSelector: {matchLabels: {app: shop}}, ` + host + `}`
	shy := `{affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, podAffinityTerm: ` + shop + `}]}}, containers: [{name: app}]}`
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	nodes := workers(w)
	nodes[1].taint("a", corev1.TaintEffectPreferNoSchedule)
	nodes[2].taint("a", corev1.TaintEffectPreferNoSchedule)
	nodes[2].taint("b", corev1.TaintEffectPreferNoSchedule)
	nodes[0].Labels["disk"], nodes[1].Labels["arch"] = "ssd", "arm"
	check := func(what string, got []int64, want ...int64) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	of := func(app, spec string) *constraints { return w.scheduler.constraints(templateOf(t, w, app, spec)) }
	check("taints", of("shop", plain).byTaints(nodes), 100, 50, 0)
	check("tolerated taints", of("shop", `{tolerations: [{key: a, operator: Exists}], containers: [{name: app}]}`).byTaints(nodes), 100, 100, 0)
	check("node affinity", of("shop", `{affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
		{weight: 80, preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}},
		{weight: 20, preference: {matchExpressions: [{key: arch, operator: Exists}]}}]}}, containers: [{name: app}]}`).byAffinity(nodes), 100, 25, 0)

	own := templateOf(t, w, "shop", plain)
	put(w, own, nodes[0].Name, 2)
	put(w, own, nodes[1].Name, 1)
	check("away from others", of("web", shy).byPods(nodes), 0, 50, 100)
	// What others prefer counts as well, with no wish of one's own.
	put(w, templateOf(t, w, "web", shy), nodes[2].Name, 1)
	check("others prefer to be away", of("shop", plain).byPods(nodes), 100, 100, 0)
	put(w, templateOf(t, w, "db", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [`+shop+`]}}, containers: [{name: app}]}`), nodes[1].Name, 1)
	check("others require to be near, which weighs 1", of("shop", plain).byPods(nodes), 99, 100, 0)
}
