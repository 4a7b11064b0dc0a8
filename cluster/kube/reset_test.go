package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

var (
	deployments  = appsv1.SchemeGroupVersion.WithResource("deployments")
	statefulSets = appsv1.SchemeGroupVersion.WithResource("statefulsets")
	services     = corev1.SchemeGroupVersion.WithResource("services")
)

// deletions are what was deleted through the dynamic client, in order.
func (f fakes) deletions() []string {
	var names []string
	for _, a := range f.dynamic.Actions() {
		if d, ok := a.(clienttesting.DeleteAction); ok {
			names = append(names, d.GetResource().Resource+" "+d.GetName())
		}
	}
	return names
}

func TestResetRemovesWhatWasAppliedAndNothingElse(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	f.brought(t, configMaps, "ConfigMap", "shop", "settings")
	f.brought(t, deployments, "Deployment", "shop", "shop")
	f.brought(t, corev1.SchemeGroupVersion.WithResource("namespaces"), "Namespace", "", "shop")
	f.put(t, configMaps, "ConfigMap", "shop", "precious", nil)
	if err := c.Reset(soon(t, patience)); err != nil {
		t.Fatal(err)
	}
	want := []string{"deployments shop", "configmaps settings", "namespaces shop"}
	if got := f.deletions(); !slices.Equal(got, want) {
		t.Errorf("deleted %v, want %v", got, want)
	}
	for _, a := range f.dynamic.Actions() {
		d, ok := a.(clienttesting.DeleteAction)
		if !ok {
			continue
		}
		o := d.GetDeleteOptions()
		if o.PropagationPolicy == nil || *o.PropagationPolicy != metav1.DeletePropagationForeground ||
			o.Preconditions == nil || *o.Preconditions.UID == "" {
			t.Errorf("%s: %+v", d.GetName(), o)
		}
	}
	if err := c.Reset(soon(t, patience)); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestResetIsNotOverWhileAnObjectIsThere(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	f.brought(t, deployments, "Deployment", "default", "shop")
	// As with a finalizer: the deletion is accepted and the object stays.
	f.dynamic.PrependReactor("delete", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, nil })
	err := c.Reset(soon(t, 100*time.Millisecond))
	var known *seatrial.Error
	if !errors.As(err, &known) || known.Class != seatrial.Infrastructure || !strings.Contains(err.Error(), "still there: deployment default/shop") {
		t.Errorf("got %v", err)
	}
}

func TestResetIsNotOverWhileAPodOfTheWorkloadIsThere(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shopSet(), shopPod("shop-a", true), shopPod("stranger", true))
	stranger := shopPod("stranger", true)
	stranger.OwnerReferences = nil
	if _, err := f.typed.CoreV1().Pods("default").Update(t.Context(), stranger, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	f.brought(t, deployments, "Deployment", "default", "shop")
	err := c.Reset(soon(t, 300*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "pod default/shop-a is still there") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "stranger") {
		t.Errorf("a pod of somebody else was waited for: %v", err)
	}
}

func TestResetEndsWhenTheLastPodIsGone(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shopSet(), shopPod("shop-a", true))
	f.brought(t, deployments, "Deployment", "default", "shop")
	reset := c.clock.Go(soon(t, patience), "reset", c.Reset)
	// What the garbage collector does once the deployment is gone.
	err := c.clock.Until(t.Context(), func() bool { c.clock.Changed(); return len(f.deletions()) > 0 })
	if err != nil {
		t.Fatal(err)
	}
	if err := f.typed.CoreV1().Pods("default").Delete(t.Context(), "shop-a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := reset.Wait(); err != nil {
		t.Error(err)
	}
}

func TestResetHurriesPodsThatAreGoing(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shopSet(), terminating(shopPod("shop-a", true)))
	f.brought(t, deployments, "Deployment", "default", "shop")
	if err := c.Reset(soon(t, patience)); err != nil { // a fake has no grace
		t.Fatal(err)
	}
	for _, a := range f.typed.Actions() {
		if d, ok := a.(clienttesting.DeleteAction); ok && d.GetName() == "shop-a" {
			if o := d.GetDeleteOptions(); *o.GracePeriodSeconds != 1 || *o.Preconditions.UID != "uid-shop-a" {
				t.Errorf("deleted with %+v", o)
			}
			return
		}
	}
	t.Error("its 30 s of grace were waited for")
}

func TestOnAnExclusiveClusterNoPodMayBeLeft(t *testing.T) {
	system := shopPod("dns", true)
	system.Namespace = "kube-system"
	for exclusive, want := range map[bool]string{false: "", true: "pod default/debug is still there"} {
		c, _ := openFake(t, Options{Exclusive: exclusive}, readyNode("worker"), system, shopPod("debug", true))
		err := c.Reset(soon(t, 300*time.Millisecond))
		if (err == nil) != (want == "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("exclusive %v: %v", exclusive, err)
		}
	}
}

func TestResetRemovesTheAgents(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: AgentsNamespace, Name: "agents-1"}}
	stray := shopPod("stray", true)
	stray.Namespace, stray.OwnerReferences = AgentsNamespace, nil
	c, f := openFake(t, Options{}, readyNode("worker"), job, stray)
	if err := c.Reset(soon(t, patience)); err != nil {
		t.Fatal(err)
	}
	jobs, err := f.typed.BatchV1().Jobs(AgentsNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(jobs.Items) > 0 {
		t.Errorf("left: %v %v", jobs.Items, err)
	}
}

func TestResetRefusesACordonedNodeAndWaitsForASilentOne(t *testing.T) {
	cordoned := readyNode("worker")
	cordoned.Spec.Unschedulable = true
	c, _ := openFake(t, Options{}, cordoned)
	if err := c.Reset(soon(t, patience)); err == nil || !strings.Contains(err.Error(), "cordoned: node worker") {
		t.Errorf("got %v", err)
	}
	c, f := openFake(t, Options{}, frozenNode("worker"))
	reset := c.clock.Go(soon(t, patience), "reset", c.Reset)
	if _, err := f.typed.CoreV1().Nodes().UpdateStatus(t.Context(), readyNode("worker"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := reset.Wait(); err != nil {
		t.Error(err)
	}
}

func TestResetLeavesToControllersWhatIsTheirs(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	owned := &unstructured.Unstructured{}
	owned.SetAPIVersion("v1")
	owned.SetKind("Service")
	owned.SetNamespace("default")
	owned.SetName("derived")
	owned.SetLabels(map[string]string{AppliedLabel: "true"})
	owned.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x", Controller: new(true)}})
	if err := f.dynamic.Tracker().Create(services, owned, "default"); err != nil {
		t.Fatal(err)
	}
	err := c.Reset(soon(t, 100*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "still there: service default/derived") || len(f.deletions()) > 0 {
		t.Errorf("got %v, deleted %v", err, f.deletions())
	}
}

func TestResetTakesTheVolumesOfAStatefulSet(t *testing.T) {
	claim := func(name string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	}
	c, f := openFake(t, Options{}, readyNode("worker"), claim("data-db-0"), claim("data-db-11"), claim("data-db-backup"), claim("data-other-0"))
	set := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"volumeClaimTemplates": []any{map[string]any{"metadata": map[string]any{"name": "data"}}}}}}
	set.SetAPIVersion("apps/v1")
	set.SetKind("StatefulSet")
	set.SetNamespace("default")
	set.SetName("db")
	set.SetLabels(map[string]string{AppliedLabel: "true"})
	if err := f.dynamic.Tracker().Create(statefulSets, set, "default"); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(soon(t, patience)); err != nil {
		t.Fatal(err)
	}
	claims, err := f.typed.CoreV1().PersistentVolumeClaims("default").List(t.Context(), metav1.ListOptions{LabelSelector: AppliedLabel})
	if err != nil || len(claims.Items) != 2 || claims.Items[0].Name != "data-db-0" || claims.Items[1].Name != "data-db-11" {
		t.Errorf("labelled: %v %v", claims.Items, err)
	}
}

func TestResetDoesNotCallAnUnansweredQuestionAProof(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	f.dynamic.PrependReactor("list", "clusterroles", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no answer")
	})
	if err := c.Reset(soon(t, patience)); err == nil || !strings.Contains(err.Error(), "listing clusterroles.rbac.authorization.k8s.io: no answer") {
		t.Errorf("got %v", err)
	}
}

func TestACancelledResetSaysSo(t *testing.T) {
	c, _ := openFake(t, Options{}, readyNode("worker"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Reset(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
