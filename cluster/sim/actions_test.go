package sim

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
)

func Example() {
	site, err := Open(seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 3}}}, 7)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer site.Close()
	cluster, err := site.Cluster("main")
	if err != nil {
		fmt.Println(err)
		return
	}
	nodes, err := cluster.Nodes(context.Background())
	for _, n := range nodes {
		fmt.Println(n.Name, n.Ready, n.Kubernetes)
	}
	fmt.Println(err)
	// Output:
	// agents true v1.37.1
	// control-plane true v1.37.1
	// worker true v1.37.1
	// worker2 true v1.37.1
	// worker3 true v1.37.1
	// <nil>
}

// keeper is a pod with a volume of its own.
const keeper = `---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  replicas: 1
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers:
      - name: store
        image: seatrial.dev/agent:dev
        command: [/seatrial-agent, app, --data=/data/file]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
`

// trying is a settled site of three workers with a shop of six pods, and a pod
// with a volume.
func trying(t *testing.T) *Site {
	t.Helper()
	s, err := Open(seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 3}}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.clusters[0].Apply(t.Context(), append(shops(1, 6), keeper...)); err != nil {
		t.Fatal(err)
	}
	if err := s.clusters[0].Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// state is everything that an action may change and its revert restores.
func (s *Site) state() string {
	var out strings.Builder
	w := s.clusters[0].world
	for _, n := range w.Nodes {
		fmt.Fprintln(&out, n.Name, n.Ready, n.Unschedulable, n.Taints, n.Frozen(), n.Silent(), n.Blind(), n.Headless(), n.Partitioned(), n.Off(), n.Throttled(), n.CNIBroken(), n.Hung(), n.Used(), n.Hogged(), unversioned(n.Labels))
	}
	pods := map[string]int{}
	for _, p := range w.Pods("", everything) {
		key := fmt.Sprint(p.Template.Labels["app"], p.Template.Labels["k8s-app"], p.Ready, p.Deleting, p.Hung(), p.Lost("data"), p.Without("data"))
		pods[key]++
	}
	fmt.Fprintln(&out, pods, w.Up())
	return out.String()
}

// unversioned is a node's labels but that of its version, which an upgrade is
// meant to change.
func unversioned(l labels.Set) labels.Set {
	l = maps.Clone(l)
	delete(l, seatrial.VersionLabel)
	return l
}

// actions are one of each, against what the site has.
func actions(s *Site) []seatrial.Action {
	const expires = time.Hour
	pod := s.clusters[0].world.Pods("default", everything)[0]
	dns := s.clusters[0].world.Pods(dnsNamespace, dnsPods)[0]
	node := pod.Node.Name
	return []seatrial.Action{
		seatrial.Freeze{Node: node, Mode: seatrial.Sigstop, Expires: expires},
		seatrial.Freeze{Node: node, Mode: seatrial.Cgroup, Expires: expires},
		seatrial.Freeze{Node: node, Mode: seatrial.Blackout, Expires: expires},
		seatrial.Throttle{Node: node, CPUs: 0.5, Expires: expires},
		seatrial.DeletePod{Namespace: pod.Namespace, Name: pod.Name},
		seatrial.StopKubelet{Node: node, Expires: expires},
		seatrial.StopRuntime{Node: node, Expires: expires},
		seatrial.Partition{Node: node, Expires: expires},
		seatrial.PowerOff{Node: node, Expires: expires},
		seatrial.StopControlPlane{Expires: expires},
		seatrial.Cordon{Node: node},
		seatrial.Evict{Namespace: pod.Namespace, Name: pod.Name},
		seatrial.Restart{Namespace: "default", Workload: "deployment/shop0"},
		seatrial.Deschedule{Run: "1", RemoveDuplicates: true, Expires: expires},
		seatrial.DNSDown{Expires: expires},
		seatrial.DNSTerminated{Namespace: dns.Namespace, Pod: dns.Name, Expires: expires},
		seatrial.BreakCNI{Node: node, Expires: expires},
		seatrial.LoseVolume{Namespace: "default", Pod: "store-0", Volume: "data", Expires: expires},
		seatrial.HogMemory{Node: node, Rate: 4 << 30, Expires: expires},
		seatrial.HogMemory{Node: node, Bytes: 1 << 30, Rate: 1 << 30, Expires: expires},
		seatrial.HogMemory{Node: node, Namespace: pod.Namespace, Pod: pod.Name, Rate: 4 << 30, Expires: expires},
		seatrial.HogCPU{Node: node, Threads: 8, Expires: expires},
		seatrial.HogCPU{Node: node, Namespace: pod.Namespace, Pod: pod.Name, Threads: 2, Expires: expires},
	}
}

func TestEveryActionIsProvenAndLeavesTheClusterAsItWas(t *testing.T) {
	for i, a := range actions(trying(t)) {
		t.Run(fmt.Sprint(i, "-", a.Kind()), func(t *testing.T) {
			s := trying(t)
			before := s.state()
			if err := s.clusters[0].Supports(a); err != nil {
				t.Fatal(err)
			}
			prior, err := s.clusters[0].Observe(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			unproven, cancel := s.clock.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if proof, err := s.clusters[0].Prove(unproven, a); err == nil {
				t.Errorf("it is proven before it was done: %+v", proof)
			}
			if err := s.clusters[0].Act(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			proving, cancel := s.clock.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			proof, err := s.clusters[0].Prove(proving, a)
			if err != nil || proof.Method == "" {
				t.Errorf("proof %+v, error %v", proof, err)
			}
			// Long enough for Kubernetes to react, and to evict.
			if err := s.clock.Sleep(t.Context(), 7*time.Minute); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a revert is idempotent
				if err := s.clusters[0].Revert(t.Context(), a, prior); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.clusters[0].Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.clock.Sleep(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
			if after := s.state(); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
		})
	}
}

func TestAnActionThatExpiresEndsByItself(t *testing.T) {
	for i, a := range actions(trying(t)) {
		short, expires := expiring(a)
		if !expires {
			continue
		}
		t.Run(fmt.Sprint(i, "-", a.Kind()), func(t *testing.T) {
			s := trying(t)
			before := s.state()
			if _, err := s.clusters[0].Observe(t.Context(), short); err != nil {
				t.Fatal(err)
			}
			if err := s.clusters[0].Act(t.Context(), short); err != nil {
				t.Fatal(err)
			}
			if err := s.clock.Sleep(t.Context(), 3*time.Minute); err != nil {
				t.Fatal(err)
			}
			if after := s.state(); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
		})
	}
}

func TestTheTimeOfAnEarlierActionDoesNotEndALaterOne(t *testing.T) {
	for i, a := range actions(trying(t)) {
		short, expires := expiring(a)
		if !expires {
			continue
		}
		t.Run(fmt.Sprint(i, "-", a.Kind()), func(t *testing.T) {
			s := trying(t)
			prior, err := s.clusters[0].Observe(t.Context(), short)
			for _, step := range []func() error{
				func() error { return s.clusters[0].Act(t.Context(), short) },
				func() error { return s.clusters[0].Revert(t.Context(), short, prior) },
				func() error { return s.clusters[0].Act(t.Context(), a) },
				func() error { return s.clock.Sleep(t.Context(), 20*time.Second) },
			} {
				if err == nil {
					err = step()
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			proving, cancel := s.clock.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := s.clusters[0].Prove(proving, a); err != nil {
				t.Errorf("20 s after it was done for an hour: %v", err)
			}
		})
	}
}

// expiring is the action with a short time.
func expiring(a seatrial.Action) (seatrial.Action, bool) {
	const soon = 10 * time.Second
	switch a := a.(type) {
	case seatrial.Freeze:
		a.Expires = soon
		return a, true
	case seatrial.Throttle:
		a.Expires = soon
		return a, true
	case seatrial.StopKubelet:
		a.Expires = soon
		return a, true
	case seatrial.StopRuntime:
		a.Expires = soon
		return a, true
	case seatrial.Partition:
		a.Expires = soon
		return a, true
	case seatrial.PowerOff:
		a.Expires = soon
		return a, true
	case seatrial.StopControlPlane:
		a.Expires = soon
		return a, true
	case seatrial.DNSDown:
		a.Expires = soon
		return a, true
	case seatrial.BreakCNI:
		a.Expires = soon
		return a, true
	case seatrial.LoseVolume:
		a.Expires = soon
		return a, true
	case seatrial.DNSTerminated:
		a.Expires = soon
		return a, true
	case seatrial.HogMemory:
		a.Expires = soon
		return a, true
	case seatrial.HogCPU:
		a.Expires = soon
		return a, true
	}
	return a, false
}

func TestWhatWasInForceBeforeStays(t *testing.T) {
	s := trying(t)
	node := s.clusters[0].world.Node("worker")
	node.Cordon(true)
	a := seatrial.Cordon{Node: "worker"}
	prior, err := s.clusters[0].Observe(t.Context(), a)
	if err == nil {
		err = s.clusters[0].Act(t.Context(), a)
	}
	if err == nil {
		err = s.clusters[0].Revert(t.Context(), a, prior)
	}
	if err != nil || !node.Unschedulable {
		t.Errorf("cordoned %v, error %v; want it to stay cordoned", node.Unschedulable, err)
	}
}

func TestALostNodeIsNotReadyAndItsPodsComeBackElsewhere(t *testing.T) {
	s := trying(t)
	node := s.clusters[0].world.Node("worker2")
	a := seatrial.PowerOff{Node: "worker2", Expires: time.Hour}
	if err := s.clusters[0].Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := s.clock.Sleep(t.Context(), time.Minute); err != nil || node.Ready != corev1.ConditionUnknown {
		t.Fatalf("after a minute it is %v, error %v", node.Ready, err)
	}
	// 300 s of toleration after the taint, and a start.
	if err := s.clock.Sleep(t.Context(), 6*time.Minute); err != nil {
		t.Fatal(err)
	}
	ready := 0
	for _, p := range s.clusters[0].world.Pods("default", everything) {
		if p.Template.Labels["app"] == "shop0" && p.Ready && p.Node != node {
			ready++
		}
	}
	if ready != 6 {
		t.Errorf("%d pods are ready elsewhere, want 6", ready)
	}
}

func TestTwoClustersAreToldApartAndHaveLuckOfTheirOwn(t *testing.T) {
	spec := seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "a", Workers: 2}, {Name: "b", Workers: 1}}}
	site, err := Open(spec, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	for name, want := range map[string]string{"": "a-agents a-control-plane a-worker a-worker2", "a": "a-agents a-control-plane a-worker a-worker2", "b": "b-agents b-control-plane b-worker"} {
		c, err := site.Cluster(name)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := c.Nodes(t.Context())
		var names []string
		for _, n := range nodes {
			names = append(names, n.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("cluster %q has nodes %s, %v; want %s", name, got, err, want)
		}
	}
	if _, err := site.Cluster("c"); err == nil {
		t.Error("there is a cluster that nobody asked for")
	}
	if site.clusters[0].world.Seed == site.clusters[1].world.Seed {
		t.Error("both clusters have the same seed")
	}
}
