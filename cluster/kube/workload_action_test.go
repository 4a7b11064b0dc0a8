package kube

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seatrial/seatrial"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"
)

func TestWhatNeedsAnEndByItselfIsNotForTheAPIAlone(t *testing.T) {
	c := &Cluster{}
	for _, a := range []seatrial.Action{
		seatrial.StopKubelet{Node: "w"}, seatrial.StopRuntime{Node: "w"}, seatrial.Partition{Node: "w"}, seatrial.PowerOff{Node: "w"},
		seatrial.StopControlPlane{}, seatrial.DNSDown{}, seatrial.DNSTerminated{},
		seatrial.Evict{Force: -time.Second}, seatrial.Restart{Workload: "shop"}, seatrial.Restart{Workload: "pod/shop"},
	} {
		var known *seatrial.Error
		if err := c.Supports(a); !errors.As(err, &known) || known.Class != seatrial.BadInput {
			t.Errorf("%s: %v", a.Kind(), err)
		}
	}
	for _, a := range []seatrial.Action{seatrial.Cordon{}, seatrial.Evict{}, seatrial.Restart{Workload: "deployment/shop"}} {
		if err := c.Supports(a); err != nil {
			t.Errorf("%s: %v", a.Kind(), err)
		}
	}
}

// prior observes a.
func prior(t *testing.T, c *Cluster, a seatrial.Action) seatrial.Prior {
	t.Helper()
	p, err := c.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lifecycle does what the node lifecycle controller does about cordons.
func (f fakes) lifecycle(t *testing.T, node string) {
	t.Helper()
	n, err := f.typed.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.Spec.Taints = nil
	if n.Spec.Unschedulable {
		n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}
	}
	if _, err := f.typed.CoreV1().Nodes().Update(t.Context(), n, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestACordonIsProvenByItsTaintAndRestoresWhatItFound(t *testing.T) {
	for name, before := range map[string]bool{"schedulable before": false, "cordoned before": true} {
		t.Run(name, func(t *testing.T) {
			n := readyNode("worker")
			n.Spec.Unschedulable = before
			c, f := openFake(t, Options{}, n)
			f.lifecycle(t, "worker")
			a := seatrial.Cordon{Node: "worker"}
			p := prior(t, c, a)
			if err := c.Act(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Prove(soon(t, 50*time.Millisecond), a); err == nil && !before {
				t.Error("proven before the controller saw it")
			}
			f.lifecycle(t, "worker")
			if _, err := c.Prove(soon(t, patience), a); err != nil {
				t.Error(err)
			}
			for range 2 {
				// The controller follows as soon as the spec is as before.
				if err := c.Revert(soon(t, 50*time.Millisecond), a, p); err == nil && !before {
					t.Error("reverted while the taint was there")
				}
				f.lifecycle(t, "worker")
				if err := c.Revert(soon(t, patience), a, p); err != nil {
					t.Error(err)
				}
				before = true // nothing is left to wait for
			}
			now, err := f.typed.CoreV1().Nodes().Get(t.Context(), "worker", metav1.GetOptions{})
			if err != nil || now.Spec.Unschedulable != n.Spec.Unschedulable {
				t.Errorf("unschedulable: %v, and %v before; %v", now.Spec.Unschedulable, n.Spec.Unschedulable, err)
			}
		})
	}
}

func TestACordonOfANodeThatIsGoneCountsAsReverted(t *testing.T) {
	c, _ := openFake(t, Options{}, readyNode("new"))
	for node, uid := range map[string]string{"gone": "u", "new": "of the node before"} {
		p := seatrial.Prior(`{"uid":"` + uid + `","unschedulable":true}`)
		if err := c.Revert(soon(t, patience), seatrial.Cordon{Node: node}, p); err != nil {
			t.Errorf("%s: %v", node, err)
		}
	}
	if _, err := c.Observe(t.Context(), seatrial.Cordon{Node: "gone"}); err == nil {
		t.Error("a node that is not there was observed")
	}
}

// budget answers evictions with 429 so often, and then deletes the pod.
func (f fakes) budget(t *testing.T, refusals int) (evictions *int) {
	evictions = new(int)
	f.typed.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		if *evictions++; *evictions <= refusals {
			return true, nil, apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
		}
		return true, nil, f.typed.Tracker().Delete(podsResource, "default", "shop-a")
	})
	return evictions
}

func TestAnEvictionIsRetriedWhileABudgetRefuses(t *testing.T) {
	for _, tc := range []struct {
		name     string
		force    time.Duration
		refusals int
		limit    time.Duration
		took     time.Duration
		want     error
		outcomes string
	}{
		{name: "at once", took: 0, outcomes: "accepted"},
		{name: "refused twice", refusals: 2, took: 10 * time.Second, outcomes: "refused refused accepted"},
		{name: "forced in the end", refusals: 99, force: 12 * time.Second, took: 12 * time.Second, outcomes: "refused refused refused refused forced"},
		{name: "never forced", refusals: 99, limit: 7 * time.Second, took: 7 * time.Second, want: context.DeadlineExceeded, outcomes: "refused refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, f := openFake(t, Options{}, shop(1), shopSet(), shopPod("shop-a", true))
				told := &sink{}
				c.Watch(told)
				f.budget(t, tc.refusals)
				a := seatrial.Evict{Namespace: "default", Name: "shop-a", Force: tc.force}
				prior(t, c, a)
				ctx := t.Context()
				if tc.limit > 0 {
					ctx = soon(t, tc.limit)
				}
				begun := time.Now()
				if err := c.Act(ctx, a); !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				if took := time.Since(begun); took != tc.took {
					t.Errorf("it took %v, want %v", took, tc.took)
				}
				if tc.want == nil {
					if proof, err := c.Prove(soon(t, patience), a); err != nil || proof.Evidence["seen"] != "gone" {
						t.Errorf("%+v: %v", proof, err)
					}
				}
				c.Watch(nil)
				var outcomes []string
				for _, e := range told.events {
					if e.Kind == seatrial.KindEviction {
						outcomes = append(outcomes, string(e.Data.(seatrial.Eviction).Outcome))
					}
				}
				if got := strings.Join(outcomes, " "); got != tc.outcomes {
					t.Errorf("told %q, want %q", got, tc.outcomes)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAnEvictionFailsOnOtherRefusals(t *testing.T) {
	c, f := openFake(t, Options{}, shopPod("shop-a", true))
	f.typed.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(errors.New("this pod has more than one PodDisruptionBudget"))
	})
	a := seatrial.Evict{Namespace: "default", Name: "shop-a"}
	prior(t, c, a)
	if err := c.Act(t.Context(), a); err == nil || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("got %v", err)
	}
}

func TestARestartIsProvenByPodsOfItsRevision(t *testing.T) {
	c, f := openFake(t, Options{}, shop(1), shopSet(), shopPod("shop-a", true))
	a := seatrial.Restart{Namespace: "default", Workload: "deployment/shop"}
	p := prior(t, c, a)
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	d, err := f.typed.AppsV1().Deployments("default").Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil || d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		t.Fatalf("annotations %v, %v", d.Spec.Template.Annotations, err)
	}
	// A fake does not count generations: this is what an API server does.
	a2, err := c.recall(a)
	if err != nil {
		t.Fatal(err)
	}
	a2.generation = 2
	c.keep(a, a2)
	steps := []struct {
		generation        int64
		updated, ready    int32
		proven, rolledOut bool
	}{
		{1, 1, 1, false, false}, // not seen by the controller
		{2, 0, 1, false, false}, // seen, no pod yet
		{2, 1, 0, true, false},  // a first pod
		{2, 1, 1, true, true},
	}
	for i, s := range steps {
		d.Generation = 2
		d.Status.ObservedGeneration, d.Status.UpdatedReplicas = s.generation, s.updated
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = s.ready, s.ready
		if _, err := f.typed.AppsV1().Deployments("default").Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		limit := map[bool]time.Duration{true: patience, false: 100 * time.Millisecond}
		if _, err := c.Prove(soon(t, limit[s.proven]), a); (err == nil) != s.proven {
			t.Errorf("step %d: proven: %v", i, err)
		}
		if err := c.Revert(soon(t, limit[s.rolledOut]), a, p); (err == nil) != s.rolledOut {
			t.Errorf("step %d: rolled out: %v", i, err)
		}
	}
	if err := f.typed.AppsV1().Deployments("default").Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Revert(soon(t, patience), a, p); err != nil {
		t.Errorf("of a workload that is gone: %v", err)
	}
}

// coreDNS is kubeadm's DNS with so many replicas, all ready, and one pod.
func coreDNS(n int32) []runtime.Object {
	named := metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "coredns", UID: "uid-coredns", Labels: map[string]string{"k8s-app": "kube-dns"}}
	d := &appsv1.Deployment{ObjectMeta: named,
		Spec:   appsv1.DeploymentSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}},
		Status: appsv1.DeploymentStatus{Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}}
	pod := shopPod("coredns-a", true)
	pod.Namespace, pod.Labels = metav1.NamespaceSystem, map[string]string{"k8s-app": "kube-dns"}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "kube-dns-1", Labels: map[string]string{discoveryv1.LabelServiceName: "kube-dns"}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
			TargetRef: &corev1.ObjectReference{UID: pod.UID}}},
	}
	return []runtime.Object{d, pod, slice}
}

func TestDNSThatIsDownComesBackWithTheNumberItHad(t *testing.T) {
	c, f := openFake(t, Options{}, coreDNS(1)...)
	a := seatrial.DNSDown{Expires: time.Minute}
	p := prior(t, c, a)
	var was DNSScale
	if err := json.Unmarshal(p, &was); err != nil || was != (DNSScale{"coredns", "uid-coredns", 1}) {
		t.Fatal(was, err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := f.replicas(t); got != 0 {
		t.Errorf("%d replicas", got)
	}
	if _, err := c.Prove(soon(t, 100*time.Millisecond), a); err == nil || !strings.Contains(err.Error(), "coredns-a is still there") {
		t.Errorf("proven with a pod: %v", err)
	}
	system := metav1.NamespaceSystem
	if err := f.typed.CoreV1().Pods(system).Delete(t.Context(), "coredns-a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prove(soon(t, 100*time.Millisecond), a); err == nil || !strings.Contains(err.Error(), "endpoints") {
		t.Errorf("proven with an endpoint: %v", err)
	}
	if err := f.typed.DiscoveryV1().EndpointSlices(system).Delete(t.Context(), "kube-dns-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Prove(soon(t, patience), a); err != nil {
		t.Error(err)
	}
	if err := c.Revert(soon(t, 100*time.Millisecond), a, p); err == nil {
		t.Error("reverted without a pod")
	}
	if got := f.replicas(t); got != 1 {
		t.Errorf("%d replicas after the revert", got)
	}
	if err := f.typed.Tracker().Add(coreDNS(1)[1]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Revert(soon(t, patience), a, p); err != nil {
			t.Error(err)
		}
	}
}

func (f fakes) replicas(t *testing.T) int32 {
	t.Helper()
	d, err := f.typed.AppsV1().Deployments(metav1.NamespaceSystem).Get(t.Context(), "coredns", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return *d.Spec.Replicas
}

func TestAPodOfDNSIsInRotationWhileItsEndpointIsReady(t *testing.T) {
	c, _ := openFake(t, Options{}, coreDNS(1)...)
	pod, err := c.DNSPod(t.Context(), metav1.NamespaceSystem, "coredns-a")
	if err != nil || pod.UID != "uid-coredns-a" || pod.Node != "worker" {
		t.Errorf("%+v, %v", pod, err)
	}
	if err := c.InRotation(t.Context(), types.UID("another")); err == nil {
		t.Error("a pod that has no endpoint is in rotation")
	}
	if _, err := c.DNSPod(t.Context(), metav1.NamespaceSystem, "gone"); err == nil {
		t.Error("a pod that is gone was found")
	}
}
