package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Apply creates or updates the objects of a YAML stream by server-side apply,
// in an order in which each finds what it needs: namespaces first, workloads
// after their configuration. Every object gets [AppliedLabel]; one without a
// namespace goes to "default".
//
// An object that is there already and was not applied by seatrial is an error,
// because Reset would remove it; such a namespace is used as it is.
func (c *Cluster) Apply(ctx context.Context, manifests []byte) error {
	objects, err := decode(manifests)
	if err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "check that the manifest is a stream of Kubernetes objects")
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	for _, o := range objects {
		if err := c.apply(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a stream of objects and opens the Lists in it.
func decode(manifests []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	for n := 1; ; n++ {
		o := &unstructured.Unstructured{}
		err := documents.Decode(&o.Object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("reading object %d of the manifests: %w", n, err)
		case len(o.Object) == 0:
			continue // a document of comments alone
		}
		found, err := flatten(o)
		if err != nil {
			return nil, fmt.Errorf("reading object %d of the manifests: %w", n, err)
		}
		objects = append(objects, found...)
	}
}

func flatten(o *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	if !o.IsList() {
		if o.GetAPIVersion() == "" || o.GetKind() == "" || o.GetName() == "" {
			return nil, fmt.Errorf("%q of kind %q: apiVersion, kind and metadata.name are needed", o.GetName(), o.GetKind())
		}
		return []*unstructured.Unstructured{o}, nil
	}
	list, err := o.ToList()
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for i := range list.Items {
		inner, err := flatten(&list.Items[i])
		if err != nil {
			return nil, fmt.Errorf("item %d of a %s: %w", i+1, o.GetKind(), err)
		}
		objects = append(objects, inner...)
	}
	return objects, nil
}

// order is that in which kinds are applied; all others come last.
var order = []string{
	"Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass",
	"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
	"ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim", "Service",
	"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob",
}

func rank(o *unstructured.Unstructured) int {
	if at := slices.Index(order, o.GetKind()); at >= 0 {
		return at
	}
	return len(order)
}

func (c *Cluster) apply(ctx context.Context, o *unstructured.Unstructured) error {
	client, err := c.resource(ctx, o)
	called := fmt.Sprintf("applying %s %s", o.GetKind(), strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/"))
	if meta.IsNoMatchError(err) {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s: %w", called, err),
			"check apiVersion and kind, or put its CustomResourceDefinition into the manifests")
	}
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("%s: %w", called, err), "check that the API server answers")
	}
	foreign, err := isForeign(ctx, client, o.GetName())
	switch {
	case err != nil:
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("%s: %w", called, err), "check that you may read this kind")
	case foreign && o.GetKind() == "Namespace":
		c.o.Log("namespace %s is there and not seatrial's: using it as it is", o.GetName())
		return nil
	case foreign:
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s: it exists and was not applied by seatrial", called),
			"give it another name or namespace in the scenario, or delete it")
	}
	label(o)
	got, err := client.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return seatrial.Fail(refused(err), fmt.Errorf("%s: %w", called, err), "check this object in the scenario's manifests")
	}
	c.remember(got)
	if o.GetKind() == "CustomResourceDefinition" {
		err = c.established(ctx, client, o.GetName())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", called, err)
	}
	return nil
}

// isForeign: the object is there and belongs to somebody else.
func isForeign(ctx context.Context, client dynamic.ResourceInterface, name string) (bool, error) {
	there, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking whether it exists: %w", err)
	}
	return there.GetLabels()[AppliedLabel] != "true", nil
}

func label(o *unstructured.Unstructured) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[AppliedLabel] = "true"
	o.SetLabels(labels)
}

// resource is where o lives; a namespaced object without a namespace gets the
// default one.
func (c *Cluster) resource(ctx context.Context, o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := c.kinds.mapping(ctx, o.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.objects.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(corev1.NamespaceDefault)
	}
	return c.objects.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
}

// remember lets Settle wait for what the API server has accepted.
func (c *Cluster) remember(o *unstructured.Unstructured) {
	switch o.GetKind() {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job":
		named := object{strings.ToLower(o.GetKind()), o.GetNamespace(), o.GetName()}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.applied[named] = version{o.GetUID(), o.GetGeneration()}
	}
}

// established waits until the API server serves a new kind.
func (c *Cluster) established(ctx context.Context, crds dynamic.ResourceInterface, name string) error {
	const pause = 100 * time.Millisecond // CRDs are not watched: this is the one wait that asks
	for {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("waiting until it is served: %w", err)
		}
		if isEstablished(crd) {
			return nil
		}
		if err := c.clock.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("waiting until it is served: %w", err)
		}
	}
}

// isEstablished reads the condition; a new definition has null for conditions.
func isEstablished(crd *unstructured.Unstructured) bool {
	status, _ := crd.Object["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, condition := range conditions {
		if is, ok := condition.(map[string]any); ok && is["type"] == "Established" && is["status"] == "True" {
			return true
		}
	}
	return false
}
