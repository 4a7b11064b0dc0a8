package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// chart is drawn on a square of 1000 × 1000 that the page stretches; labels
// are HTML at percentages of it, so that they keep their size on any screen.
type chart struct {
	ID, Title, Desc string
	Areas, Lines    []shape
	Y, X            []tick
	Bands           []band
	Marks           []tick
	Keys            []shape // legend
	Head            []string
	Rows            [][]string // the same figures as a table
}

// shape is an SVG path; Class gives its colour.
type shape struct{ Class, D, Label string }

// tick is a label at a place, in per cent from the left or the bottom.
type tick struct {
	Pos          float64
	Class, Label string
	value        float64
}

// band is a shaded part of the timeline, in per cent from the left.
type band struct {
	From, Width  float64
	Class, Label string
	Level        int  // of the label above it: labels that would touch stand over each other
	Ends         bool // the label ends, rather than begins, where the band does
}

// End is where the band ends.
func (b band) End() float64 { return min(100, b.From+b.Width) }

const full = 1000.0

// Levels is how many rows the bands' labels need.
func (c chart) Levels() int {
	most := 0
	for _, b := range c.Bands {
		most = max(most, b.Level+1)
	}
	return most
}

// axis maps the timeline to the chart.
type axis struct{ from, to time.Duration }

func (a axis) x(t time.Duration) float64 {
	if a.to <= a.from {
		return 0
	}
	return full * float64(t-a.from) / float64(a.to-a.from)
}

func charts(p *Page) []chart {
	if len(p.Bins) == 0 {
		return nil
	}
	a := axis{p.Bins[0].From, p.Bins[len(p.Bins)-1].To}
	list := []chart{latencyChart(p, a), requestChart(p, a)}
	some := func(c chart, there bool) {
		if there {
			list = append(list, c)
		}
	}
	some(errorChart(p, a))
	if p.Summary.Workload.DesiredPods != nil {
		list = append(list, podChart(p, a))
	}
	some(nodeChart(p, a))
	some(eventChart(p, a))
	for i := range list {
		list[i].X, list[i].Bands, list[i].Marks = timeTicks(a), bands(p, a), faultMarks(p, a)
	}
	if len(p.Spectrum) > 0 {
		list = append(list, spectrumChart(p))
	}
	return list
}

// latencyChart has a logarithmic scale: healthy milliseconds and the seconds
// of a fault are both readable.
func latencyChart(p *Page, a axis) chart {
	c := chart{ID: "latency", Title: "How long requests took",
		Desc: "Median, 95th and 99th percentile, and longest latency by the time requests were due, on a logarithmic scale."}
	low, high := decades(p.Bins)
	y := func(s seatrial.Seconds) float64 {
		return full * (math.Log10(float64(max(s, 1e-6))) - low) / (high - low)
	}
	for _, l := range []struct {
		class, label string
		of           func(Times) *seatrial.Seconds
	}{
		{"max", "longest", func(t Times) *seatrial.Seconds { return t.Max }},
		{"p99", "p99", func(t Times) *seatrial.Seconds { return t.P99 }},
		{"p95", "p95", func(t Times) *seatrial.Seconds { return t.P95 }},
		{"p50", "median", func(t Times) *seatrial.Seconds { return t.P50 }},
	} {
		d := path(p.Bins, a, func(b Bin) (float64, bool) {
			v := l.of(b.Latency)
			if v == nil {
				return 0, false
			}
			return y(*v), true
		})
		c.Lines = append(c.Lines, shape{Class: l.class, D: d, Label: l.label})
	}
	c.Keys = c.Lines
	c.Y = decadeTicks(low, high)
	c.Head = []string{"due at", "median", "p95", "p99", "longest"}
	for _, b := range thinned(p.Bins) {
		c.Rows = append(c.Rows, []string{clock(b.From), maybeSeconds(b.Latency.P50), maybeSeconds(b.Latency.P95), maybeSeconds(b.Latency.P99), maybeSeconds(b.Latency.Max)})
	}
	return c
}

// decades are the powers of ten that enclose all latencies, and at least 1 ms
// to 1 s: what is calm shall look calm.
func decades(bins []Bin) (low, high float64) {
	low, high = -3, 0
	for _, b := range bins {
		if b.Latency.P50 == nil {
			continue
		}
		low = min(low, math.Floor(math.Log10(float64(max(*b.Latency.P50, 1e-4)))))
		high = max(high, math.Ceil(math.Log10(float64(max(*b.Latency.Max, 1e-4)))))
	}
	return low, high
}

// path joins the middles of the bins; where a bin has no value the line breaks.
func path(bins []Bin, a axis, y func(Bin) (float64, bool)) string {
	var d strings.Builder
	pen := "M"
	for _, b := range bins {
		v, ok := y(b)
		if !ok {
			pen = "M"
			continue
		}
		fmt.Fprintf(&d, "%s%.1f %.1f", pen, a.x((b.From+b.To)/2), full-v)
		pen = "L"
	}
	return d.String()
}

// outcomes are the layers of the request chart from the ground up.
var outcomes = []struct {
	class, label string
	of           func(Counts) int64
}{
	{"good", "in time", func(c Counts) int64 { return c.Succeeded - slow(c) }},
	{"slow", "succeeded, but hurt", slow},
	{"failed", "failed", func(c Counts) int64 { return c.Failed }},
	{"dropped", "dropped", func(c Counts) int64 { return c.Dropped }},
}

// slow is what succeeded too late.
func slow(c Counts) int64 { return max(0, c.Hurt-c.Failed-c.Dropped) }

func requestChart(p *Page, a axis) chart {
	c := chart{ID: "requests", Title: "What became of requests, per second",
		Desc: "Requests a second by the time they were due, stacked: in time, succeeded but hurt, failed, dropped."}
	top := 0.0
	for _, b := range p.Bins {
		top = max(top, perSecond(b, b.Load.Planned))
	}
	top = roundUp(top)
	ground := make([]float64, len(p.Bins))
	for _, o := range outcomes {
		s := shape{Class: o.class, Label: o.label, D: layer(p.Bins, a, ground, top, o.of)}
		c.Keys = append(c.Keys, s)
		if s.D != "" {
			c.Areas = append(c.Areas, s)
		}
	}
	for _, share := range []float64{0, 0.5, 1} {
		c.Y = append(c.Y, tick{Pos: share * 100, Label: significant(top*share) + "/s"})
	}
	c.Head = []string{"due at", "planned/s", "in time", "hurt", "failed", "dropped"}
	for _, b := range thinned(p.Bins) {
		row := []string{clock(b.From), significant(perSecond(b, b.Load.Planned))}
		for _, o := range outcomes {
			row = append(row, count(o.of(b.Load)))
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

func perSecond(b Bin, n int64) float64 { return float64(n) / (b.To - b.From).Seconds() }

// roundUp is the next of 1, 2, 5 × 10ⁿ.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, times := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if v <= unit*times*1.0001 {
			return unit * times
		}
	}
	return unit * 10
}

// layer draws one stack of bars on the ground that it raises; empty where it
// has no height anywhere.
func layer(bins []Bin, a axis, ground []float64, top float64, of func(Counts) int64) string {
	return binLayer(bins, a, ground, top, func(b Bin) int64 { return of(b.Load) })
}

func binLayer(bins []Bin, a axis, ground []float64, top float64, of func(Bin) int64) string {
	var d strings.Builder
	for i, b := range bins {
		h := full * perSecond(b, of(b)) / top
		if h <= 0 {
			continue
		}
		fmt.Fprintf(&d, "M%.1f %.1fV%.1fH%.1fV%.1fZ", a.x(b.From), full-ground[i], full-ground[i]-h, a.x(b.To), full-ground[i])
		ground[i] += h
	}
	return d.String()
}

// timeTicks are at most eight round times.
func timeTicks(a axis) []tick {
	span := (a.to - a.from).Seconds()
	step := roundStep(span / 7)
	var ticks []tick
	for n := math.Ceil(a.from.Seconds() / step); n*step <= a.to.Seconds(); n++ {
		t := time.Duration(math.Round(n * step * float64(time.Second)))
		label := strings.Replace(fmt.Sprintf("%g s", t.Seconds()), "-", "−", 1)
		ticks = append(ticks, tick{Pos: a.x(t) / 10, Label: label})
	}
	return ticks
}

// roundStep is a step of a time axis, in seconds.
func roundStep(least float64) float64 {
	for _, s := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600} {
		if s >= least {
			return s
		}
	}
	return math.Ceil(least/3600) * 3600
}

// bands shade the warm-up and each fault's presence.
func bands(p *Page, a axis) []band {
	var list []band
	if a.from < 0 {
		list = append(list, bandOf(a, a.from, 0, "warmup", "warm-up"))
	}
	for _, f := range p.Summary.Faults {
		if f.InjectedAt == nil {
			continue
		}
		end := a.to
		if f.RevertedAt != nil {
			end = min(f.RevertedAt.Duration(), a.to)
		}
		list = append(list, bandOf(a, f.InjectedAt.Duration(), end, "fault", f.Name))
	}
	return apartOnAPhone(list)
}

// letter is how wide one is, at most, in per cent of a chart on a phone.
const letter = 2.6

// apartOnAPhone raises labels until none touches another, and turns those that
// would leave the page.
func apartOnAPhone(list []band) []band {
	type place struct {
		level    int
		from, to float64
	}
	var taken []place
	free := func(p place) bool {
		return !slices.ContainsFunc(taken, func(t place) bool { return t.level == p.level && p.from < t.to && t.from < p.to })
	}
	for i := range list {
		b := &list[i]
		from, to := b.From, b.From+letter*float64(len(b.Label)+1)
		if to > 100 {
			b.Ends = true
			from, to = b.End()-(to-from), b.End()
		}
		for !free(place{b.Level, from, to}) {
			b.Level++
		}
		taken = append(taken, place{b.Level, from, to})
	}
	return list
}

func bandOf(a axis, from, to time.Duration, class, label string) band {
	return band{From: a.x(from) / 10, Width: max(0, a.x(to)-a.x(from)) / 10, Class: class, Label: label}
}

// faultMarks are the points in the faults' lives.
func faultMarks(p *Page, a axis) []tick {
	var list []tick
	for _, f := range p.Summary.Faults {
		for _, m := range []struct {
			step seatrial.FaultStep
			at   *seatrial.Seconds
		}{{seatrial.Planned, f.PlannedAt}, {seatrial.Injected, f.InjectedAt}, {seatrial.Proven, f.ProvenAt}, {seatrial.Reverted, f.RevertedAt}} {
			if m.at == nil || m.at.Duration() > a.to || m.at.Duration() < a.from {
				continue
			}
			list = append(list, tick{Pos: a.x(m.at.Duration()) / 10, Class: string(m.step),
				Label: fmt.Sprintf("%s %s %s", f.Name, m.step, maybeClock(m.at))})
		}
	}
	return list
}

// mostRows bounds the tables behind the charts.
const mostRows = 80

// thinned keeps every n-th bin of the calm parts, and every bin in which
// somebody was hurt, as far as the table's length allows.
func thinned(bins []Bin) []Bin {
	step := (len(bins) + mostRows/2 - 1) / (mostRows / 2)
	var kept []Bin
	for i, b := range bins {
		if i%step == 0 || b.Load.Hurt > 0 && len(kept) < mostRows {
			kept = append(kept, b)
		}
	}
	return kept
}
