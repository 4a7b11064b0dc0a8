package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// templateOf decodes a pod's spec; labels are "app" and its value.
func templateOf(t *testing.T, w *World, app, spec string) *Template {
	t.Helper()
	var s corev1.PodSpec
	if err := yaml.UnmarshalStrict([]byte(spec), &s); err != nil {
		t.Fatal(err)
	}
	own, err := w.template("default", &metav1.ObjectMeta{Labels: map[string]string{"app": app}}, &s)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// put binds so many pods of a template to a node, past the scheduler.
func put(w *World, own *Template, node string, many int) {
	for range many {
		w.create(nil, own, fmt.Sprintf("put-%d", w.serial)).bind(w.Node(node))
	}
}

// workers are three workers, and not the control plane and the agents' node.
func workers(w *World) []*Node {
	return slices.DeleteFunc(slices.Clone(w.Nodes), func(n *Node) bool { return n.ControlPlane || n.Agents })
}

const plain = `{containers: [{name: app}]}`

func asking(cpu, memory string) string {
	return fmt.Sprintf(`{containers: [{name: app, resources: {requests: {cpu: %s, memory: %s}}}]}`, cpu, memory)
}

// filtered is what the filters say of a pod "shop" and the first of two workers.
type filtered struct {
	name, spec string
	prepare    func(w *World, n *Node)
	want       string
}

func filter(t *testing.T, cases []filtered) {
	t.Helper()
	for _, c := range cases {
		w := newWorld(t, Config{Workers: 2, Seed: 1})
		n := w.Node("worker")
		c.prepare(w, n)
		if got := w.scheduler.constraints(templateOf(t, w, "shop", c.spec)).refuses(n); got != c.want {
			t.Errorf("%s: refused with %q, want %q", c.name, got, c.want)
		}
	}
}

// The reasons are those of the plugins in pkg/scheduler/framework/plugins:
// nodeunschedulable, tainttoleration, nodeaffinity, noderesources/fit.go.
func TestNodesAreRefusedWithTheReasonOfTheirFilter(t *testing.T) {
	filter(t, []filtered{
		{"nothing", plain, func(*World, *Node) {}, ""},
		{"cordoned", plain, func(_ *World, n *Node) { n.Cordon(true) }, "node(s) were unschedulable"},
		{"cordon tolerated", `{tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}], containers: [{name: app}]}`,
			func(_ *World, n *Node) { n.Cordon(true) }, ""},
		{"taint", plain, func(_ *World, n *Node) { n.taint("k", corev1.TaintEffectNoSchedule) }, "node(s) had untolerated taint(s)"},
		{"taint NoExecute", plain, func(_ *World, n *Node) { n.taint("k", corev1.TaintEffectNoExecute) }, "node(s) had untolerated taint(s)"},
		{"taint PreferNoSchedule", plain, func(_ *World, n *Node) { n.taint("k", corev1.TaintEffectPreferNoSchedule) }, ""},
		{"taint tolerated", `{tolerations: [{key: k, effect: NoSchedule}], containers: [{name: app}]}`,
			func(_ *World, n *Node) { n.taint("k", corev1.TaintEffectNoSchedule) }, ""},
		{"selector", `{nodeSelector: {disk: ssd}, containers: [{name: app}]}`, func(*World, *Node) {}, "node(s) didn't match Pod's node affinity/selector"},
		{"selector matches", `{nodeSelector: {disk: ssd}, containers: [{name: app}]}`, func(_ *World, n *Node) { n.Labels["disk"] = "ssd" }, ""},
		{"affinity", `{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [worker]}]}]}}}, containers: [{name: app}]}`,
			func(*World, *Node) {}, "node(s) didn't match Pod's node affinity/selector"},
		{"too many", plain, func(_ *World, n *Node) { n.limit = 0 }, "Too many pods"},
		{"CPU", asking("4001m", "1Gi"), func(*World, *Node) {}, "Insufficient cpu"},
		{"CPU fits", asking("4000m", "16Gi"), func(*World, *Node) {}, ""},
		{"CPU taken", asking("2", "1Gi"), func(w *World, n *Node) { put(w, templateOf(t, w, "db", asking("2001m", "1Gi")), n.Name, 1) }, "Insufficient cpu"},
		{"memory", asking("1", "17Gi"), func(*World, *Node) {}, "Insufficient memory"},
		{"no request always fits", plain, func(w *World, n *Node) { put(w, templateOf(t, w, "db", asking("4", "16Gi")), n.Name, 1) }, ""},
	})
}

// podtopologyspread/plugin.go and interpodaffinity/filtering.go.
func TestTopologiesAreRefusedWithTheReasonOfTheirFilter(t *testing.T) {
	const (
		shop       = `labelSelector: {matchLabels: {app: shop}}, topologyKey: `
		host, zone = corev1.LabelHostname, "zone"
	)
	filter(t, []filtered{
		{"skew", `{topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, ` + shop + host + `}], containers: [{name: app}]}`,
			func(w *World, n *Node) { put(w, templateOf(t, w, "shop", plain), n.Name, 1) }, "node(s) didn't match pod topology spread constraints"},
		{"skew key", `{topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, ` + shop + zone + `}], containers: [{name: app}]}`,
			func(*World, *Node) {}, "node(s) didn't match pod topology spread constraints (missing required label)"},
		{"soft skew", `{topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: ScheduleAnyway, ` + shop + host + `}], containers: [{name: app}]}`,
			func(w *World, n *Node) { put(w, templateOf(t, w, "shop", plain), n.Name, 1) }, ""},
		{"near", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: db}}, topologyKey: ` + host + `}]}}, containers: [{name: app}]}`,
			func(w *World, n *Node) { put(w, templateOf(t, w, "db", plain), "worker2", 1) }, "node(s) didn't match pod affinity rules"},
		{"near and there", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: db}}, topologyKey: ` + host + `}]}}, containers: [{name: app}]}`,
			func(w *World, n *Node) { put(w, templateOf(t, w, "db", plain), n.Name, 1) }, ""},
		{"near itself", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{` + shop + host + `}]}}, containers: [{name: app}]}`,
			func(*World, *Node) {}, ""}, // the first of its group
		{"near two at once", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{` + shop + host + `}, {labelSelector: {matchLabels: {app: db}}, topologyKey: ` + host + `}]}}, containers: [{name: app}]}`,
			func(w *World, n *Node) {
				put(w, templateOf(t, w, "db", plain), n.Name, 1) // matches one term, so none
				put(w, templateOf(t, w, "shop", plain), n.Name, 1)
			}, "node(s) didn't match pod affinity rules"},
		{"away", `{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: db}}, topologyKey: ` + host + `}]}}, containers: [{name: app}]}`,
			func(w *World, n *Node) { put(w, templateOf(t, w, "db", plain), n.Name, 1) }, "node(s) didn't match pod anti-affinity rules"},
		{"away from one that terminates", `{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: db}}, topologyKey: ` + host + `}]}}, containers: [{name: app}]}`,
			func(w *World, n *Node) {
				put(w, templateOf(t, w, "db", plain), n.Name, 1)
				n.pods[0].Delete(-1)
			}, "node(s) didn't match pod anti-affinity rules"},
		{"kept away", plain, func(w *World, n *Node) {
			put(w, templateOf(t, w, "db", `{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{`+shop+host+`}]}}, containers: [{name: app}]}`), n.Name, 1)
		}, "node(s) didn't satisfy existing pods anti-affinity rules"},
	})
}

// podtopologyspread/filtering.go. A tainted control plane is an empty domain
// unless nodeTaintsPolicy is Honor (kubernetes#116118).
func TestSkewCountsTheNodesThatThePolicyLetsIn(t *testing.T) {
	constraint := func(more string) string {
		return `{topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shop}}` + prefix(more) + `}], containers: [{name: app}]}`
	}
	for _, c := range []struct {
		name, more string
		cordoned   bool
		want       int // of six pods that are scheduled
	}{
		{"the control plane is a domain", "", false, 3},
		{"it is not", "nodeTaintsPolicy: Honor", false, 6},
		{"nor is a cordoned node", "nodeTaintsPolicy: Honor", true, 6},
		{"fewer domains than minDomains", "nodeTaintsPolicy: Honor, minDomains: 4", false, 3},
		{"as many", "nodeTaintsPolicy: Honor, minDomains: 3", false, 6},
	} {
		w := newWorld(t, Config{Workers: 3, Seed: 1})
		if c.cordoned {
			w.Node("worker3").Cordon(true)
		}
		give(t, w, deploy("shop", 6, "", constraint(c.more)))
		sleep(t, w, time.Minute)
		placed := 0
		for node, n := range perNode(w) {
			if node != "" {
				placed += n
			}
		}
		if placed != c.want {
			t.Errorf("%s: %d pods are scheduled, want %d: %v", c.name, placed, c.want, perNode(w))
		}
	}
}

// common.go: filterTopologySpreadConstraints. Each revision spreads by itself.
func TestMatchLabelKeysLetEachRevisionSpreadByItself(t *testing.T) {
	spec := func(flags string) string {
		return `{topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, topologyKey: kubernetes.io/hostname, nodeTaintsPolicy: Honor,
			matchLabelKeys: [pod-template-hash, no-such-label], labelSelector: {matchLabels: {app: shop}}}],
			containers: [{name: app, command: [/seatrial-agent, app], args: [` + flags + `]}]}`
	}
	for seed := range 20 {
		w := newWorld(t, Config{Workers: 3, Seed: virtual.Seed(seed)})
		give(t, w, deploy("shop", 3, "", spec("--seed=1")))
		settle(t, w)
		give(t, w, deploy("shop", 3, "", spec("--seed=2")))
		settle(t, w)
		if count := perNode(w); len(count) != 3 {
			t.Errorf("seed %d: pods by node %v", seed, count)
		}
	}
}

func TestAnUnschedulablePodIsPlacedOnceThereIsRoom(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, barePod("first", "app: db", asking("3", "1Gi")))
	until(t, w, "the first", func() bool { return w.Pod("default", "first").Ready })
	give(t, w, barePod("second", "app: shop", asking("3", "1Gi")))
	sleep(t, w, time.Minute)
	second := w.Pod("default", "second")
	_, why := w.scheduler.choose(second)
	if want := "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)."; second.Node != nil || why != want {
		t.Errorf("on %q: %s, want %s", second.nodeName(), why, want)
	}
	w.Pod("default", "first").Delete(-1)
	until(t, w, "room", func() bool { return second.Node != nil })
	if w.Pod("default", "first") != nil {
		t.Error("a pod that terminates takes its room until it is gone")
	}
	give(t, w, barePod("third", "app: shop", `{nodeSelector: {kubernetes.io/hostname: worker}, containers: [{name: app}]}`))
	w.Node("worker").Cordon(true)
	sleep(t, w, time.Minute)
	third := w.Pod("default", "third")
	if third.Node != nil {
		t.Fatal("placed on a cordoned node")
	}
	w.Node("worker").Cordon(false)
	until(t, w, "the third", func() bool { return third.Node != nil })
}

// interpodaffinity: the replacement waits for its predecessor's object to go.
func TestARequiredAntiAffinityWaitsForAPodThatTerminates(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, deploy("shop", 2, "", `{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: shop}}, topologyKey: kubernetes.io/hostname}]}},
		containers: [{name: app, command: [/seatrial-agent, app], args: [--drain-time=20s]}]}`))
	settle(t, w)
	if count := perNode(w); count["worker"] != 1 || count["worker2"] != 1 {
		t.Fatalf("pods by node %v", count)
	}
	old := w.Pods("default", everything)[0]
	old.Delete(-1)
	sleep(t, w, 19*time.Second)
	if n := perNode(w)[""]; n != 1 {
		t.Errorf("%d pods wait, want 1", n)
	}
	settle(t, w)
	if !old.Gone {
		t.Error("the old one is still there")
	}
}

// A pod that must be near another is placed when that comes.
func TestAPodThatMustBeNearAnotherWaitsForIt(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, deploy("web", 2, "", `{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: cache}}, topologyKey: kubernetes.io/hostname}]}}, containers: [{name: app}]}`))
	sleep(t, w, time.Minute)
	if n := perNode(w)[""]; n != 2 {
		t.Fatalf("%d pods wait, want 2", n)
	}
	give(t, w, deploy("cache", 1, "", plain))
	settle(t, w)
	if count := perNode(w); len(count) != 1 {
		t.Errorf("pods by node %v", count)
	}
}

// pkg/scheduler/schedule_one.go: numFeasibleNodesToFind.
func TestOfALargeClusterOnlySomeNodesAreLookedAt(t *testing.T) {
	for all, want := range map[int]int{5: 5, 99: 99, 100: 100, 200: 100, 500: 230, 1000: 420, 5000: 500, 6000: 300} {
		if got := enoughNodes(all); got != want {
			t.Errorf("of %d nodes %d are enough, want %d", all, got, want)
		}
	}
	w := newWorld(t, Config{Workers: 298, Seed: 1}) // 300 nodes: 48 % are 144
	give(t, w, barePod("one", "app: shop", plain))
	until(t, w, "the pod", func() bool { return only(t, w).Node != nil })
	if len(w.scheduler.feasible) != 144 || w.scheduler.start < 144 || w.scheduler.start > 146 {
		t.Errorf("%d feasible, the next begins at %d", len(w.scheduler.feasible), w.scheduler.start)
	}
}

// Ties are drawn evenly, and a Deployment spreads by default.
func TestTiesAreDrawnAndReplicasSpread(t *testing.T) {
	first := map[string]int{}
	for seed := range 150 {
		w := newWorld(t, Config{Workers: 3, Seed: virtual.Seed(seed)})
		give(t, w, deploy("shop", 3, "", plain))
		until(t, w, "the pods", func() bool { return perNode(w)[""] == 0 && len(w.pods) == 3 })
		if count := perNode(w); len(count) != 3 {
			t.Errorf("seed %d: pods by node %v", seed, count)
		}
		for _, p := range w.pods {
			if p.serial == 1 {
				first[p.nodeName()]++
			}
		}
	}
	for node, n := range first {
		if n < 30 || n > 70 {
			t.Errorf("the first pod went to %s %d times of 150", node, n)
		}
	}
}
