package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report/statistics"
)

// The states of a pod of the Deployment shop, in the order of its life.
var (
	unscheduled = journal.PodChange{Phase: "Pending", Workload: "deployment/shop"}
	homeless    = journal.PodChange{Phase: "Pending", Workload: "deployment/shop", Unschedulable: true}
	scheduled   = journal.PodChange{Phase: "Pending", Workload: "deployment/shop", Node: "worker"}
	unready     = journal.PodChange{Phase: "Running", Workload: "deployment/shop", Node: "worker"}
	ready       = journal.PodChange{Phase: "Running", Workload: "deployment/shop", Node: "worker", Ready: true}
	leaving     = journal.PodChange{Phase: "Running", Workload: "deployment/shop", Node: "worker", Ready: true, Terminating: true}
	gone        = journal.PodChange{Phase: "Running", Workload: "deployment/shop", Node: "worker", Terminating: true, Deleted: true}
	failed      = journal.PodChange{Phase: "Failed", Workload: "deployment/shop", Node: "worker"}
	completed   = journal.PodChange{Phase: "Succeeded", Workload: "deployment/shop", Node: "worker"}
)

// of is the same state in another workload.
func of(workload string, c journal.PodChange) journal.PodChange {
	c.Workload = workload
	return c
}

func at(seconds float64) time.Duration { return seatrial.Seconds(seconds).Duration() }

// is tells that a pod is in a state since some seconds.
func is(seconds float64, name string, c journal.PodChange) seatrial.Event {
	return seatrial.Event{At: at(seconds), Kind: seatrial.KindPod, Subject: "default/" + name, Data: c}
}

func node(seconds float64, name string, c journal.NodeChange) seatrial.Event {
	return seatrial.Event{At: at(seconds), Kind: seatrial.KindNode, Subject: name, Data: c}
}

func evicted(seconds float64, name string, o seatrial.EvictionOutcome) seatrial.Event {
	return seatrial.Event{At: at(seconds), Kind: seatrial.KindEviction, Subject: "default/" + name, Data: seatrial.Eviction{Outcome: o}}
}

// drain is one of three pods evicted at the second attempt; its replacement
// waits for a node, restarts, and is ready after 6 s.
func drain() []seatrial.Event {
	return []seatrial.Event{
		node(5.1, "worker2", journal.NodeChange{Ready: true, Unschedulable: true}),
		evicted(5.2, "shop-1", seatrial.EvictionRefused),
		evicted(6, "shop-1", seatrial.EvictionAccepted),
		is(6, "shop-1", of("", leaving)),
		is(6.25, "shop-3", of("", unscheduled)),
		is(8, "shop-1", of("", gone)),
		is(9, "shop-3", of("", scheduled)),
		is(10, "shop-3", journal.PodChange{Phase: "Running", Node: "worker", Restarts: 1}),
		is(12, "shop-3", journal.PodChange{Phase: "Running", Node: "worker", Ready: true, Restarts: 1}),
		node(12.5, "worker2", journal.NodeChange{Ready: true}),
	}
}

// upgrade is one of two nodes replaced within the window.
func upgrade() []seatrial.Event {
	return []seatrial.Event{
		upgraded(5, "node pool", seatrial.Begin, "surge", 2), upgraded(5, "worker2", seatrial.Begin, "", 0),
		upgraded(12.5, "worker2", seatrial.End, "", 0), upgraded(12.5, "worker3", seatrial.Begin, "", 0),
		upgraded(13, "node pool", seatrial.End, "surge", 1),
	}
}

func upgraded(seconds float64, subject string, edge seatrial.Edge, strategy string, nodes int) seatrial.Event {
	return seatrial.Event{At: at(seconds), Kind: seatrial.KindUpgrade, Subject: subject, Edge: edge,
		Data: seatrial.Upgrade{Strategy: strategy, Nodes: nodes}}
}

// happens judges a trial of 20 s with a load that always succeeds, and these
// events. Its pods begin ready unless the events say otherwise.
func happens(t *testing.T, events ...seatrial.Event) *Summary {
	t.Helper()
	f := NewFold()
	take := func(e seatrial.Event) {
		data, err := json.Marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		f.Add(journal.Line{At: e.At, Kind: e.Kind, Subject: e.Subject, Edge: e.Edge, Data: data}, nil)
	}
	take(seatrial.Event{At: -warmup, Kind: seatrial.KindTrial, Edge: seatrial.Begin,
		Data: journal.Header{Schema: journal.Schema, Loads: []journal.Load{{Name: "browse", Users: 1}}}})
	for _, e := range events {
		take(e)
	}
	for start := -warmup; start < 20*time.Second; start += seatrial.Width {
		f.window.Add(start, seatrial.Interval{Load: "browse", Planned: 1, Sent: 1, Succeeded: 1})
	}
	return f.Summary()
}

func TestTheFiguresOfWorkloadsAreThoseOfTheirEvents(t *testing.T) {
	for name, c := range map[string]struct {
		events []seatrial.Event
		want   Workload
	}{
		"nobody is there": {nil, Workload{}},
		"nothing happens": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(2)}},
		"a pod is deleted and replaced": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready),
			is(5, "a", leaving), is(5.5, "c", unscheduled), is(7, "a", gone), is(8, "c", scheduled), is(9, "c", unready), is(11, "c", ready)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(1), PendingPodSeconds: ptr(2.5), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(5.5),
				Reschedule: rescheduled(1, 6)}},
		"nothing fits": {[]seatrial.Event{is(-4, "a", ready), is(5, "a", leaving), is(6, "b", unscheduled), is(7, "a", gone)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(0), PendingPodSeconds: ptr(14.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(14.0),
				Reschedule: rescheduled(1)}},
		"no node takes a pod, until one does": {[]seatrial.Event{is(-4, "a", ready), is(5, "b", unscheduled), is(6, "b", homeless),
			is(10, "b", scheduled), is(12, "b", ready)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(1), PendingPodSeconds: ptr(5.0), UnschedulablePodSeconds: ptr(4.0), StartingPodSeconds: ptr(7.0)}},
		"a pod waits since before the start, and goes before it fits": {[]seatrial.Event{is(-4, "a", unscheduled), is(3, "a", gone)},
			Workload{DesiredPods: ptr(0), LowestReadyPods: ptr(0), PendingPodSeconds: ptr(3.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(3.0)}},
		"a rollout with a surge": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready),
			is(5, "c", scheduled), is(8, "c", ready), is(8.5, "a", leaving), is(9, "d", scheduled), is(10, "a", gone), is(13, "d", ready), is(14, "b", leaving)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(2), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(7.0),
				Reschedule: rescheduled(2, 0, 0)}},
		"a rollout without a surge": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready),
			is(5, "a", leaving), is(5, "c", scheduled), is(8, "c", ready), is(9, "b", leaving), is(9, "d", scheduled), is(14, "d", ready)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(1), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(8.0),
				Reschedule: rescheduled(2, 3, 5)}},
		"a pod that fell silent is missed since then": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready),
			is(4, "a", unready), is(10, "a", leaving), is(10, "c", unscheduled), is(10, "c", scheduled), is(12, "c", ready)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(1), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(2.0),
				Reschedule: rescheduled(1, 8)}},
		"a pod that comes back is not lost": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", ready), is(4, "a", unready), is(10, "a", ready)},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(1)}},
		"a pod fails": {[]seatrial.Event{is(-4, "a", ready), is(3, "a", failed), is(4, "b", scheduled), is(6, "b", ready), is(8, "a", gone)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(0), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(2.0),
				Reschedule: rescheduled(1, 3)}},
		"a job completes": {[]seatrial.Event{is(-4, "a", ready), is(3, "a", completed), is(4, "a", gone)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(0)}},
		"a StatefulSet's pod keeps its name": {[]seatrial.Event{is(-4, "db-0", ready), is(3, "db-0", leaving), is(5, "db-0", gone),
			is(5, "db-0", unscheduled), is(6, "db-0", scheduled), is(9, "db-0", ready)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(0), PendingPodSeconds: ptr(1.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(4.0),
				Reschedule: rescheduled(1, 6)}},
		"workloads do not replace each other": {[]seatrial.Event{is(-4, "a", ready), is(-4, "db-0", of("statefulset/db", ready)),
			is(2, "a", leaving), is(4, "db-0", of("statefulset/db", leaving)), is(6, "db-0", of("statefulset/db", gone)),
			is(6, "db-0", of("statefulset/db", scheduled)), is(7, "db-0", of("statefulset/db", ready))},
			Workload{DesiredPods: ptr(2), LowestReadyPods: ptr(0), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(1.0),
				Reschedule: &Reschedule{Lost: 2, Replaced: 1, Median: ptr(seatrial.Seconds(3)), Max: ptr(seatrial.Seconds(3))}}},
		"what starts late comes ahead of nothing": {[]seatrial.Event{is(-4, "a", ready), is(-4, "b", unready), is(1, "b", ready),
			is(5, "a", leaving), is(5, "c", scheduled), is(9, "c", ready)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(1), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(5.0),
				Reschedule: rescheduled(1, 4)}},
		"the warm-up and the cleaning up do not count": {[]seatrial.Event{is(-4, "a", ready), is(-3, "a", leaving), is(-3, "b", scheduled),
			is(-1, "b", ready), is(20, "b", leaving), is(21, "c", unscheduled), node(-3, "n", journal.NodeChange{}),
			node(-2, "n", journal.NodeChange{Ready: true}), node(21, "n", journal.NodeChange{}), evicted(-1, "a", seatrial.EvictionAccepted),
			evicted(20, "b", seatrial.EvictionForced)},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(1)}},
		"the cluster's own pods do not count": {[]seatrial.Event{is(-4, "a", ready),
			is(2, "dns", journal.PodChange{Ready: true, System: true, Restarts: 3}), is(3, "dns", journal.PodChange{Terminating: true, System: true, Restarts: 4})},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(1)}},
		"containers restart": {[]seatrial.Event{is(-4, "a", restarts(2)), is(3, "a", restarts(3)), is(5, "a", restarts(5)), is(6, "b", restarts(1))},
			Workload{DesiredPods: ptr(1), LowestReadyPods: ptr(1), ContainerRestarts: ptr(4), PendingPodSeconds: ptr(0.0), UnschedulablePodSeconds: ptr(0.0), StartingPodSeconds: ptr(0.0)}},
		"nodes are lost": {[]seatrial.Event{node(-2, "a", journal.NodeChange{}), node(3, "b", journal.NodeChange{Unschedulable: true}),
			node(4, "a", journal.NodeChange{Ready: true}), node(5, "c", journal.NodeChange{Removed: true}),
			node(6, "c", journal.NodeChange{Joined: true}), node(9, "c", journal.NodeChange{Ready: true}), node(10, "c", journal.NodeChange{})},
			Workload{NodesLost: []NodeLost{{"a", 0, ptr(seatrial.Seconds(4)), false}, {"b", 3, nil, false},
				{"c", 5, ptr(seatrial.Seconds(4)), true}, {"c", 10, nil, false}}}},
		"a node that joins is not lost": {[]seatrial.Event{node(3, "new", journal.NodeChange{Joined: true}),
			node(4, "new", journal.NodeChange{Unschedulable: true}), node(9, "new", journal.NodeChange{Ready: true})}, Workload{}},
		"evictions": {[]seatrial.Event{evicted(1, "a", seatrial.EvictionRefused), evicted(6, "a", seatrial.EvictionRefused),
			evicted(11, "a", seatrial.EvictionForced), evicted(12, "b", seatrial.EvictionAccepted)},
			Workload{Evictions: &Evictions{Accepted: 1, Refused: 2, Forced: 1}}},
		"a pool is upgraded": {[]seatrial.Event{upgraded(5, "node pool", seatrial.Begin, "surge", 2), upgraded(5, "a", seatrial.Begin, "", 0),
			upgraded(9, "a", seatrial.End, "", 0), upgraded(9.5, "b", seatrial.Begin, "", 0), upgraded(15.5, "b", seatrial.End, "", 0),
			upgraded(16, "node pool", seatrial.End, "surge", 2)},
			Workload{Upgrades: []Upgrade{{"node pool", "surge", 5, ptr(seatrial.Seconds(11)), 2, 2, []NodeUpgrade{
				{"a", 5, ptr(seatrial.Seconds(4))}, {"b", 9.5, ptr(seatrial.Seconds(6))}}}}}},
		"an upgrade is not over": {[]seatrial.Event{upgraded(5, "node pool", seatrial.Begin, "recreate", 3), upgraded(5, "a", seatrial.Begin, "", 0)},
			Workload{Upgrades: []Upgrade{{"node pool", "recreate", 5, nil, 3, 0, []NodeUpgrade{{"a", 5, nil}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := happens(t, c.events...).Workload; !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %s\nwant %s", shown(got), shown(c.want))
			}
		})
	}
}

func shown(w Workload) string {
	text, err := json.Marshal(w)
	return fmt.Sprint(string(text), err)
}

func restarts(n int) journal.PodChange {
	c := ready
	c.Restarts = n
	return c
}

// rescheduled is of so many lost pods, of which some were missed for so many
// seconds, in ascending order.
func rescheduled(lost int, missed ...float64) *Reschedule {
	r := &Reschedule{Lost: lost, Replaced: len(missed)}
	if len(missed) > 0 {
		r.Median, r.Max = ptr(seatrial.Seconds(statistics.Quantile(missed, 0.5))), ptr(seatrial.Seconds(missed[len(missed)-1]))
	}
	return r
}

func TestWithoutLoadOrJournalEveryFigureIsNull(t *testing.T) {
	silent := frozen()
	silent.end = -warmup
	for name, text := range map[string][]byte{"no journal": nil, "no load": silent.journal(t)} {
		if s, _ := judge(t, text); !reflect.DeepEqual(s.Workload, Workload{}) {
			t.Errorf("%s: %s", name, shown(s.Workload))
		}
	}
}

func TestTheOrderOfLinesWithinAJournalDoesNotMatter(t *testing.T) {
	events := drain()
	forth := happens(t, append([]seatrial.Event{is(-4, "shop-1", of("", ready))}, events...)...)
	late := append([]seatrial.Event{}, events[5:]...)
	back := happens(t, append(append(late, events[:5]...), is(-4, "shop-1", of("", ready)))...)
	if shown(forth.Workload) != shown(back.Workload) {
		t.Errorf("%s\n%s", shown(forth.Workload), shown(back.Workload))
	}
}

// Before the fault 10 requests a second succeed, in it none, and after it 4,
// all of them as quick as before: only goodput tells.
func TestGoodputShowsASystemThatStaysBroken(t *testing.T) {
	f := NewFold()
	f.marks = []mark{{at(5.03), "storm", seatrial.FaultMark{Step: seatrial.Injected}},
		{at(10), "storm", seatrial.FaultMark{Step: seatrial.Reverted}}}
	for start := -warmup; start < 20*time.Second; start += seatrial.Width {
		iv := seatrial.Interval{Load: "browse", Planned: 1, Sent: 1, Succeeded: 1, Latency: seatrial.Buckets{}}
		journal.Record(iv.Latency, healthy)
		// The interval of the injection belongs to the fault.
		inFault, after := start >= at(5) && start < at(10), start >= at(10)
		if inFault || after && start%(500*time.Millisecond) >= 200*time.Millisecond {
			iv.Succeeded, iv.Failed, iv.Errors = 0, 1, map[string]int64{"dns": 1}
		}
		f.window.Add(start, iv)
	}
	s := f.Summary()
	want := Goodput{Before: ptr(10.0), Fault: ptr(0.0), Recovery: ptr(4.0), Kept: ptr(0.4)}
	if !reflect.DeepEqual(*s.Workload.Goodput, want) {
		t.Errorf("goodput %s, want 10, 0 and 4 a second", shown(s.Workload))
	}
	if n := s.Workload.DNSFailures; n == nil || *n != 50+60 {
		t.Errorf("DNS failures %v, want 110", n)
	}
	if s.Impact.TimeToRecover != nil || !strings.Contains(s.Sentence, "goodput was 40 % of what it was before") {
		t.Errorf("%q does not say what is left", s.Sentence)
	}
}

func TestGoodputDividesByTimeAlsoWhereLittleIsDue(t *testing.T) {
	f := NewFold()
	f.marks = []mark{{at(4), "f", seatrial.FaultMark{Step: seatrial.Injected}}, {at(8), "f", seatrial.FaultMark{Step: seatrial.Reverted}}}
	for start := time.Duration(0); start <= 12*time.Second; start += time.Second {
		f.window.Add(start, seatrial.Interval{Load: "browse", Planned: 1, Succeeded: 1})
	}
	if g := f.Summary().Workload.Goodput; g == nil || *g.Before != 1 || *g.Fault != 1 {
		t.Errorf("goodput %s, want 1 a second", shown(f.Summary().Workload))
	}
}

// A fold that compared every change with every other would need hours.
func TestAFoldOfManyChangesIsQuick(t *testing.T) {
	f := NewFold()
	for i := range 200_000 {
		c := []journal.PodChange{scheduled, ready, leaving, gone}[i%4]
		f.changes = append(f.changes, podChange{time.Duration(i) * time.Millisecond, fmt.Sprint("default/", i/4), c})
	}
	f.window.Add(200*time.Second, seatrial.Interval{Planned: 1})
	f.window.Add(0, seatrial.Interval{Planned: 1})
	if w := f.Summary().Workload; w.Reschedule == nil || w.Reschedule.Lost != 50_000 {
		t.Errorf("%s", shown(w))
	}
}

func TestThePageDrawsPodsOnlyWhereTheyAreKnown(t *testing.T) {
	for name, c := range map[string]struct {
		play  play
		draws bool
	}{"known": {frozen(), true}, "unknown": {play{end: time.Second, injected: -1, reverted: -1}, false}} {
		text := c.play.journal(t)
		if !c.draws {
			text = bytes.ReplaceAll(text, []byte(`"kind":"pod"`), []byte(`"kind":"message"`))
		}
		_, page := judge(t, text)
		var html bytes.Buffer
		if err := HTML(&html, page); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(html.String(), "Pods that were ready") != c.draws {
			t.Errorf("pods %s: drawn %v", name, !c.draws)
		}
	}
}

func TestThePodsOfABinAreTheFewestInIt(t *testing.T) {
	p := &pods{levels: []level{{at(-1), 3}, {at(2), 1}, {at(2.2), 3}, {at(5), 4}}}
	for _, c := range []struct {
		from, to float64
		want     int
	}{{-2, -1.5, 0}, {-1, 0, 3}, {0, 2, 3}, {2, 2.1, 1}, {1.9, 3, 1}, {2.1, 2.15, 1}, {2.2, 3, 3}, {4, 6, 3}, {5, 6, 4}, {9, 10, 4}} {
		if got := p.lowest(at(c.from), at(c.to)); got != c.want {
			t.Errorf("from %g to %g s: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

func TestLookupsAreCountedAndTimedApart(t *testing.T) {
	f := NewFold()
	for start := -warmup; start < 10*time.Second; start += seatrial.Width {
		iv := seatrial.Interval{Load: "browse", Planned: 1, Sent: 1, Succeeded: 1, Lookups: seatrial.Buckets{}}
		journal.Record(iv.Lookups, time.Millisecond)
		if start >= 9*time.Second {
			journal.Record(iv.Lookups, 5*time.Second)
			iv.LookupsFailed = 1
		}
		f.window.Add(start, iv)
	}
	l := f.Summary().Workload.DNSLookups
	if l == nil || l.Count != 110 || l.Failed != 10 || *l.Latency.P50 != 0.001 || *l.Latency.Max < 5 || *l.Latency.Max > 5.01 {
		t.Errorf("%s; want 110 lookups since the start, of which 10 failed after 5 s", shown(f.Summary().Workload))
	}
}

func TestAnUpgradeIsToldInWords(t *testing.T) {
	done := Upgrade{"node pool", "surge", 5, ptr(seatrial.Seconds(11)), 2, 2, []NodeUpgrade{{"a", 5, ptr(seatrial.Seconds(4))}, {"b", 9, ptr(seatrial.Seconds(6))}}}
	if got := done.words(); got != "node pool by surge: 2 of 2 nodes replaced in 11 s; a node took 5 s (median), 6 s at most" {
		t.Error(got)
	}
	if got := (Upgrade{Pool: "node pool", Strategy: "surge", Nodes: 3}).words(); got != "node pool by surge: 3 nodes, not over before the end" {
		t.Error(got)
	}
}
