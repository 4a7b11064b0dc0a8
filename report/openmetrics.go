package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// OpenMetrics writes what the trials in some run folders counted, as one
// OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec): the
// counters and histograms of each load in each phase, when phases and faults
// were, and the figures that reports show. The label run tells trials apart.
//
// Samples have no timestamps: they are totals of something that is over.
func OpenMetrics(w io.Writer, folders []string) error {
	e := &exposition{byName: map[string]*family{}}
	for _, folder := range folders {
		if err := e.run(folder); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	for _, f := range e.families {
		fmt.Fprintf(&out, "# TYPE %s %s\n# HELP %s %s\n", f.name, f.kind, f.name, escape(f.help))
		if f.unit != "" {
			fmt.Fprintf(&out, "# UNIT %s %s\n", f.name, f.unit)
		}
		out.Write(f.samples.Bytes())
	}
	out.WriteString("# EOF\n")
	_, err := w.Write(out.Bytes())
	return err
}

// exposition collects families: the samples of one stand together, whatever
// trial they are of.
type exposition struct {
	families []*family
	byName   map[string]*family
	trial    labels // of the trial at hand
}

type family struct {
	name, kind, unit, help string
	samples                bytes.Buffer
}

// labels are names and values in turn.
type labels []string

func (e *exposition) family(name, kind, unit, help string) *family {
	f, ok := e.byName[name]
	if !ok {
		f = &family{name: name, kind: kind, unit: unit, help: help}
		e.byName[name] = f
		e.families = append(e.families, f)
	}
	return f
}

// sample writes one line; the suffix belongs to the family's kind.
func (e *exposition) sample(f *family, suffix string, value string, more ...string) {
	var pairs []string
	for all := slices.Concat(e.trial, more); len(all) > 0; all = all[2:] {
		pairs = append(pairs, all[0]+`="`+escape(all[1])+`"`)
	}
	fmt.Fprintf(&f.samples, "%s%s{%s} %s\n", f.name, suffix, strings.Join(pairs, ","), value)
}

// escape is for the values of labels and for help texts.
func escape(text string) string {
	return metricText.Replace(strings.ToValidUTF8(text, "�"))
}

var metricText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (e *exposition) run(folder string) error {
	f, err := foldRun(folder)
	if err != nil {
		return err
	}
	e.add(f)
	return nil
}

func (e *exposition) add(f *Fold) {
	s := f.Summary()
	e.trial = labels{"run", s.ID, "scenario", s.Scenario, "variant", s.Variant}
	e.sample(e.family("seatrial_trial", "info", "", "What was tried, and what came of it."), "_info", "1",
		"backend", s.Backend, "seed", strconv.FormatUint(s.Seed, 10), "verdict", string(s.Verdict), "expect", string(s.Expect), "started", s.Started, "release", s.Versions.Seatrial)
	for _, fault := range s.Faults {
		e.sample(e.family("seatrial_fault", "info", "", "A fault, its targets, and when it was, in seconds since the trial's start; empty: never."), "_info", "1",
			"fault", fault.Name, "kind", fault.Kind, "targets", strings.Join(fault.Targets, ","),
			"planned_at", maybeNumber(fault.PlannedAt), "injected_at", maybeNumber(fault.InjectedAt),
			"proven_at", maybeNumber(fault.ProvenAt), "reverted_at", maybeNumber(fault.RevertedAt))
	}
	for _, p := range f.spans(s, lifeOf(s.Faults)) {
		e.sample(e.family("seatrial_phase", "info", "", "A phase, and when it was, in seconds since the trial's start."), "_info", "1",
			"phase", p.name, "from", number(float64(p.From)), "to", number(float64(p.To)))
		for _, name := range f.loadNames() {
			e.load(f.window.sum(name, p.first, p.last), "load", name, "phase", p.name)
		}
	}
	for _, figure := range Figures() {
		if value := figure.Of(s); value != nil {
			e.sample(e.family(figureName(figure), "gauge", "", figure.Words+"."), "", number(*value))
		}
	}
}

// span is a phase, and the intervals that are in it.
type span struct {
	name string
	*Phase
	first, last time.Duration
}

func (f *Fold) spans(s *Summary, l life) []span {
	if l.injected == nil {
		return []span{{"before", s.Phases.Before, 0, forever}}
	}
	from, to := l.present()
	spans := []span{{"before", s.Phases.Before, 0, from}, {"fault", s.Phases.Fault, from, to}, {"recovery", s.Phases.Recovery, to, forever}}
	return slices.DeleteFunc(spans, func(p span) bool { return p.Phase == nil })
}

// load writes what was due to one load in one phase.
func (e *exposition) load(sum *seatrial.Interval, where ...string) {
	requests := e.family("seatrial_requests", "counter", "", "Requests that were due, by what became of them; dropped ones were never sent.")
	for _, outcome := range []struct {
		name string
		n    int64
	}{{"succeeded", sum.Succeeded}, {"failed", sum.Failed}, {"dropped", sum.Dropped}} {
		e.sample(requests, "_total", strconv.FormatInt(outcome.n, 10), append(where, "outcome", outcome.name)...)
	}
	failures := e.family("seatrial_request_errors", "counter", "", "Failed requests by the class of their error.")
	for _, class := range slices.Sorted(maps.Keys(sum.Errors)) {
		e.sample(failures, "_total", strconv.FormatInt(sum.Errors[class], 10), append(where, "class", class)...)
	}
	for _, c := range []struct {
		name, help string
		n          int64
	}{
		{"seatrial_requests_hurt", "Requests that failed, were dropped, or took longer than users bear.", sum.Hurt},
		{"seatrial_requests_late", "Requests that the generator itself sent late.", sum.Late},
		{"seatrial_requests_pool_waited", "Requests that waited for a place in the load's own pool.", sum.PoolWaited},
		{"seatrial_requests_catch_up_limited", "Requests that the load's own bound on catching up held back.", sum.CatchUpLimited},
		{"seatrial_attempts", "Connections that were asked for: resends, retries and hedges too.", sum.Attempts},
		{"seatrial_retries", "Attempts that a retry of the client began.", sum.Retried},
		{"seatrial_hedges", "Attempts that were hedges.", sum.Hedged},
		{"seatrial_requests_rejected", "Sent requests that the client's own breaker or limit ended.", sum.Rejected},
	} {
		e.sample(e.family(c.name, "counter", "", c.help), "_total", strconv.FormatInt(c.n, 10), where...)
	}
	e.histogram("seatrial_request_latency_seconds", "Time from when a request was due to the end of its answer or its timeout.", sum.Latency, where)
	e.histogram("seatrial_request_service_time_seconds", "The same from when it was sent.", sum.Service, where)
}

// edges are upper bounds of buckets, six a decade from 100 µs to 100 s. Each is
// an edge of the journal's own histogram, so that the counts are exact.
var edges = func() []int32 {
	var list []int32
	for decade := 100 * time.Microsecond; decade < 100*time.Second; decade *= 10 {
		for _, tenths := range []time.Duration{10, 15, 20, 30, 50, 70} {
			list = append(list, journal.Index(decade*tenths/10))
		}
	}
	return append(list, journal.Index(100*time.Second))
}()

// histogram writes cumulative buckets; the sum has the error of the journal's
// histogram.
func (e *exposition) histogram(name, help string, b seatrial.Buckets, where []string) {
	f := e.family(name, "histogram", "seconds", help)
	below, total, sum := make([]int64, len(edges)), int64(0), 0.0
	for i, n := range b {
		first, _ := slices.BinarySearch(edges, i)
		if first < len(edges) {
			below[first] += n
		}
		total += n
		sum += float64(n) * journal.Value(i).Seconds()
	}
	seen := int64(0)
	for i, edge := range edges {
		seen += below[i]
		e.sample(f, "_bucket", strconv.FormatInt(seen, 10), append(where, "le", number(journal.Value(edge).Seconds()))...)
	}
	e.sample(f, "_bucket", strconv.FormatInt(total, 10), append(where, "le", "+Inf")...)
	e.sample(f, "_count", strconv.FormatInt(total, 10), where...)
	e.sample(f, "_sum", number(tidy(sum)), where...)
}

// figureName ends in the unit, as names of metrics do.
func figureName(f Figure) string {
	name := "seatrial_figure_" + f.Name
	if f.Unit == Count || strings.HasSuffix(name, "_"+string(f.Unit)) {
		return name
	}
	return name + "_" + string(f.Unit)
}

// number has a point, as OpenMetrics wants for the edges of buckets.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(text, ".eIN") {
		text += ".0"
	}
	return text
}

func maybeNumber(s *seatrial.Seconds) string {
	if s == nil {
		return ""
	}
	return number(float64(*s))
}
