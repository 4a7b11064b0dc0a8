package scenarios_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	kyaml "sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/load/app"
	"github.com/seatrial/seatrial/scenarios"
)

func ExampleLoad() {
	scenario, err := scenarios.Load("live-migration", faults.Catalog())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, trial := range scenario.Variants {
		fault := trial.Spec.Faults[0]
		fmt.Println(trial.Variant, trial.Expect, fault.Kind, fault.At, fault.For)
	}
	// Output:
	// as-is fail liveMigration 15s 8s
	// packed fail liveMigration 15s 8s
	// retry pass liveMigration 15s 8s
	// hedge pass liveMigration 15s 8s
}

func ExampleParse() {
	_, err := scenarios.Parse("mine.yaml", []byte(`apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: mine}
spec:
  loads: [{name: browse, target: "http://shop/", rate: 200}]
  timeline: {trial: 60s}
`), nil, faults.Catalog())
	fmt.Println(err)
	// Output:
	// mine.yaml:5:56: spec.loads[0].rate: "200" is not a rate: write requests and unit, such as 200/s or 90/m
	//   5 |   loads: [{name: browse, target: "http://shop/", rate: 200}]
	//     |                                                        ^
}

const small = `apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
  workload: {manifests: [app.yaml]}
  loads: [{name: browse, target: "http://app/", rate: 10/s}]
  timeline: {trial: 60s}
  steadyState: {availability: 99%}
  slo: {availability: 99%}
`

const objects = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {a: "1", b: "2"}
---
# a comment alone is no object
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 9007199254740993, parts: [x, y], keep: true}
`

func parse(t *testing.T, text string, files map[string]string) (*seatrial.Scenario, error) {
	t.Helper()
	dir := fstest.MapFS{"app.yaml": {Data: []byte(objects)}}
	for name, data := range files {
		dir[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return scenarios.Parse("small.yaml", []byte(text), dir, faults.Catalog())
}

func mustParse(t *testing.T, text string, files map[string]string) *seatrial.Scenario {
	t.Helper()
	s, err := parse(t, text, files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryScenarioOfTheLibraryLoadsWithoutAWarningButOfWhatItIsAbout(t *testing.T) {
	about := map[string]string{"upgrade-both-at-once": "the maintenance of clusters a and b overlaps by 3m30s"}
	entries := scenarios.Library()
	if len(entries) < 3 {
		t.Fatalf("the library has only %d scenarios", len(entries))
	}
	for _, e := range entries {
		s, err := scenarios.Load(e.Name, faults.Catalog())
		if err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		warned := strings.Join(s.Warnings, "; ")
		if s.Name != e.Name || s.Description == "" || (warned != "") != (about[e.Name] != "") || !strings.Contains(warned, about[e.Name]) {
			t.Errorf("%s: name %q, description %q, warnings %q", e.Name, s.Name, s.Description, s.Warnings)
		}
	}
}

func TestAFileAndTheLibraryGiveTheSameTrials(t *testing.T) {
	fromFile, err := scenarios.Load("live-migration.yaml", faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	fromLibrary, err := scenarios.Load("live-migration", faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	for i, trial := range fromFile.Variants {
		if string(trial.Manifests) != string(fromLibrary.Variants[i].Manifests) {
			t.Errorf("variant %s differs", trial.Variant)
		}
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	s := mustParse(t, small, nil)
	if len(s.Variants) != 1 || s.Variants[0].Variant != "default" || s.Variants[0].Expect != seatrial.Pass {
		t.Fatalf("variants: %+v", s.Variants)
	}
	spec := s.Variants[0].Spec
	load := spec.Loads[0]
	got := fmt.Sprintln(spec.Clusters, load.Method, load.Users, load.Connections, load.Client.Timeout,
		spec.Hurt, spec.Timeline.Warmup, spec.Timeline.Recovery)
	if want := "[{main 3  {0 0} [] [] {0s 0s 0s 0s <nil> 0/s 0/s <nil>} 0}] GET 50 1 30s 1s 10s 1m0s\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// All variants can run on one cluster.
func TestEveryVariantHasTheSpareNodesOfTheMostDemandingOne(t *testing.T) {
	s := mustParse(t, small+`  faults: [{name: up, at: 5s, for: 40s, nodeUpgrade: {maxSurge: 2}}]
  variants:
  - {name: surge}
  - {name: recreate, spec: {faults: [{name: up, nodeUpgrade: {strategy: recreate}}]}}
  - {name: blue-green, spec: {faults: [{name: up, nodeUpgrade: {strategy: blueGreen}}]}}
  - {name: two-at-once, spec: {faults: [{name: other, at: 5s, for: 40s, nodeUpgrade: {maxSurge: 2, nodes: {count: 2}}}]}}
`, nil)
	for _, v := range s.Variants {
		if got := v.Spec.Clusters[0].Spares; got != 4 {
			t.Errorf("%s: %d spare nodes, want 4, for two upgrades that may overlap", v.Variant, got)
		}
	}
}

func TestAFaultHasItsDefaultsAndItsName(t *testing.T) {
	s := mustParse(t, small+"  faults: [{at: 5s, for: 2s, liveMigration: {brownout: {before: 1s}}}]\n"+
		"  variants: [{name: long, spec: {faults: [{name: liveMigration, for: 9s}]}}]\n", nil)
	f := s.Variants[0].Spec.Faults[0]
	if len(s.Variants[0].Spec.Faults) != 1 || f.Name != "liveMigration" || f.Cluster != "main" || f.For != 9*time.Second {
		t.Errorf("got %+v", f)
	}
	got := *f.Fault.(*faults.LiveMigration)
	if got.Mode != seatrial.Blackout || got.Brownout != (faults.Brownout{Before: time.Second, CPUs: 0.5}) {
		t.Errorf("got %+v", got)
	}
}

func TestVariantsDoNotShareTheirFaults(t *testing.T) {
	s := mustParse(t, small+"  faults: [{at: 5s, for: 2s, liveMigration: {}}]\n  variants: [{name: a}, {name: b}]\n", nil)
	if s.Variants[0].Spec.Faults[0].Fault == s.Variants[1].Spec.Faults[0].Fault {
		t.Error("two variants hold the same fault value")
	}
}

func TestTheBaselineComesFirst(t *testing.T) {
	s := mustParse(t, small+"  variants: [{name: a}, {name: b}, {name: c, baseline: true, expect: fail}]\n", nil)
	var order []string
	for _, v := range s.Variants {
		order = append(order, v.Variant+":"+string(v.Expect))
	}
	if got := strings.Join(order, " "); got != "c:fail a:pass b:pass" {
		t.Error(got)
	}
}

func TestPatchesAreMergedAsKubernetesDoes(t *testing.T) {
	s := mustParse(t, strings.Replace(small, "[app.yaml]", "[app.yaml], patches: [p.yaml]", 1), map[string]string{"p.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: default}
data: {a: null, c: "3"}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {parts: [z], keep: null}
`})
	want := `apiVersion: v1
data:
  b: "2"
  c: "3"
kind: ConfigMap
metadata:
  name: app
  namespace: default
---
apiVersion: example.com/v1
kind: Widget
metadata:
  name: w
spec:
  parts:
  - z
  size: 9007199254740993
`
	if got := string(s.Variants[0].Manifests); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAPatchCanRemoveAnObject(t *testing.T) {
	s := mustParse(t, strings.Replace(small, "[app.yaml]", "[app.yaml], patches: [p.yaml]", 1), map[string]string{"p.yaml": `
$patch: delete
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
`})
	if got := string(s.Variants[0].Manifests); strings.Contains(got, "ConfigMap") || !strings.Contains(got, "Widget") {
		t.Errorf("got\n%s", got)
	}
}

func TestThePackedVariantNeitherSpreadsNorKeepsTheConstraint(t *testing.T) {
	s, err := scenarios.Load("live-migration", faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	asIs, packed := string(s.Variants[0].Manifests), string(s.Variants[1].Manifests)
	if !strings.Contains(asIs, "nodeTaintsPolicy: Honor") || strings.Contains(asIs, "podAffinity") {
		t.Errorf("as-is:\n%s", asIs)
	}
	if strings.Contains(packed, "maxSkew") || !strings.Contains(packed, "podAffinity") {
		t.Errorf("packed:\n%s", packed)
	}
}

func TestTheSampleApplicationUnderstandsTheLibrarysFlags(t *testing.T) {
	seen := 0
	for _, e := range scenarios.Library() {
		s, err := scenarios.Load(e.Name, faults.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range s.Variants {
			for _, c := range containers(t, trial.Manifests) {
				seen++
				if _, err := app.ParseFlags(c.Args); err != nil || !slices.Equal(c.Command, []string{"/seatrial-agent", "app"}) {
					t.Errorf("%s, %s: %q %q: %v", s.Name, trial.Variant, c.Command, c.Args, err)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("the library has no containers")
	}
}

// containers lists those of the Deployments of a stream.
func containers(t *testing.T, manifests []byte) []corev1.Container {
	t.Helper()
	var out []corev1.Container
	for _, text := range strings.Split(string(manifests), "---\n") {
		var deployment appsv1.Deployment
		if err := kyaml.Unmarshal([]byte(text), &deployment); err != nil {
			t.Fatal(err)
		}
		if deployment.Kind == "Deployment" {
			out = append(out, deployment.Spec.Template.Spec.Containers...)
		}
	}
	return out
}

func TestWhatIsWorthALookIsAWarning(t *testing.T) {
	text := strings.NewReplacer("  steadyState: {availability: 99%}\n", "", "  slo: {availability: 99%}\n", "",
		"rate: 10/s", "rate: 2000/s, connections: perRequest", "  workload: {manifests: [app.yaml]}\n", "").Replace(small)
	s := mustParse(t, text, nil)
	all := strings.Join(s.Warnings, "\n")
	for _, part := range []string{"small.yaml:5:55: spec.loads[0].rate: 2000/s with a timeout of 30s can have 60000 requests",
		"spec.steadyState", "spec.slo", "spec.workload.manifests"} {
		if !strings.Contains(all, part) {
			t.Errorf("no warning with %q in\n%s", part, all)
		}
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	variants := "  variants:\n" + strings.Repeat("  - {name: x}\n", 201)
	for name, text := range map[string]string{
		"larger than":      small + "#" + strings.Repeat(" ", 1<<20),
		"has 201 entries":  small + variants,
		"nested more than": small + "  x: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"more than 20000":  small + "  x: [" + strings.Repeat("1,", 20_001) + "]",
		"aliases are not":  small + "  hurt: &a 1s\n  faults: [*a, *a]\n",
	} {
		if _, err := parse(t, text, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %.200v", name, err)
		}
	}
}

func TestARateThatIsNoNumberIsRefused(t *testing.T) {
	_, err := parse(t, strings.Replace(small, "10/s", "NaN/s", 1), nil)
	if err == nil {
		t.Error("NaN/s was accepted")
	}
}

func TestAManifestCannotLieOutsideByALink(t *testing.T) {
	folder := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	write(t, outside, objects)
	write(t, filepath.Join(folder, "s.yaml"), small)
	if err := os.Symlink(outside, filepath.Join(folder, "app.yaml")); err != nil {
		t.Skipf("this machine makes no symbolic links: %v", err)
	}
	_, err := scenarios.Load(filepath.Join(folder, "s.yaml"), faults.Catalog())
	if err == nil || !strings.Contains(err.Error(), "spec.workload.manifests[0]: cannot be read") {
		t.Errorf("got %v", err)
	}
}

func TestAScenarioThatIsNotThereIsBadInputWithAHint(t *testing.T) {
	for path, hint := range map[string]string{
		"live-migratoin":          "did you mean live-migration",
		"scenarios/pod-delet":     "did you mean pod-delete",
		"nothing/like/it.yaml":    "one of the library: cascade",
		"shop":                    "one of the library", // a manifest, not a scenario
		filepath.Join("testdata"): "one of the library",
	} {
		_, err := scenarios.Load(path, faults.Catalog())
		var fail *seatrial.Error
		if !errors.As(err, &fail) || fail.Class != seatrial.BadInput || !strings.Contains(fail.Hint, hint) {
			t.Errorf("%s: got %v, %+v", path, err, fail)
		}
	}
}

func TestAPathThatExistsWinsOverTheLibrary(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "live-migration", small)
	write(t, "app.yaml", objects)
	s, err := scenarios.Load("live-migration", faults.Catalog())
	if err != nil || s.Name != "small" || s.Path != "live-migration" || string(s.Source) != small {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestEveryExampleOfTheCatalogIsValidYAMLForItsFault(t *testing.T) {
	for _, b := range faults.Catalog() {
		s, err := parse(t, small+"  faults:\n"+indent(b.Example), nil)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		if got := s.Spec.Faults; len(got) != 1 || got[0].Kind != b.Name {
			t.Errorf("%s: its example gave %+v", b.Name, got)
		}
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The remedies of the incidents are in the manifests that a trial applies.
func TestTheVariantsOfTheIncidentsDifferInTheirRemedy(t *testing.T) {
	for _, tc := range []struct {
		scenario, variant, has, lacks string
	}{
		{"rolling-update", "no-readiness", "--on-sigterm=exit", "readinessProbe"},
		{"rolling-update", "readiness", "readinessProbe", "preStop"},
		{"rolling-update", "readiness-prestop", "preStop", "--on-sigterm=exit"},
		{"drain", "no-pdb", "--startup=5s", "PodDisruptionBudget"},
		{"drain", "pdb", "maxUnavailable: 1", "maxUnavailable: 0"},
		{"drain", "pdb-blocks", "maxUnavailable: 0", "maxUnavailable: 1"},
	} {
		s, err := scenarios.Load(tc.scenario, faults.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range s.Variants {
			text := string(v.Manifests)
			if v.Variant == tc.variant && (!strings.Contains(text, tc.has) || strings.Contains(text, tc.lacks)) {
				t.Errorf("%s, %s: lacks %q or has %q:\n%s", tc.scenario, tc.variant, tc.has, tc.lacks, text)
			}
		}
	}
}
