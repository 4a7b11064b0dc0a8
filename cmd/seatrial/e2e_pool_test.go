package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seatrial/seatrial/report"
)

// poolScenario is pool.yaml with all that it names.
func poolScenario(t *testing.T) string {
	t.Helper()
	path := scenario(t, "pool.yaml")
	for _, beside := range []string{"testdata/e2e/pool-shop.yaml", "scenarios/upgrade-shop.yaml", "scenarios/drain-pdb.yaml"} {
		text, err := os.ReadFile(filepath.Join(e2eDir(t), beside))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), filepath.Base(beside)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// On a full pool only a surge node gives the evicted pods a place.
func TestAllASurgeOnAFullPoolLeavesNoPodWithoutANode(t *testing.T) {
	e := wholeE2E(t)
	by := map[string]report.Summary{}
	for _, s := range e.trial(t, poolScenario(t)) {
		by[s.Variant] = s
		if s.Faults[0].ProvenAt == nil || s.Faults[0].RevertedAt == nil {
			t.Errorf("%s: the upgrade is not proven and reverted: %+v", s.Variant, s.Faults[0])
		}
		t.Logf("%s: %+v", s.Variant, s.Workload)
	}
	surge, recreate := by["surge"].Workload, by["recreate"].Workload
	// A pod that finds a place at once is Pending for some milliseconds, too.
	if waited := *surge.PendingPodSeconds; waited > 2 {
		t.Errorf("with a surge node, pods waited %.1f s for a node", waited)
	}
	if *surge.LowestReadyPods < *surge.DesiredPods-1 || surge.Evictions.Forced != 0 || surge.Evictions.Accepted < 2 {
		t.Errorf("the budget was not kept: %d of %d pods, evictions %+v", *surge.LowestReadyPods, *surge.DesiredPods, *surge.Evictions)
	}
	// Two pods wait as long as a node takes: 5 s and its boot.
	if waited := *recreate.PendingPodSeconds; waited < 2*5 {
		t.Errorf("without one, pods waited only %.1f s for a node", waited)
	}
	wantAllWell(t)
	r := e.run(t, "clusters")
	for line := range strings.Lines(r.stdout) {
		if strings.HasPrefix(line, "seatrial-2w1s-") && !strings.Contains(line, "true") {
			t.Errorf("a cluster is not healthy: %s", line)
		}
	}
}
