package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/runner"
	"github.com/seatrial/seatrial/scenarios"
)

// afterwards is a trial's journal, and its cluster when it is over.
type afterwards struct {
	lines []journal.Line
	nodes []seatrial.Node
	pods  []seatrial.Pod
	err   error
}

// afterTrial runs one variant of a scenario on the simulator. watch sees what is
// written to the journal; nil for nobody.
func afterTrial(ctx context.Context, t *testing.T, path, variant string, seed uint64, watch io.Writer) afterwards {
	t.Helper()
	scenario, err := scenarios.Load(path, faults.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(scenario.Variants, func(v seatrial.Trial) bool { return v.Variant == variant })
	if i < 0 {
		t.Fatalf("%s has no variant %s", path, variant)
	}
	trial := scenario.Variants[i]
	var text bytes.Buffer
	out := io.Writer(&text)
	if watch != nil {
		out = io.MultiWriter(&text, watch)
	}
	writer := journal.New(out)
	header := journal.HeaderOf(scenario, trial)
	header.Seed = seed
	var site seatrial.Site
	var after afterwards
	after.err = runner.Run(ctx, trial, runner.Setup{Journal: writer, Header: header, Keep: true, Log: func(string, ...any) {},
		Open: func(context.Context) (seatrial.Site, error) {
			site, err = backend.OpenSim(trial.Spec, seed)
			return site, err
		}})
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for line, err := range journal.Read(&text) {
		if err != nil {
			t.Fatal(err)
		}
		after.lines = append(after.lines, line)
	}
	cluster, err := site.Cluster("")
	if err == nil {
		after.nodes, err = cluster.Nodes(context.WithoutCancel(ctx))
	}
	if err == nil {
		after.pods, err = cluster.Pods(context.WithoutCancel(ctx), seatrial.Selector{Namespace: "default"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// workers names the nodes for the workload.
func (a afterwards) workers() (names []string) {
	for _, n := range a.nodes {
		if !n.ControlPlane && !n.Agents {
			names = append(names, n.Name)
		}
	}
	return names
}

// whole says what is not as it was before: the number of workers, each
// schedulable, and six ready pods.
func (a afterwards) whole() error {
	var errs []error
	if w := a.workers(); len(w) != 3 {
		errs = append(errs, fmt.Errorf("workers %v, want three", w))
	}
	for _, n := range a.nodes {
		if n.Unschedulable || !n.Ready {
			errs = append(errs, fmt.Errorf("node %s: unschedulable %t, Ready %t", n.Name, n.Unschedulable, n.Ready))
		}
	}
	ready := 0
	for _, p := range a.pods {
		if p.Ready && !p.Terminating {
			ready++
		}
	}
	if ready != 6 || len(a.pods) != 6 {
		errs = append(errs, fmt.Errorf("%d of %d pods are ready, want 6 of 6", ready, len(a.pods)))
	}
	return errors.Join(errs...)
}

// unschedulable adds up how long pods waited after the scheduler had found no
// node for them.
func (a afterwards) unschedulable(t *testing.T) time.Duration {
	t.Helper()
	since := map[string]time.Duration{}
	var total time.Duration
	for _, l := range a.lines {
		pod, scheduling := strings.CutPrefix(l.Subject, "pod ")
		switch {
		case l.Kind == seatrial.KindKubeNews && scheduling && strings.HasPrefix(l.Message, "FailedScheduling"):
			if _, waits := since[pod]; !waits {
				since[pod] = l.At
			}
		case l.Kind == seatrial.KindPod:
			if from, waits := since[l.Subject]; waits && (change(t, l).Node != "" || change(t, l).Deleted) {
				total += l.At - from
				delete(since, l.Subject)
			}
		}
	}
	if len(since) > 0 {
		t.Errorf("pods that never got a node: %v", since)
	}
	return total
}

// fewest is the lowest number of pods that were ready and not on their way out
// at once, until the first eviction by force.
func (a afterwards) fewest(t *testing.T) int {
	t.Helper()
	healthy := map[string]bool{}
	least := math.MaxInt
	for _, l := range a.lines {
		if l.Kind == seatrial.KindEviction && outcomeOf(t, l) == seatrial.EvictionForced {
			break
		}
		if l.Kind != seatrial.KindPod {
			continue
		}
		c := change(t, l)
		delete(healthy, l.Subject)
		if c.Ready && !c.Terminating && !c.Deleted {
			healthy[l.Subject] = true
		}
		if l.At >= 0 {
			least = min(least, len(healthy))
		}
	}
	return least
}

func change(t *testing.T, l journal.Line) journal.PodChange {
	t.Helper()
	c, err := journal.Data[journal.PodChange](l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func outcomeOf(t *testing.T, l journal.Line) seatrial.EvictionOutcome {
	t.Helper()
	e, err := journal.Data[seatrial.Eviction](l)
	if err != nil {
		t.Fatal(err)
	}
	return e.Outcome
}

// evictions counts them by their outcome.
func (a afterwards) evictions(t *testing.T) map[seatrial.EvictionOutcome]int {
	t.Helper()
	count := map[seatrial.EvictionOutcome]int{}
	for _, l := range a.lines {
		if l.Kind == seatrial.KindEviction {
			count[outcomeOf(t, l)]++
		}
	}
	return count
}

// took is the time that the whole upgrade took, and its last word.
func (a afterwards) took(t *testing.T) (time.Duration, string) {
	t.Helper()
	var begun time.Duration
	for _, l := range a.lines {
		if l.Kind != seatrial.KindUpgrade || l.Subject != "node pool" {
			continue
		}
		if l.Edge == seatrial.End {
			return l.At - begun, l.Message
		}
		begun = l.At
	}
	t.Fatal("the upgrade never ended")
	return 0, ""
}
