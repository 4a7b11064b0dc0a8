package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// Page is what the HTML report shows beyond the summary.
type Page struct {
	Summary *Summary
	Header  journal.Header
	Bins    []Bin          // the whole attack, warm-up included, in at most [mostBins]
	Events  []journal.Line // what happened besides load, as far as it is kept
	// Spectrum has a curve for each phase in which anything was sent.
	Spectrum []Curve
}

// Bin is the load that was due in a part of the timeline.
type Bin struct {
	From, To time.Duration
	Part
	Ready *int // the fewest pods that were ready at a time in it; nil while no pod is known
	Nodes *int // the same of the workload's nodes; nil where the journal does not name them
}

// mostBins bounds the page's size: a trial of any length draws that many
// points at most.
const mostBins = 240

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// Page collects what the HTML report shows.
func (f *Fold) Page(s *Summary) *Page {
	return &Page{Summary: s, Header: f.plan(), Bins: f.bins(), Events: f.events, Spectrum: f.spectrum(lifeOf(s.Faults))}
}

// bins cuts the timeline into equal parts of a round length.
func (f *Fold) bins() []Bin {
	begin, _ := f.window.first()
	first, last := min(0, begin), f.window.end()
	step := binWidth(last - first)
	pods, nodes := f.pods(), f.readyNodes()
	var bins []Bin
	for from := first; from < last; from += step {
		sum := f.window.sum("", from, from+step)
		b := Bin{From: from, To: min(from+step, last), Part: part(sum)}
		if len(pods.levels) > 0 && pods.levels[0].at < b.To {
			b.Ready = ptr(pods.lowest(max(from, pods.levels[0].at), b.To))
		}
		if len(nodes) > 0 {
			b.Nodes = ptr(fewest(nodes, from, b.To))
		}
		bins = append(bins, b)
	}
	return bins
}

// readyNodes is how many of the workload's nodes were Ready since when. Those of
// the plan are Ready at first: without that no trial begins.
func (f *Fold) readyNodes() []level {
	ready := map[string]bool{}
	for _, n := range f.plan().Nodes {
		if !n.ControlPlane && !n.Agents {
			ready[n.Name] = true
		}
	}
	if len(ready) == 0 {
		return nil
	}
	levels := []level{{-journal.Span, len(ready)}}
	changes := slices.Clone(f.nodes)
	slices.SortStableFunc(changes, func(a, b nodeChange) int { return cmp.Compare(a.at, b.at) })
	for _, c := range changes {
		if _, known := ready[c.node]; known || c.Joined {
			ready[c.node] = c.Ready && !c.Removed
		}
		n := 0
		for _, is := range ready {
			if is {
				n++
			}
		}
		levels = append(levels, level{c.at, n})
	}
	return levels
}

// fewest is the lowest level in [from, to); levels are in order, and the first
// lies before all.
func fewest(levels []level, from, to time.Duration) int {
	least := math.MaxInt
	for i, l := range levels {
		if l.at < to && (i+1 == len(levels) || levels[i+1].at > from) {
			least = min(least, l.ready)
		}
	}
	return least
}

// binWidth is the smallest of 1, 2, 5 × 10ⁿ intervals that gives few enough
// bins.
func binWidth(span time.Duration) time.Duration {
	for unit := seatrial.Width; ; unit *= 10 {
		for _, times := range []time.Duration{1, 2, 5} {
			if span <= unit*times*mostBins {
				return unit * times
			}
		}
	}
}

// HTML writes the report as one file that needs nothing else: no script, no
// request. Everything in it is escaped, because names and messages come from
// scenario files and clusters.
func HTML(w io.Writer, p *Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"seconds": maybeSeconds, "percent": maybePercent, "clock": maybeClock, "count": count,
		"orNone": orNone, "unbroken": unbroken,
		"css": func() template.CSS { return template.CSS(pageStyle) },
	}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("parsing the page's template: %w", err)
	}
	return t.Execute(w, viewOf(p))
}

// view is a page in the words of its template.
type view struct {
	*Page
	S        *Summary
	Word     string
	Class    string // of the verdict
	Title    string
	Tiles    []tile
	Charts   []chart
	Phases   []phaseRow
	Faults   []faultRow
	SLO      []sloRow
	Budget   []pair
	Pods     []podRow
	Happened []pair // to the workload
	Trust    []pair
	Events   []eventRow
	Dropped  int // events that are not shown
}

type tile struct{ Label, Value, Note string }

type pair struct{ Label, Value string }

type phaseRow struct {
	Named
	Bad   int64 // failed and dropped
	Tries string
}

type faultRow struct {
	Fault
	What, Error string
	Evidence    []string
}

type sloRow struct {
	Check
	Word, Objective, Measured string
}

type podRow struct {
	Name, Node string
	Users      int
	Hurt       int // of them
	Hit        bool
	Share      float64 // of the most users on one pod, in per cent
}

type eventRow struct{ At, Kind, Subject, Class, Text string }

func viewOf(p *Page) view {
	s := p.Summary
	v := view{Page: p, S: s, Title: title(s), Class: string(s.Verdict), Tiles: tiles(s), Trust: trust(p),
		Happened: workloadWords(s)}
	v.Word, _ = verdictWord(s)
	v.Charts = charts(p)
	for _, n := range namedPhases(s) {
		v.Phases = append(v.Phases, phaseRow{n, n.Load.Failed + n.Load.Dropped, amplification(n.Part)})
	}
	for _, f := range s.Faults {
		row := faultRow{Fault: f, What: faultWhat(f), Evidence: evidence(f), Error: none}
		if f.InjectionError != nil {
			row.Error = fmt.Sprintf("%+.1f ms", float64(*f.InjectionError)*1e3)
		}
		v.Faults = append(v.Faults, row)
	}
	for _, c := range s.SLO {
		word := "✗ missed"
		if c.Pass {
			word = "✓ met"
		}
		v.SLO = append(v.SLO, sloRow{c, word, objectiveWords(c), measuredWords(c)})
	}
	v.Budget = budgetWords(s)
	v.Pods = podRows(s.Exposure)
	v.Events, v.Dropped = events(p.Events)
	return v
}

func podRows(pods []Pod) []podRow {
	most := 1
	for _, p := range pods {
		most = max(most, p.Users)
	}
	var rows []podRow
	for _, p := range pods {
		rows = append(rows, podRow{p.Pod, p.Node, p.Users, p.UsersHurt, p.Hit, 100 * float64(p.Users) / float64(most)})
	}
	return rows
}

// tiles are the four figures that say what users felt.
func tiles(s *Summary) []tile {
	if s.Phases.Fault == nil {
		return []tile{
			{"requests that succeeded", maybePercent(s.Availability), "of " + count(s.Load.Planned)},
			{"99 % answered within", maybeSeconds(s.Latency.P99), "from their due time"},
			{"longest wait", maybeSeconds(s.Latency.Max), "of any request"},
			{"hurt requests", count(s.Load.Hurt), hurtMeans(s)},
		}
	}
	note := "of those due during the " + faultWord(s)
	return []tile{
		{"requests hurt", maybePercent(s.Impact.RequestsHurt), note},
		{"users hurt", maybePercent(s.Impact.UsersHurt), "had at least one such request"},
		{"longest wait", maybeSeconds(s.Phases.Fault.Latency.Max), note},
		{"back to normal", recoveredIn(s), "after the " + faultWord(s) + " ended"},
	}
}

// trust says what a reader must know before believing a figure.
func trust(p *Page) []pair {
	s, l := p.Summary, p.Summary.Load
	list := []pair{
		{"Requests", fmt.Sprintf("%s planned = %s sent + %s dropped; %s sent late by the generator; largest lag of its own %s",
			count(l.Planned), count(l.Sent), count(l.Dropped), count(l.Late), maybeSeconds(s.MaxLag))},
		{"Attempts", attemptWords(s) + fmt.Sprintf("; %s, %s, %s not sent (breaker or limit)",
			counted(l.Retried, "retry", "retries"), plural(l.Hedged, "hedge"), plural(l.Rejected, "request"))},
		{"Errors", orNone(errorWords(s.Errors))},
		{"Latency", "from the time a request was due, so that a stalled client hides nothing; service time, from the sending: p99 " + maybeSeconds(s.ServiceTime.P99)},
		{"Quantiles", fmt.Sprintf("nearest rank on merged histograms, never too short, at most %.1f %% too long", journal.Error*100)},
		{"Timeouts", "stay in the figures with the time they took" + timeouts(p.Header)},
	}
	if !s.alone() {
		list = append(list,
			pair{"Left out", "the warm-up of " + seconds(p.Header.Timeline.Warmup)},
			pair{"Steady state", steadyWords(s.Steady)},
			pair{"Unavailable", unavailableWords(s)},
			pair{"Detected", detectedWords(s)})
	}
	if s.Front != nil {
		list = append(list, pair{"Front", frontWords(s)})
	}
	list = append(append(list, bounds(s)...), settings(s.Clusters)...)
	for _, a := range s.Agents {
		list = append(list, pair{"Generator " + a.Name, agentWords(a)})
	}
	return append(list, provenance(s)...)
}

func timeouts(h journal.Header) string {
	text := ""
	for _, l := range h.Loads {
		text += fmt.Sprintf("; load %s gives up after %s", l.Name, seconds(l.Timeout))
	}
	return text
}

func steadyWords(s Steady) string {
	var asked []string
	for _, c := range measure(s.Objective, &seatrial.Interval{}) {
		asked = append(asked, checkName(c)+" "+objectiveWords(c))
	}
	text := strings.Join(asked, ", ")
	if !s.Held {
		return text + "; did not hold before the faults: " + s.Why
	}
	return text + "; held in the second half of the warm-up"
}

func provenance(s *Summary) []pair {
	return []pair{
		{"Seed", fmt.Sprint(s.Seed)},
		{"Started", orNone(s.Started)},
		{"Versions", versionWords(s.Versions)},
		{"Scenario SHA-256", orNone(s.SourceSHA256)},
	}
}

func versionWords(v journal.Versions) string {
	var versions []string
	for _, known := range []pair{{"seatrial", v.Seatrial}, {"", v.Go}, {"Kubernetes", v.Kubernetes}, {"node image", v.NodeImage}} {
		if known.Value != "" {
			versions = append(versions, strings.TrimSpace(known.Label+" "+known.Value))
		}
	}
	return orNone(strings.Join(versions, ", "))
}

// mostShown bounds the list of events on a page.
const mostShown = 150

func events(lines []journal.Line) (rows []eventRow, dropped int) {
	for _, l := range lines {
		if len(rows) == mostShown {
			return rows, len(lines) - mostShown
		}
		rows = append(rows, eventRow{At: clock(l.At), Kind: string(l.Kind), Subject: l.Subject, Class: string(l.Severity), Text: eventText(l)})
	}
	return rows, 0
}

func eventText(l journal.Line) string {
	text := l.Message
	if mark, err := journal.Data[seatrial.FaultMark](l); l.Kind == seatrial.KindFault && err == nil {
		text = strings.TrimSpace(string(mark.Step) + " " + text)
	}
	if l.Edge != "" {
		text = strings.TrimSpace(string(l.Edge) + " " + text)
	}
	return text
}
