package faults_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ExampleCatalog() {
	for _, b := range faults.Catalog() {
		fmt.Printf("%-18s %s\n", b.Name, b.Summary)
	}
	// Output:
	// clusterLoss        A whole cluster is gone, control plane and all nodes.
	// cniBroken          New pods on a node get no network, so none starts there.
	// controlPlaneOutage API server, controllers, scheduler and etcd are away; the data plane goes on.
	// cpuHog             Something computes without end, in a pod or on a node.
	// deschedule         The descheduler runs: it evicts pods that would be better elsewhere.
	// dnsDown            All pods of the cluster's DNS are gone.
	// dnsTerminated      One pod of the cluster's DNS is dead, yet still gets queries.
	// drain              Nodes are cordoned and their pods evicted, within their disruption budgets.
	// liveMigration      A node's VM is moved to another host; everything on it sleeps for a while.
	// memoryHog          Something takes memory, in a pod or on a node, until it has what it wants or something gives way.
	// nodeNotReady       Nodes lose what keeps them Ready: kubelet, runtime, control plane, memory, CPU or power.
	// nodeUpgrade        A pool's nodes are replaced by new ones: surge, recreate, or blue-green.
	// podDelete          Pods are deleted; their controller makes new ones.
	// rollingUpdate      A workload gets a new revision; its pods are replaced one after the other.
	// scaleIn            A pool loses nodes: they are drained and deleted.
	// skew               Rollouts while nodes are cordoned pile a workload's pods on few nodes.
	// volumeLost         A volume of pods is unusable until the pods are deleted.
}

func TestEveryFaultDocumentsItself(t *testing.T) {
	for _, b := range faults.Catalog() {
		if b.Summary == "" || b.Proof == "" || !strings.Contains(b.Example, b.Name+":") {
			t.Errorf("%s lacks a summary, a proof or an example with its name", b.Name)
		}
		if _, ok := b.New().(seatrial.Checker); !ok {
			t.Errorf("%s cannot check its `for` before a trial", b.Name)
		}
		for _, p := range faults.Parameters(b) {
			if p.Doc == "" {
				t.Errorf("%s: parameter %s has no doc tag", b.Name, p.Name)
			}
		}
		compare(t, filepath.Join("testdata", b.Name+".golden"), faults.Doc(b))
	}
}

func TestTheCatalogIsSortedAndEachFaultIsNew(t *testing.T) {
	catalog := faults.Catalog()
	byName := func(a, b seatrial.Builtin) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(catalog, byName) {
		t.Error("the catalog is not sorted by name")
	}
	for _, b := range catalog {
		// Nothing can be shared by values without parameters, which may be one.
		if size := reflect.TypeOf(b.New()).Elem().Size(); size > 0 && b.New() == b.New() {
			t.Errorf("%s: New gives the same value twice", b.Name)
		}
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the difference.\ngot:\n%s", golden, got)
	}
}
