package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/seatrial/seatrial/report"
)

// tried runs a scenario on the simulator and returns its summaries by variant.
func tried(t *testing.T, scenario string, flags ...string) map[string]*report.Summary {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := runCommand()
	c.SetOut(&stdout)
	c.SetErr(&stderr)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{"--format", "json", "--out", t.TempDir(), scenario}, flags...))
	if code := exitCode(c.ExecuteContext(t.Context()), &stderr); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, stderr.String())
	}
	all := map[string]*report.Summary{}
	for in := json.NewDecoder(&stdout); ; {
		var s report.Summary
		if err := in.Decode(&s); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[s.Variant] = &s
	}
}

// fullDrain is the library's drain with one more variant, whose pods do not all
// fit on the node that is left: of its 4 cores, two of them take 2.4.
func fullDrain(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"drain.yaml", "shop.yaml", "drain-shop.yaml", "drain-pdb.yaml", "drain-pdb-none.yaml"} {
		text, err := os.ReadFile(filepath.Join(e2eDir(t), "scenarios", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "drain.yaml" {
			text = append(text, "  - name: full\n    expect: fail\n    spec: {workload: {patches: [drain-shop.yaml, big.yaml]}}\n"...)
		}
		write(t, filepath.Join(dir, name), text)
	}
	write(t, filepath.Join(dir, "big.yaml"), []byte(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {template: {spec: {
containers: [{name: shop, resources: {requests: {cpu: 1200m}}}]}}}}`))
	return filepath.Join(dir, "drain.yaml")
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADrainShowsWhatItsBudgetAndItsRoomMean(t *testing.T) {
	all := tried(t, fullDrain(t))
	free, budget, blocked, full := all["no-pdb"].Workload, all["pdb"].Workload, all["pdb-blocks"].Workload, all["full"].Workload
	for name, s := range all {
		w := s.Workload
		if w.DesiredPods == nil || *w.DesiredPods != 6 || w.Reschedule == nil || w.Evictions == nil || w.PendingPodSeconds == nil || w.Goodput == nil {
			t.Fatalf("%s: %+v, want 6 pods and all figures of a drain", name, w)
		}
		if *w.PendingPodSeconds <= 0 || *w.StartingPodSeconds <= *w.PendingPodSeconds {
			t.Errorf("%s: Pending for %g s, starting for %g s, want more than nothing and more than that", name, *w.PendingPodSeconds, *w.StartingPodSeconds)
		}
		if w.NodesLost != nil || w.DNSFailures != nil {
			t.Errorf("%s: %+v, want no node lost and no DNS failure", name, w)
		}
	}
	if e := *free.Evictions; e != (report.Evictions{Accepted: 4}) {
		t.Errorf("without a budget %+v, want four accepted", e)
	}
	if e := *budget.Evictions; e.Accepted != 4 || e.Refused == 0 || e.Forced != 0 {
		t.Errorf("with a budget %+v, want four accepted and some refused before", e)
	}
	if e := *blocked.Evictions; e.Accepted != 0 || e.Refused <= budget.Evictions.Accepted || e.Forced != 4 {
		t.Errorf("blocked %+v, want none accepted, each refused more than once, and four forced", e)
	}
	if *budget.LowestReadyPods != 5 || *free.LowestReadyPods >= 5 || *blocked.LowestReadyPods >= 5 {
		t.Errorf("lowest %d, %d, %d, want 5 with the budget and fewer without and after force",
			*budget.LowestReadyPods, *free.LowestReadyPods, *blocked.LowestReadyPods)
	}
	if *full.PendingPodSeconds < 100**free.PendingPodSeconds {
		t.Errorf("Pending for %g s where nothing fits and for %g s where all do", *full.PendingPodSeconds, *free.PendingPodSeconds)
	}
	if *full.Reschedule.Max < 5**free.Reschedule.Max {
		t.Errorf("replaced after %v where nothing fits and after %v where all do", *full.Reschedule.Max, *free.Reschedule.Max)
	}
}

func TestANodeThatIsNotReadyIsLostUntilItIsBack(t *testing.T) {
	overSeeds(t, "node-notready", wantLostUntilBack)
}

func wantLostUntilBack(t *testing.T, all map[string]*report.Summary) {
	t.Helper()
	for _, variant := range []string{"kubelet", "runtime", "partition", "power"} {
		s := all[variant]
		if len(s.Workload.NodesLost) != 1 {
			t.Errorf("%s: %+v, want one node lost", variant, s.Workload.NodesLost)
			continue
		}
		n, f := s.Workload.NodesLost[0], s.Faults[0]
		if "node/"+n.Node != f.Targets[0] || n.Removed || n.Seconds == nil {
			t.Errorf("%s: %+v, want the target, and back", variant, n)
			continue
		}
		const lasts = 70 // of the scenario's fault, in seconds
		if back := n.At + *n.Seconds; n.At <= *f.InjectedAt || back <= *f.InjectedAt+lasts || *n.Seconds >= lasts {
			t.Errorf("%s: lost from %v to %v, want it to begin after the fault and to end after it", variant, n.At, back)
		}
	}
	for variant, s := range all {
		w := s.Workload
		if w.PendingPodSeconds != nil || w.Evictions != nil || w.Reschedule != nil {
			t.Errorf("%s: %+v, want no pod to go: tolerations last longer than the fault", variant, w)
		}
		if g := w.Goodput; g == nil || g.Kept == nil || *g.Kept < 0.95 || *g.Kept > 1.05 {
			t.Errorf("%s: goodput %+v, want it back", variant, g)
		}
	}
	if lost := all["power"].Workload; *lost.LowestReadyPods >= *lost.DesiredPods {
		t.Errorf("without power %d of %d pods, want fewer", *lost.LowestReadyPods, *lost.DesiredPods)
	}
}
