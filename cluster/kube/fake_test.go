package kube

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// fakes are the two faces of an API server in memory: what the watches and
// live reads see, and what is applied. Nothing flows between them: a fake has
// no controllers, and a test says itself what those would do.
type fakes struct {
	typed   *fake.Clientset
	dynamic *dynamicfake.FakeDynamicClient
}

// openFake opens a cluster on fakes; kube-system is there without being named.
func openFake(t *testing.T, o Options, objects ...runtime.Object) (*Cluster, fakes) {
	t.Helper()
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem, UID: "the-cluster"}}
	f := fakes{typed: fake.NewClientset(append(objects, system)...),
		dynamic: dynamicfake.NewSimpleDynamicClient(scheme.Scheme)}
	f.typed.Resources = served
	o.Ref = seatrial.Ref{Backend: "context", Name: "fake"}
	c, err := open(t.Context(), o, f.typed, f.dynamic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, f
}

var removableVerbs = metav1.Verbs{"get", "list", "watch", "create", "patch", "delete"}

// served is what the fake API server says that it serves.
var served = []*metav1.APIResourceList{
	{GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "namespaces", Kind: "Namespace", Verbs: removableVerbs},
		{Name: "pods", Kind: "Pod", Namespaced: true, Verbs: removableVerbs},
		{Name: "services", Kind: "Service", Namespaced: true, Verbs: removableVerbs},
		{Name: "configmaps", Kind: "ConfigMap", Namespaced: true, Verbs: removableVerbs},
		{Name: "events", Kind: "Event", Namespaced: true, Verbs: removableVerbs},
		{Name: "bindings", Kind: "Binding", Namespaced: true, Verbs: metav1.Verbs{"create"}},
	}},
	{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
		{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: removableVerbs},
		{Name: "statefulsets", Kind: "StatefulSet", Namespaced: true, Verbs: removableVerbs},
	}},
	{GroupVersion: "rbac.authorization.k8s.io/v1", APIResources: []metav1.APIResource{
		{Name: "clusterroles", Kind: "ClusterRole", Verbs: removableVerbs},
	}},
}

// applies answers server-side apply as an API server does, with generation 1,
// and returns what was applied in order.
func (f fakes) applies(t *testing.T) *[]*unstructured.Unstructured {
	applied := &[]*unstructured.Unstructured{}
	f.dynamic.PrependReactor("patch", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		patch := a.(clienttesting.PatchAction)
		if patch.GetPatchType() != types.ApplyPatchType {
			t.Errorf("%s %s: patch of type %s", a.GetResource().Resource, patch.GetName(), patch.GetPatchType())
		}
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(patch.GetPatch(), &o.Object); err != nil {
			return true, nil, err
		}
		o.SetUID(types.UID("uid-" + o.GetName()))
		o.SetGeneration(1)
		*applied = append(*applied, o)
		return true, o, nil
	})
	return applied
}

// brought puts an object where Reset looks for what was applied.
func (f fakes) brought(t *testing.T, gvr schema.GroupVersionResource, kind, namespace, name string) {
	t.Helper()
	f.put(t, gvr, kind, namespace, name, map[string]string{AppliedLabel: "true"})
}

func (f fakes) put(t *testing.T, gvr schema.GroupVersionResource, kind, namespace, name string, labels map[string]string) {
	t.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(gvr.GroupVersion().String())
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	o.SetUID(types.UID("uid-" + name))
	o.SetLabels(labels)
	if err := f.dynamic.Tracker().Create(gvr, o, namespace); err != nil {
		t.Fatal(err)
	}
}

// soon is a context for what should succeed, short one for what cannot.
func soon(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// patience is for what should succeed; a machine may be busy.
const patience = 20 * time.Second

func readyNode(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{}},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}}
}

func frozenNode(name string) *corev1.Node {
	n := readyNode(name)
	n.Status.Conditions[0] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown,
		Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
	return n
}

// shopPod is a pod of the deployment shop.
func shopPod(name string, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-" + name),
			Labels: map[string]string{"app": "shop"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "shop-1", UID: "uid-shop-1",
				Controller: new(true)}}},
		Spec: corev1.PodSpec{NodeName: "worker"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status, Reason: "ContainersNotReady"}}},
	}
}

func terminating(p *corev1.Pod) *corev1.Pod {
	p = p.DeepCopy()
	p.DeletionTimestamp = &metav1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	p.DeletionGracePeriodSeconds = new(int64(30))
	p.Finalizers = []string{"kubernetes"} // a fake refuses an end without one
	return p
}

// shop is an applied deployment of n replicas, all ready as its status says.
func shop(n int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop", UID: "uid-shop", Generation: 1,
			Labels: map[string]string{AppliedLabel: "true"}},
		Spec: appsv1.DeploymentSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n,
			AvailableReplicas: n},
	}
}

// shopSet is the ReplicaSet between the deployment and its pods.
func shopSet() *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop-1", UID: "uid-shop-1",
		OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", Name: "shop", UID: "uid-shop", Controller: new(true)}}}}
}

// sink keeps the events of a test.
type sink struct {
	mu     sync.Mutex
	events []seatrial.Event
}

func (s *sink) Interval(seatrial.Interval) {}

func (s *sink) Event(e seatrial.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}
