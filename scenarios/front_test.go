package scenarios_test

import (
	"bytes"
	"testing"
	"testing/fstest"

	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

const twoClusters = `
apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: two}
spec:
  clusters: [{name: a}, {name: b, patches: [half.yaml]}]
  workload: {manifests: [shop.yaml]}
  front: {service: default/shop, loadBalancer: {}}
  loads: [{name: browse, target: "http://front/", rate: 20/s, client: {timeout: 5s}}]
  timeline: {trial: 20s}
  slo: {availability: 50%}
`

const shop = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: shop}]}
`

func TestAClusterMayHavePatchesOfItsOwn(t *testing.T) {
	files := fstest.MapFS{
		"shop.yaml": {Data: []byte(shop)},
		"half.yaml": {Data: []byte("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {replicas: 2}\n")},
	}
	sc, err := scenarios.Parse("two.yaml", []byte(twoClusters), files, faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	trial := sc.Variants[0]
	for cluster, want := range map[string]string{"a": "replicas: 4", "b": "replicas: 2"} {
		if got := trial.ManifestsOf(cluster); !bytes.Contains(got, []byte(want)) {
			t.Errorf("cluster %s has no %q in:\n%s", cluster, want, got)
		}
	}
}
