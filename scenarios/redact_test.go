package scenarios_test

import (
	"strings"
	"testing"

	"github.com/seatrial/seatrial/scenarios"
)

func TestCredentialsOfLoadsAreNotKeptInTheSource(t *testing.T) {
	const plain = `apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: secrets}   # a comment
spec:
  loads:
  - name: browse
    target: http://shop.default.svc/
    rate: 1/s
    headers: {Accept: text/html}
  timeline: {trial: 60s}
  variants: [{name: a, baseline: true}]
`
	got, err := scenarios.Parse("s.yaml", []byte(plain), nil, nil)
	if err != nil || string(got.Source) != plain {
		t.Fatalf("%v; without a credential it stays as it is:\n%s", err, got.Source)
	}
	text := strings.NewReplacer(
		"http://shop", "http://me:hunter2@shop",
		"    rate: 1/s\n", "    rate: 1/s\n    targets: [{url: 'http://me:hunter2@other/'}]\n",
		"{Accept: text/html}", "{Accept: text/html, authorization: Bearer hunter2, X-Api-Key: \"hunter\\x32\", Cookie: a=hunter2}",
		"baseline: true", "baseline: true, spec: {loads: [{name: browse, headers: {Proxy-Authorization: 'hunter2'}}]}",
	).Replace(plain)
	got, err = scenarios.Parse("s.yaml", []byte(text), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept := string(got.Source); strings.Contains(kept, "hunter") || strings.Count(kept, "***") != 4 ||
		!strings.Contains(kept, "Accept: text/html") || !strings.Contains(kept, "http://me:xxxxx@shop") || !strings.Contains(kept, "# a comment") {
		t.Errorf("kept:\n%s", kept)
	}
	if sent := got.Spec.Loads[0].Headers["authorization"]; sent != "Bearer hunter2" {
		t.Errorf("the load sends %q", sent)
	}
}
