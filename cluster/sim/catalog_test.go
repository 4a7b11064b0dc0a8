package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/runner"
	"github.com/seatrial/seatrial/scenarios"
)

// variations are ways in which a fault of the catalog goes besides its example.
// Every fault of the catalog is tried, whether it has some or not.
var variations = map[string][]string{
	"controlPlaneOutage": {"{name: f, at: 5s, for: 20s, controlPlaneOutage: {}}"},
	"cpuHog":             {"{name: f, at: 5s, for: 20s, cpuHog: {pods: {labels: app=shop}}}"},
	"deschedule":         {"{name: f, at: 5s, for: 40s, deschedule: {strategies: [PodLifeTime], maxPodLifeTimeSeconds: 1, every: 15s}}"},
	"dnsTerminated":      {"{name: f, at: 5s, for: 20s, dnsTerminated: {}}"},
	"drain":              {"{name: f, at: 5s, for: 20s, drain: {nodes: {count: 2}}}"},
	"liveMigration": {
		"{name: f, at: 5s, for: 8s, liveMigration: {mode: sigstop, nodes: {count: 2}}}",
		"{name: f, at: 5s, for: 8s, liveMigration: {mode: cgroup}}",
	},
	"memoryHog": {
		"{name: f, at: 5s, for: 20s, memoryHog: {pods: {labels: app=shop, count: 2}, bytes: 256Mi}}",
		"{name: f, at: 5s, for: 20s, memoryHog: {nodes: {count: 2}, bytes: 1Gi, rate: 1Gi}}",
	},
	"nodeNotReady": {
		"{name: f, at: 5s, for: 20s, nodeNotReady: {cause: kubelet}}",
		"{name: f, at: 5s, for: 20s, nodeNotReady: {cause: runtime}}",
		"{name: f, at: 5s, for: 60s, nodeNotReady: {cause: power}}",
		"{name: f, at: 5s, for: 20s, nodeNotReady: {cause: cpu}}",
		"{name: f, at: 5s, for: 60s, nodeNotReady: {cause: memory}}",
	},
	"nodeUpgrade": {
		"{name: f, at: 5s, for: 60s, nodeUpgrade: {strategy: recreate, nodes: {count: 2}, provision: 5s, force: 10s}}",
		"{name: f, at: 5s, for: 60s, nodeUpgrade: {strategy: blueGreen, provision: 5s, force: 10s}}",
	},
	"volumeLost":    {"{name: f, at: 5s, for: 20s, volumeLost: {pods: {labels: app=store, count: 2}, volume: data}}"},
	"rollingUpdate": {"{name: f, at: 5s, rollingUpdate: {workload: statefulset/store}}"},
}

// ways are the fault's example and its variations, as scenarios have them.
func ways(b seatrial.Builtin) []string {
	all := []string{"  " + strings.ReplaceAll(strings.TrimSpace(b.Example), "\n", "\n  ")}
	for _, v := range variations[b.Name] {
		all = append(all, "  - "+v)
	}
	return all
}

// ordeal is a trial of one fault on a cluster that has something of everything.
func ordeal(t *testing.T, fault string) seatrial.Trial {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"ordeal.yaml", "ordeal-workload.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../testdata/e2e", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "ordeal.yaml" {
			text = append(text, fault+"\n"...)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	scenario, err := scenarios.Load(filepath.Join(dir, "ordeal.yaml"), faults.Catalog())
	if err != nil {
		t.Fatalf("%v in:\n%s", err, fault)
	}
	return scenario.Variants[0]
}

// blow is what goes wrong in a trial, once.
type blow struct {
	call int           // the call to the cluster, from 1, at which it comes; 0: at none
	late bool          // once the call has done its work, rather than before
	stop bool          // the trial is interrupted there; else the call fails
	at   time.Duration // on the site's clock the trial is interrupted; 0: never
}

func (b blow) String() string {
	if b.call == 0 {
		return fmt.Sprintf("interrupted at %s", b.at)
	}
	what, when := "failing", "before"
	if b.stop {
		what = "interrupted"
	}
	if b.late {
		when = "after"
	}
	return fmt.Sprintf("%s %s call %d", what, when, b.call)
}

var errBlow = errors.New("the backend fails, as the test wants it")

// struck is a site whose cluster a blow hits. It stays open, to be looked at.
type struck struct {
	*Site
	blow      blow
	interrupt context.CancelFunc
	calls     []string
	times     []time.Duration // of the calls
	state     string          // before the trial
	taken     bool            // state is
}

func (s *struck) Close() error { return nil }

func (s *struck) Cluster(string) (seatrial.Cluster, error) {
	return &struckCluster{Cluster: s.clusters[0], site: s}, nil
}

// strike counts the calls, and deals the blow to one of them.
func (s *struck) strike(name string, do func() error) error {
	s.calls = append(s.calls, name)
	s.times = append(s.times, s.clock.Now())
	if s.blow.call != len(s.calls) {
		return do()
	}
	if s.blow.late {
		if err := do(); err != nil {
			return err
		}
	}
	if !s.blow.stop {
		return errBlow
	}
	s.interrupt()
	if s.blow.late {
		return nil
	}
	return do()
}

// struckCluster lets every call of a fault, and of its reverts, be hit.
type struckCluster struct {
	*Cluster
	site *struck
}

func (c *struckCluster) Nodes(ctx context.Context) (nodes []seatrial.Node, err error) {
	err = c.site.strike("nodes", func() (err error) { nodes, err = c.Cluster.Nodes(ctx); return err })
	return nodes, err
}

func (c *struckCluster) Pods(ctx context.Context, s seatrial.Selector) (pods []seatrial.Pod, err error) {
	err = c.site.strike("pods", func() (err error) { pods, err = c.Cluster.Pods(ctx, s); return err })
	return pods, err
}

func (c *struckCluster) Observe(ctx context.Context, a seatrial.Action) (p seatrial.Prior, err error) {
	err = c.site.strike("observe "+a.Kind(), func() (err error) { p, err = c.Cluster.Observe(ctx, a); return err })
	return p, err
}

func (c *struckCluster) Act(ctx context.Context, a seatrial.Action) error {
	return c.site.strike("act "+a.Kind(), func() error { return c.Cluster.Act(ctx, a) })
}

func (c *struckCluster) Prove(ctx context.Context, a seatrial.Action) (p seatrial.Proof, err error) {
	err = c.site.strike("prove "+a.Kind(), func() (err error) { p, err = c.Cluster.Prove(ctx, a); return err })
	return p, err
}

func (c *struckCluster) Revert(ctx context.Context, a seatrial.Action, p seatrial.Prior) error {
	return c.site.strike("revert "+a.Kind(), func() error { return c.Cluster.Revert(ctx, a, p) })
}

// Settle notes the state that the workload has once it is deployed.
func (c *struckCluster) Settle(ctx context.Context) error {
	err := c.Cluster.Settle(ctx)
	if err == nil && !c.site.taken {
		c.site.state, c.site.taken = c.site.Site.state(), true
	}
	return err
}

// endures runs the trial under the blow. Then nothing that the fault did may be
// in force, and once the cluster has settled all must be as before.
func endures(t *testing.T, trial seatrial.Trial, b blow) *struck {
	t.Helper()
	site, err := Open(trial.Spec, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &struck{Site: site, blow: b, interrupt: cancel}
	if b.at > 0 {
		site.clock.Do(b.at-site.clock.Now(), cancel)
	}
	var text bytes.Buffer
	writer := journal.New(&text)
	err = runner.Run(ctx, trial, runner.Setup{Journal: writer, Keep: true, Log: func(string, ...any) {},
		Open: func(context.Context) (seatrial.Site, error) { return s, nil }})
	if err := errors.Join(err, writer.Close()); err != nil && !errors.Is(err, errBlow) && !errors.Is(err, context.Canceled) {
		t.Errorf("%s: %v", b, err)
	}
	if left := site.inForce(); left != "" {
		t.Errorf("%s: after the trial %s", b, left)
	}
	settled, cancel := site.clock.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := site.clusters[0].Settle(settled); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	if after := renewed.ReplaceAllString(site.state(), ""); s.taken && after != s.state {
		t.Errorf("%s: before:\n%safter:\n%s", b, s.state, after)
	}
	return s
}

// renewed is what a node's name ends in that has taken another's place.
var renewed = regexp.MustCompile(`-new\d+`)

// inForce says what faults do to nodes, pods and control plane and is so now:
// what a trial must have undone before it returns, whatever takes its time to
// be Ready again.
func (s *Site) inForce() string {
	var left []string
	w := s.clusters[0].world
	for _, n := range w.Nodes {
		if n.Unschedulable || n.Frozen() || n.Silent() || n.Blind() || n.Headless() || n.Partitioned() || n.Off() || n.CNIBroken() || n.Throttled() > 0 {
			left = append(left, "something of node "+n.Name)
		}
	}
	for _, p := range w.Pods("", everything) {
		if p.Hung() {
			left = append(left, "pod "+p.Key()+" hangs")
		}
	}
	if !w.Up() {
		left = append(left, "the control plane is away")
	}
	if len(s.clusters[0].descheduling) > 0 {
		left = append(left, "the descheduler runs, or its Job is there")
	}
	return strings.Join(left, ", ")
}

// mostCalls bounds how many of a trial's calls are hit, and points at how many
// times it is interrupted, for the sake of time. Under the race detector they are
// few: it makes a trial, which one goroutine at a time runs, ten times as slow.
func mostCalls() (calls, points int) {
	if raceDetector {
		return 3, 2
	}
	return 24, 12
}

func TestAfterEveryFaultOfTheCatalogAllIsAsBeforeHoweverItEnds(t *testing.T) {
	for _, b := range faults.Catalog() {
		for i, fault := range ways(b) {
			t.Run(fmt.Sprint(b.Name, "-", i), func(t *testing.T) {
				t.Parallel()
				trial := ordeal(t, fault)
				whole := endures(t, trial, blow{})
				if len(whole.calls) < 5 {
					t.Fatalf("the trial made the calls %v only", whole.calls)
				}
				most, points := mostCalls()
				stride := 1 + len(whole.calls)/most
				for call := 1; call <= len(whole.calls); call += stride {
					endures(t, trial, blow{call: call})
					endures(t, trial, blow{call: call, late: true})
					endures(t, trial, blow{call: call, late: true, stop: true})
				}
				from, to := whole.times[0], whole.times[len(whole.times)-1]
				for i := range points {
					endures(t, trial, blow{at: from + (to-from+5*time.Second)*time.Duration(i)/time.Duration(points) + time.Millisecond})
				}
			})
		}
	}
}
