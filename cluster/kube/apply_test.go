package kube

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

const shopManifest = `
# the shop
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop}}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: shop, labels: {app: shop}}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
`

func TestApplyBringsEachObjectAfterWhatItNeeds(t *testing.T) {
	c, f := openFake(t, Options{})
	applied := f.applies(t)
	if err := c.Apply(t.Context(), []byte(shopManifest)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range *applied {
		got = append(got, o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName())
		if o.GetLabels()[AppliedLabel] != "true" {
			t.Errorf("%s is not labelled", o.GetName())
		}
	}
	want := []string{"Namespace /shop", "ConfigMap shop/settings", "Service default/shop", "Deployment default/shop"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if app := (*applied)[2].GetLabels()["app"]; app != "shop" {
		t.Errorf("a label of its own was lost: %q", app)
	}
	template, _, err := unstructured.NestedMap((*applied)[3].Object, "spec", "template", "metadata", "labels")
	if _, labelled := template[AppliedLabel]; labelled || err != nil {
		t.Errorf("the pods' template was labelled too: %v %v", template, err)
	}
}

func TestApplyUpdatesWhatItBrought(t *testing.T) {
	c, f := openFake(t, Options{})
	applied := f.applies(t)
	f.brought(t, configMaps, "ConfigMap", "default", "settings")
	err := c.Apply(t.Context(), []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"))
	if err != nil || len(*applied) != 1 {
		t.Errorf("applied %v: %v", *applied, err)
	}
}

func TestApplyDoesNotTakeWhatBelongsToOthers(t *testing.T) {
	c, f := openFake(t, Options{})
	applied := f.applies(t)
	f.put(t, configMaps, "ConfigMap", "shop", "settings", nil)
	f.put(t, corev1.SchemeGroupVersion.WithResource("namespaces"), "Namespace", "", "shop", nil)
	err := c.Apply(t.Context(), []byte(shopManifest))
	if err == nil || !strings.Contains(err.Error(), "ConfigMap shop/settings: it exists and was not applied by seatrial") {
		t.Errorf("got %v", err)
	}
	if len(*applied) > 0 {
		t.Errorf("the namespace of others was taken over: %v", *applied)
	}
}

var configMaps = corev1.SchemeGroupVersion.WithResource("configmaps")

func TestApplyNamesTheObjectThatFails(t *testing.T) {
	tests := map[string]struct{ manifest, want string }{
		"no YAML":        {"kind: [", "reading object 1 of the manifests"},
		"no name":        {"apiVersion: v1\nkind: Pod", "apiVersion, kind and metadata.name are needed"},
		"unknown kind":   {"{apiVersion: example.com/v1, kind: Boat, metadata: {name: b}}", "applying Boat b"},
		"refused":        {"{apiVersion: v1, kind: Service, metadata: {name: shop}}", "applying Service default/shop"},
		"inside a list":  {"{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}]}", "item 1 of a List"},
		"second of many": {"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\nkind: Pod", "object 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, f := openFake(t, Options{})
			f.applies(t)
			f.dynamic.PrependReactor("patch", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewBadRequest("spec.ports: required")
			})
			err := c.Apply(t.Context(), []byte(test.manifest))
			var known *seatrial.Error
			if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &known) || known.Class != seatrial.BadInput {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestAKindThatComesLaterIsFound(t *testing.T) {
	c, f := openFake(t, Options{})
	f.applies(t)
	manifest := []byte("{apiVersion: example.com/v1, kind: Boat, metadata: {name: b}}")
	if err := c.Apply(t.Context(), manifest); !meta.IsNoMatchError(err) {
		t.Fatalf("got %v", err)
	}
	f.typed.Lock()
	f.typed.Resources = append(slices.Clone(f.typed.Resources), &metav1.APIResourceList{GroupVersion: "example.com/v1",
		APIResources: []metav1.APIResource{{Name: "boats", Kind: "Boat", Namespaced: true, Verbs: removableVerbs}}})
	f.typed.Unlock()
	if err := c.Apply(t.Context(), manifest); err != nil {
		t.Error(err)
	}
}

func TestANewKindIsWaitedForUntilItIsServed(t *testing.T) {
	c, f := openFake(t, Options{})
	answers := []map[string]any{
		{},
		{"status": map[string]any{"conditions": nil}}, // as a real API server answers at first
		{"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "False"}}}},
		{"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}},
	}
	asked := 0
	f.dynamic.PrependReactor("get", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		o := &unstructured.Unstructured{Object: answers[min(asked, len(answers)-1)]}
		o.SetAPIVersion("v1")
		o.SetKind("ConfigMap")
		asked++
		return true, o, nil
	})
	if err := c.established(soon(t, patience), f.dynamic.Resource(configMaps), "boats"); err != nil || asked != len(answers) {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
