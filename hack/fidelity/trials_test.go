package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

func TestEveryLoadGetsTheUsersAndKeepsItsRate(t *testing.T) {
	for _, name := range []string{"live-migration", "live-migration-modes", "pod-delete"} {
		path := filepath.Join("../../scenarios", name+".yaml")
		c, err := copyScenario(path, t.TempDir(), 400)
		if err != nil {
			t.Fatal(err)
		}
		before, err := scenarios.Load(path, faults.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		after, err := scenarios.Load(c.path, faults.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range after.Variants {
			load, was := v.Spec.Loads[0], before.Variants[i].Spec.Loads[0]
			if load.Users != 400 || load.Rate != was.Rate || len(v.Manifests) == 0 {
				t.Errorf("%s / %s: %d users at %s, want 400 at %s", name, v.Variant, load.Users, load.Rate, was.Rate)
			}
		}
	}
}

func TestUsersOfAVariantAreSetWhereItSaysThem(t *testing.T) {
	text, err := withUsers([]byte("spec:\n  loads: [{name: a}, {name: b, users: 3}]\n  variants:\n  - {name: v, spec: {loads: [{name: a, users: 7}, {name: b}]}}\n"), 40)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "users: 40"); n != 3 || strings.Contains(string(text), "7") {
		t.Errorf("users are said %d times, want both loads and the one variant:\n%s", n, text)
	}
}

// standIn is a seatrial that makes up its trials: one object a line, and on
// kind a folder for each. It counts its calls.
const standIn = `#!/bin/sh
echo "$@" >> "$CALLS"
while [ $# -gt 0 ]; do
  case $1 in --on) on=$2;; --out) out=$2;; --repeats) n=$2;; esac
  shift
done
[ "$on" = "$FAIL" ] && exit 4
i=0
while [ $i -lt $n ]; do
  i=$((i + 1))
  s='{"schema":1,"scenario":"live-migration","variant":"as-is","backend":"'$on'","seed":'$i',"expect":"fail","verdict":"fail","impact":{"requests_hurt":0.25}}'
  echo "$s"
  if [ "$on" = kind ]; then
    mkdir -p "$out/live-migration/x/as-is-$i" && echo "$s" > "$out/live-migration/x/as-is-$i/summary.json"
  fi
done
exit 1
`

func standInOptions(t *testing.T) (o options, calls func() int) {
	t.Helper()
	dir := t.TempDir()
	o = options{users: 400, repeats: 8, seeds: 200, runs: filepath.Join(dir, "runs"), out: filepath.Join(dir, "fidelity.md"),
		seatrial: filepath.Join(dir, "seatrial")}
	if err := os.WriteFile(o.seatrial, []byte(standIn), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CALLS", filepath.Join(dir, "calls"))
	return o, func() int {
		text, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "--on kind")
	}
}

func TestTrialsOnKindRunOnceForTheSameContent(t *testing.T) {
	o, calls := standInOptions(t)
	path := "../../scenarios/live-migration.yaml"
	for range 2 {
		if err := o.run(t.Context(), []string{path}); err != nil {
			t.Fatal(err)
		}
	}
	if n := calls(); n != 1 {
		t.Errorf("kind ran %d times, want once", n)
	}
	text, err := os.ReadFile(o.out)
	if err != nil || !strings.Contains(string(text), "| requests hurt | 25 % (8) | 25 % (200) |") {
		t.Errorf("the page says, %v:\n%s", err, text)
	}
	o.users = 50 // another scenario
	if err := o.run(t.Context(), []string{path}); err != nil || calls() != 2 {
		t.Errorf("other users: kind ran %d times, %v; want a second time", calls(), err)
	}
}

func TestARunOnKindThatWasCutShortIsNotTakenForAWholeOne(t *testing.T) {
	o, calls := standInOptions(t)
	t.Setenv("FAIL", "kind")
	path := "../../scenarios/live-migration.yaml"
	if err := o.run(t.Context(), []string{path}); err == nil {
		t.Fatal("a run on kind that failed was taken")
	}
	t.Setenv("FAIL", "")
	if err := o.run(t.Context(), []string{path}); err != nil || calls() != 2 {
		t.Errorf("%d calls, %v; want another try", calls(), err)
	}
}

func TestAScenarioThatCannotBeComparedDoesNotCostTheOthers(t *testing.T) {
	o, _ := standInOptions(t)
	err := o.run(t.Context(), []string{"no-such-scenario.yaml", "../../scenarios/live-migration.yaml"})
	if err == nil || !strings.Contains(err.Error(), "no-such-scenario.yaml") {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(o.out)
	if err != nil || !strings.Contains(string(text), "## live-migration / as-is") {
		t.Errorf("the page says, %v:\n%s", err, text)
	}
}

func TestFewSeedsAreRefused(t *testing.T) {
	o, _ := standInOptions(t)
	o.seeds = 20
	if err := o.run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "200") {
		t.Errorf("20 seeds: %v", err)
	}
}
