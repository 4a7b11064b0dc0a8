package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// twoWorkers is the shape of these tests' cluster: what one node loses, the
// other can take.
var twoWorkers = seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 2}}}

// whole is a workload that keeps one pod on each worker, with a budget that
// lets none of them go.
const whole = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: shop}}}
      containers: [{name: pause, image: "registry.k8s.io/pause:3.10"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 2, selector: {matchLabels: {app: shop}}}
`

// bench is a cluster with that workload, as every action has to leave it.
type bench struct {
	*Cluster
	site   *Site
	client kubernetes.Interface
	before map[string]string
}

func openBench(t *testing.T) *bench {
	t.Helper()
	return openBenchOf(t, twoWorkers)
}

func openBenchOf(t *testing.T, spec seatrial.Spec) *bench {
	t.Helper()
	s, err := Open(t.Context(), spec, onKind(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{Cluster: s.clusters[0], site: s}
	opened[b.name] = true
	config, err := restConfig(b.name, b.opts)
	if err != nil {
		t.Fatal(err)
	}
	if b.client, err = clientset(config); err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(t.Context(), []byte(whole)); err != nil {
		t.Fatal(err)
	}
	b.settle(t)
	b.before = b.state(t)
	return b
}

func (b *bench) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := b.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// state is everything that an action may change and its revert restores.
func (b *bench) state(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	containers, err := nodesOf(t.Context(), b.name)
	if err != nil {
		t.Fatal(err)
	}
	for name := range containers {
		s := b.deep(t, name)
		state[name+" daemons"] = strings.Join(s.Daemons, " ")
		state[name+" stopped"] = fmt.Sprint(len(s.Stopped), s.Freezer, s.Rules, s.Table, s.Cut, s.Quota, s.Covered, s.Hogs, s.OOM)
		out, err := docker(t.Context(), "exec", name, "systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend")
		if err != nil {
			t.Fatal(err)
		}
		var units []string
		for line := range strings.Lines(string(out)) {
			unit, _, _ := strings.Cut(line, " ")
			units = append(units, unit)
		}
		state[name+" units"] = strings.Join(units, " ")
	}
	b.objects(t, state)
	return state
}

// objects adds what the API server holds.
func (b *bench) objects(t *testing.T, state map[string]string) {
	t.Helper()
	nodes, err := b.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		var taints []string
		for _, taint := range n.Spec.Taints {
			taints = append(taints, taint.Key+":"+string(taint.Effect))
		}
		slices.Sort(taints)
		state[n.Name+" node"] = fmt.Sprint(isReady(n), n.Spec.Unschedulable, taints)
	}
	for _, namespace := range []string{"kube-system", "default"} {
		deployments, err := b.client.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deployments.Items {
			state[namespace+"/"+d.Name] = fmt.Sprint(*d.Spec.Replicas, d.Status.ReadyReplicas)
		}
	}
}

// unchanged waits until all is Ready and as before. It looks again for a while:
// what has restarted takes its time, and the API server its own to notice.
func (b *bench) unchanged(t *testing.T) {
	t.Helper()
	err := poll(soonEnough(t), func() error {
		b.settle(t)
		return differ(b.before, b.state(t))
	})
	if err != nil {
		t.Error(err)
	}
}

// differ says in what two states do.
func differ(before, now map[string]string) error {
	var errs []error
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if now[what] != before[what] {
			errs = append(errs, fmt.Errorf("%s: %q, and %q before", what, now[what], before[what]))
		}
	}
	if len(now) != len(before) {
		errs = append(errs, fmt.Errorf("there are %d things, and %d before", len(now), len(before)))
	}
	return errors.Join(errs...)
}

func (b *bench) deep(t *testing.T, node string) guardian.State {
	t.Helper()
	var s guardian.State
	n, err := b.node(t.Context(), node)
	if err == nil {
		err = b.link.ask(t.Context(), func(ctx context.Context, g *guardian.Client) (err error) {
			s, err = g.Deep(ctx, n)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pod is one with these labels, on a node where one is named.
func (b *bench) pod(t *testing.T, namespace, labels, node string) seatrial.Pod {
	t.Helper()
	pods, err := b.Pods(t.Context(), seatrial.Selector{Namespace: namespace, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if (node == "" || p.Node == node) && p.Ready && !p.Terminating {
			return p
		}
	}
	t.Fatalf("no pod %s on %s", labels, node)
	return seatrial.Pod{}
}

// does observes, acts and proves.
func (b *bench) does(t *testing.T, a seatrial.Action) seatrial.Prior {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	took := stopwatch(t)
	if err := b.Supports(a); err != nil {
		t.Fatal(err)
	}
	p, err := b.Observe(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	took("observe")
	if err := b.Act(ctx, a); err != nil {
		t.Error(err)
	}
	took("act")
	proof, err := b.Prove(ctx, a)
	took("prove")
	t.Logf("proof: %s %v", proof.Method, proof.Evidence)
	if err != nil {
		t.Error(err)
	}
	return p
}

// reverts twice: the second time nothing is left to do.
func (b *bench) reverts(t *testing.T, a seatrial.Action, p seatrial.Prior) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	took := stopwatch(t)
	for _, time := range []string{"revert", "revert again"} {
		if err := b.Revert(ctx, a, p); err != nil {
			t.Fatal(err)
		}
		took(time)
	}
}

const longEnough = 5 * time.Minute

func TestEveryPowerOverANodeIsProvenAndReverted(t *testing.T) {
	b := openBench(t)
	for _, a := range []seatrial.Action{
		seatrial.StopKubelet{Node: worker(b.Cluster), Expires: longEnough},
		seatrial.StopRuntime{Node: worker(b.Cluster), Expires: longEnough},
		seatrial.Partition{Node: worker(b.Cluster), Expires: longEnough},
		seatrial.PowerOff{Node: worker(b.Cluster), Expires: longEnough},
		seatrial.Throttle{Node: worker(b.Cluster), CPUs: 0.05, Expires: longEnough},
		seatrial.Cordon{Node: worker(b.Cluster)},
		seatrial.DNSDown{Expires: longEnough},
		// Last: for half a minute after them the controllers may be electing a
		// leader.
		seatrial.StopControlPlane{Expires: longEnough},
		seatrial.StopControlPlane{Hang: true, Expires: longEnough},
	} {
		name := a.Kind()
		if s, ok := a.(seatrial.StopControlPlane); ok && s.Hang {
			name += " that hangs"
		}
		t.Run(name, func(t *testing.T) {
			b.reverts(t, a, b.does(t, a))
			b.unchanged(t)
		})
	}
}

// What had no power has started anew, and is the same pod.
func TestAllThatRunsOnANodeWithoutPowerHasRestarted(t *testing.T) {
	b := openBench(t)
	pod := b.pod(t, "default", "app=shop", worker(b.Cluster))
	restarts := func() int32 {
		p, err := b.client.CoreV1().Pods(pod.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		if err != nil || string(p.UID) != pod.UID {
			t.Fatalf("pod %s is another one: %v", pod.Name, err)
		}
		return p.Status.ContainerStatuses[0].RestartCount
	}
	before := restarts()
	a := seatrial.PowerOff{Node: worker(b.Cluster), Expires: longEnough}
	b.reverts(t, a, b.does(t, a))
	if err := poll(soonEnough(t), func() error {
		if now := restarts(); now <= before {
			return fmt.Errorf("it has restarted %d times, and %d before", now, before)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	b.unchanged(t)
}

func soonEnough(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestAnEvictionRespectsABudgetUntilItIsForced(t *testing.T) {
	b := openBench(t)
	pod := b.pod(t, "default", "app=shop", worker(b.Cluster))
	never := seatrial.Evict{Namespace: pod.Namespace, Name: pod.Name}
	p, err := b.Observe(t.Context(), never)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	if err := b.Act(short, never); err == nil || !strings.Contains(err.Error(), "disruption budget") {
		t.Errorf("evicted against its budget: %v", err)
	}
	b.reverts(t, never, p)
	if now := b.pod(t, "default", "app=shop", worker(b.Cluster)); now.UID != pod.UID {
		t.Error("the pod is another one, though its eviction was refused")
	}
	forced := seatrial.Evict{Namespace: pod.Namespace, Name: pod.Name, Force: time.Second}
	b.reverts(t, forced, b.does(t, forced))
	b.unchanged(t)
}

func TestARestartIsRolledOut(t *testing.T) {
	b := openBench(t)
	pod := b.pod(t, "default", "app=shop", "")
	a := seatrial.Restart{Namespace: "default", Workload: "deployment/shop"}
	b.reverts(t, a, b.does(t, a))
	pods, err := b.Pods(t.Context(), seatrial.Selector{Namespace: "default", Labels: "app=shop"})
	if err != nil || slices.ContainsFunc(pods, func(p seatrial.Pod) bool { return p.UID == pod.UID }) {
		t.Errorf("a pod of the old revision is left: %v", err)
	}
	b.unchanged(t)
}

// The pod that is dead to its clients stays ready; deleting it cures.
func TestADNSPodIsDeadAndInRotationUntilItIsDeleted(t *testing.T) {
	b := openBench(t)
	pod := b.pod(t, "kube-system", "k8s-app=kube-dns", "")
	a := seatrial.DNSTerminated{Namespace: pod.Namespace, Pod: pod.Name, Expires: longEnough}
	b.reverts(t, a, b.does(t, a))
	b.unchanged(t)

	p := b.does(t, a)
	if now := b.pod(t, "kube-system", "k8s-app=kube-dns", pod.Node); !now.Ready {
		t.Error("it is not ready")
	}
	cure := seatrial.DeletePod{Namespace: pod.Namespace, Name: pod.Name}
	b.reverts(t, cure, b.does(t, cure))
	b.reverts(t, a, p)
	b.unchanged(t)
}

// Nobody is left to revert: the runner's connection is lost.
func TestEveryPowerEndsByItselfWhenItsTimeIsOver(t *testing.T) {
	b := openBench(t)
	const expires = 4 * time.Second
	pod := b.pod(t, "kube-system", "k8s-app=kube-dns", "")
	node := worker(b.Cluster)
	for _, a := range []seatrial.Action{
		seatrial.StopKubelet{Node: node, Expires: expires},
		seatrial.StopRuntime{Node: node, Expires: expires},
		seatrial.Partition{Node: node, Expires: expires},
		seatrial.DNSTerminated{Namespace: pod.Namespace, Pod: pod.Name, Expires: expires},
		seatrial.DNSDown{Expires: expires},
	} {
		if _, err := b.Observe(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := b.Act(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.link.close(); err != nil {
		t.Fatal(err)
	}
	if err := b.site.clock.Sleep(t.Context(), expires); err != nil {
		t.Fatal(err)
	}
	err := poll(soonEnough(t), func() error {
		s := b.deep(t, node)
		return errors.Join(absent(s, guardian.Prior{Daemons: nodeUnits}), leftovers(s, guardian.Prior{}))
	})
	if err != nil {
		t.Error(err)
	}
	b.unchanged(t)
}

// A runner died while the control plane was away: whoever comes later finds an
// API server that answers nobody.
func TestAControlPlaneThatADeadRunTookAwayIsHealed(t *testing.T) {
	b := openBench(t)
	for _, hang := range []bool{false, true} {
		t.Run(fmt.Sprintf("hang %v", hang), func(t *testing.T) {
			a := seatrial.StopControlPlane{Hang: hang, Expires: longEnough}
			p := b.does(t, a)
			later, err := Attach(t.Context(), b.name, b.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer later.Close()
			if err := later.Revert(soonEnough(t), a, p); err != nil {
				t.Error(err)
			}
			var was prior
			if err := json.Unmarshal(p, &was); err != nil || was.Found.Part != guardian.Units {
				t.Errorf("prior %s, %v", p, err)
			}
			b.unchanged(t)
		})
	}
}
