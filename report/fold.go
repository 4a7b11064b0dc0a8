package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// Fold takes in a journal line by line. Its memory grows with the length of
// the trial and the number of loads, not with the number of requests.
type Fold struct {
	header  *journal.Header
	trailer *journal.Trailer
	window  *Window
	marks   []mark
	places  []place
	changes []podChange
	nodes   []nodeChange
	// evictions are attempts, whatever became of them.
	evictions []eviction
	upgrades  []upgradeStep
	alarms    []journal.Line // warnings about nodes and pods
	front     []FrontChange
	agents    map[string]seatrial.AgentReport
	events    []journal.Line // the first of them, for the page
	damage    []string
	spoilt    int // number of damaged lines
}

// mark is one step of a fault.
type mark struct {
	at   time.Duration
	name string
	seatrial.FaultMark
}

// place is a pod's node since some time.
type place struct {
	at        time.Duration
	pod, node string
}

// nodeChange is how a node is since some time.
type nodeChange struct {
	at   time.Duration
	node string
	journal.NodeChange
}

// eviction is one attempt to evict a pod.
type eviction struct {
	at time.Duration
	seatrial.Eviction
}

const (
	mostEvents = 400 // kept for the page
	mostDamage = 3   // named; the others are counted
)

// NewFold returns a fold of an empty journal.
func NewFold() *Fold {
	return &Fold{window: NewWindow(), agents: map[string]seatrial.AgentReport{}}
}

// Add takes what [journal.Read] yields. A damaged line is remembered and makes
// the trial invalid.
func (f *Fold) Add(line journal.Line, err error) {
	if err == nil {
		if err = f.take(line); err != nil {
			err = &journal.LineError{Number: line.Number, Err: err}
		}
	}
	if err == nil {
		return
	}
	f.spoilt++
	if len(f.damage) < mostDamage {
		f.damage = append(f.damage, err.Error())
	}
}

func (f *Fold) take(line journal.Line) error {
	if line.Kind == seatrial.KindLoad {
		iv, err := line.Interval()
		if err == nil {
			f.window.Add(line.At, iv)
		}
		return err
	}
	if line.Kind != seatrial.KindTrial && len(f.events) < mostEvents {
		f.events = append(f.events, line)
	}
	switch line.Kind {
	case seatrial.KindTrial:
		return f.takeTrial(line)
	case seatrial.KindFault:
		data, err := journal.Data[seatrial.FaultMark](line)
		f.marks = append(f.marks, mark{line.At, line.Subject, data})
		return err
	case seatrial.KindAgent:
		return f.takeAgent(line)
	case seatrial.KindNode, seatrial.KindPod:
		return f.takeChange(line)
	case seatrial.KindFront:
		return f.takeFront(line)
	case seatrial.KindUpgrade:
		return f.takeUpgrade(line)
	case seatrial.KindEviction:
		data, err := journal.Data[seatrial.Eviction](line)
		f.evictions = append(f.evictions, eviction{line.At, data})
		return err
	}
	return nil
}

// takeTrial keeps the first header and the last trailer.
func (f *Fold) takeTrial(line journal.Line) error {
	if line.Edge == seatrial.End {
		t, err := journal.Data[journal.Trailer](line)
		f.trailer = &t
		return err
	}
	if f.header != nil {
		return nil
	}
	h, err := journal.Data[journal.Header](line)
	if err == nil && h.Schema != journal.Schema {
		return fmt.Errorf("the journal has schema %d, this release reads %d", h.Schema, journal.Schema)
	}
	if err == nil {
		f.header = &h
	}
	return err
}

// takeAgent joins what an agent says at different times: the clock's offset
// comes early, the use of CPU at the end.
func (f *Fold) takeAgent(line journal.Line) error {
	r, err := journal.Data[seatrial.AgentReport](line)
	if err != nil {
		return err
	}
	known := f.agents[line.Subject]
	f.agents[line.Subject] = seatrial.AgentReport{
		ClockOffset: cmp.Or(r.ClockOffset, known.ClockOffset),
		OffsetBound: cmp.Or(r.OffsetBound, known.OffsetBound),
		CPU:         max(r.CPU, known.CPU),
		Cores:       max(r.Cores, known.Cores),
		Wall:        max(r.Wall, known.Wall),
		Lost:        cmp.Or(r.Lost, known.Lost),
	}
	return nil
}

// alarm keeps what people would be warned of.
func (f *Fold) alarm(line journal.Line) {
	if line.Severity == seatrial.Warning || line.Severity == seatrial.Severe {
		f.alarms = append(f.alarms, line)
	}
}

func (f *Fold) takeChange(line journal.Line) error {
	f.alarm(line)
	if len(line.Data) == 0 {
		return nil
	}
	if line.Kind == seatrial.KindNode {
		return f.takeNode(line)
	}
	change, err := journal.Data[journal.PodChange](line)
	if err != nil {
		return err
	}
	f.changes = append(f.changes, podChange{line.At, line.Subject, change})
	if change.Node != "" {
		f.places = append(f.places, place{line.At, line.Subject, change.Node})
	}
	return nil
}

// takeFront keeps what the front found out while the load was sent.
func (f *Fold) takeFront(line journal.Line) error {
	f.alarm(line)
	m, err := journal.Data[seatrial.FrontMark](line)
	f.front = append(f.front, FrontChange{At: seatrial.InSeconds(line.At), Cluster: line.Subject, Well: m.Well, Message: line.Message})
	return err
}

func (f *Fold) frontOf(h journal.Header) *Front {
	if h.Front == "" {
		return nil
	}
	return &Front{Is: h.Front, Found: append([]FrontChange{}, f.front...)}
}

func (f *Fold) takeNode(line journal.Line) error {
	change, err := journal.Data[journal.NodeChange](line)
	if err == nil {
		f.nodes = append(f.nodes, nodeChange{line.At, line.Subject, change})
	}
	return err
}

// Summary judges all that was taken in.
func (f *Fold) Summary() *Summary {
	h := f.plan()
	s := &Summary{
		Schema: Schema, ID: h.ID, Scenario: h.Scenario, Variant: h.Variant, Backend: h.Backend, Seed: h.Seed,
		Expect: cmp.Or(h.Expect, seatrial.Pass), Reasons: []string{},
		Part: part(f.window.sum("", 0, forever)), Loads: f.loads(0, forever), Faults: f.faults(h),
		Description: h.Description, Baseline: h.Baseline, Started: h.Started,
		Duration: seatrial.InSeconds(f.window.end()), Hurt: h.Hurt, Front: f.frontOf(h), Agents: f.agentList(), Nodes: h.Nodes, Clusters: h.Clusters,
		Versions: h.Versions, SourceSHA256: h.SourceSHA256, Command: h.Command,
		Warnings: append([]string{}, h.Warnings...),
	}
	f.strike(s.Faults)
	life := lifeOf(s.Faults)
	s.Phases = f.phases(life)
	s.Impact = f.impact(h, life)
	s.Workload = f.workload(s, life)
	s.Exposure = f.exposure(life, s.Faults)
	s.SLO = f.checks(h.SLO)
	s.Steady = f.steady(h)
	s.Warnings = append(s.Warnings, lagging(s)...)
	f.judge(s, h, life)
	s.Budget = f.budgets(s, h, life)
	s.Sentence = sentence(s)
	s.timeline = f.timeline(s)
	return s
}

// plan is the header; an empty one where the journal has none.
func (f *Fold) plan() journal.Header {
	if f.header == nil {
		return journal.Header{}
	}
	return *f.header
}

func (f *Fold) agentList() []Agent {
	list := []Agent{}
	for _, name := range slices.Sorted(maps.Keys(f.agents)) {
		list = append(list, Agent{name, f.agents[name]})
	}
	return list
}

// loadNames lists the loads in the plan's order, then what else the journal has.
func (f *Fold) loadNames() []string {
	var names []string
	for _, l := range f.plan().Loads {
		names = append(names, l.Name)
	}
	for _, name := range f.window.loads() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// loads is the part of each load; it is nil-free, so that JSON shows [].
func (f *Fold) loads(from, to time.Duration) []Named {
	list := []Named{}
	for _, name := range f.loadNames() {
		list = append(list, Named{name, part(f.window.sum(name, from, to))})
	}
	return list
}

func (f *Fold) checks(o journal.Objective) []Check {
	list := []Check{}
	for _, name := range f.loadNames() {
		for _, c := range measure(o, f.window.sum(name, 0, forever)) {
			c.Phase = "all"
			list = append(list, c)
		}
	}
	return list
}

// steady judges the second half of the warm-up, when start-up has settled.
// Without a warm-up nothing was to be steady.
func (f *Fold) steady(h journal.Header) Steady {
	if h.Backend == journal.Alone {
		return Steady{}
	}
	s := Steady{Objective: orDefault(h.SteadyState)}
	s.Held, s.Why = f.window.holds(s.Objective, -h.Timeline.Warmup.Duration()/2, 0)
	return s
}

// part turns sums into what a summary shows.
func part(sum *seatrial.Interval) Part {
	p := Part{
		Load: Counts{Planned: sum.Planned, Sent: sum.Sent, Succeeded: sum.Succeeded, Failed: sum.Failed,
			Dropped: sum.Dropped, Attempts: sum.Attempts, Retried: sum.Retried, Hedged: sum.Hedged,
			Rejected: sum.Rejected, Late: sum.Late, Hurt: sum.Hurt,
			PoolWaited: sum.PoolWaited, CatchUpLimited: sum.CatchUpLimited},
		Availability:  ratio(sum.Succeeded, sum.Planned),
		Amplification: ratio(sum.Attempts, sum.Sent),
		Latency:       times(sum.Latency),
		ServiceTime:   times(sum.Service),
		Errors:        sum.Errors,
	}
	if sum.Sent > 0 {
		p.MaxLag = &sum.MaxLag
	}
	return p
}

func times(b seatrial.Buckets) Times {
	if journal.Count(b) == 0 {
		return Times{}
	}
	at := func(q float64) *seatrial.Seconds { return ptr(seatrial.InSeconds(journal.Quantile(b, q))) }
	return Times{P50: at(0.5), P90: at(0.9), P95: at(0.95), P99: at(0.99), P999: at(0.999), Max: at(1)}
}

// ratio is nil for a share of nothing.
func ratio(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	return ptr(float64(part) / float64(whole))
}

func ptr[T any](v T) *T { return &v }

// bare is a pod's name without its namespace, as the pod itself knows it.
func bare(pod string) string { return pod[strings.LastIndexByte(pod, '/')+1:] }
