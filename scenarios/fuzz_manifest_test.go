package scenarios_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seatrial/seatrial/scenarios"
)

// FuzzManifests promises the same of manifests and patches: rendered or
// refused with a place, never a panic.
func FuzzManifests(f *testing.F) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {replicas: 2, template: {spec: {containers: [{name: c, image: i}]}}}\n"
	f.Add(objects, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {a: null}\n")
	f.Add(deployment, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {template: {spec: {containers: [{$patch: delete, name: c}], $setElementOrder/containers: [{name: x}]}}}\n")
	f.Add(deployment, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, finalizers: [x], $deleteFromPrimitiveList/finalizers: [y]}\nspec: {strategy: {$retainKeys: [type], type: Recreate}}\n")
	text := strings.Replace(small, "[app.yaml]", "[m.yaml], patches: [p.yaml]", 1)
	f.Fuzz(func(t *testing.T, manifest, patch string) {
		files := fstest.MapFS{"m.yaml": {Data: []byte(manifest)}, "p.yaml": {Data: []byte(patch)}}
		_, err := scenarios.Parse("fuzz.yaml", []byte(text), files, nil)
		var problems scenarios.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Errorf("not a list of problems: %v", err)
		}
	})
}
