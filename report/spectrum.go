package report

import (
	"fmt"
	"math"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// Curve is the latency of a phase from the median to the longest.
type Curve struct {
	Name   string
	Points []Point
}

// Point says that the share Quantile of the requests took no longer.
type Point struct {
	Quantile float64
	Latency  seatrial.Seconds
}

// The percentile spectrum.
const (
	perDecade   = 10 // points of a curve
	mostDecades = 6  // up to 99.9999 %
)

// spectrum has a curve for each phase in which anything was sent.
func (f *Fold) spectrum(l life) []Curve {
	var list []Curve
	add := func(name string, from, to time.Duration) {
		if points := curve(f.window.sum("", from, to).Latency); points != nil {
			list = append(list, Curve{name, points})
		}
	}
	if l.injected == nil {
		add("all", 0, forever)
		return list
	}
	from, to := l.present()
	add("before", 0, from)
	add("fault", from, to)
	add("recovery", to, forever)
	return list
}

// curve reads quantiles at equal steps of a logarithmic scale of 1 - q, as far
// as the samples tell them apart: the last point is the longest of all.
func curve(b seatrial.Buckets) []Point {
	n := journal.Count(b)
	if n == 0 {
		return nil
	}
	var points []Point
	for i := range mostDecades*perDecade + 1 {
		left := math.Pow(10, -float64(i)/perDecade)
		if left*float64(n) <= 1 {
			break
		}
		points = append(points, Point{1 - left, seatrial.InSeconds(journal.Quantile(b, 1-left))})
	}
	return append(points, Point{1 - max(1/float64(n), math.Pow(10, -mostDecades)), seatrial.InSeconds(journal.Max(b))})
}

// spectrumChart has the percentile on a scale that gives every further nine the
// same room.
func spectrumChart(p *Page) chart {
	c := chart{ID: "spectrum", Title: "How long, for how many",
		Desc: "Latency by percentile, for each phase. Every further nine has the same room; both scales are logarithmic.",
		Head: []string{"phase", "p50", "p90", "p95", "p99", "p99.9", "longest"}}
	decades, low, high := 1.0, -3.0, 0.0
	for _, curve := range p.Spectrum {
		for _, point := range curve.Points {
			decades = max(decades, -math.Log10(1-point.Quantile))
			low = min(low, math.Floor(math.Log10(float64(max(point.Latency, 1e-4)))))
			high = max(high, math.Ceil(math.Log10(float64(max(point.Latency, 1e-4)))))
		}
	}
	for _, curve := range p.Spectrum {
		d, pen := "", "M"
		for _, point := range curve.Points {
			d += fmt.Sprintf("%s%.1f %.1f", pen, full*-math.Log10(1-point.Quantile)/decades,
				full-full*(math.Log10(float64(max(point.Latency, 1e-6)))-low)/(high-low))
			pen = "L"
		}
		c.Lines = append(c.Lines, shape{Class: curve.Name, Label: curve.Name, D: d})
	}
	c.Keys = c.Lines
	c.Y = decadeTicks(low, high)
	for nines, label := range []string{"0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"} {
		if float64(nines) <= decades {
			c.X = append(c.X, tick{Pos: 100 * float64(nines) / decades, Label: label})
		}
	}
	for _, n := range namedPhases(p.Summary) {
		t := n.Latency
		c.Rows = append(c.Rows, []string{n.Name, maybeSeconds(t.P50), maybeSeconds(t.P90), maybeSeconds(t.P95), maybeSeconds(t.P99), maybeSeconds(t.P999), maybeSeconds(t.Max)})
	}
	return c
}

// decadeTicks label the powers of ten of a logarithmic scale.
func decadeTicks(low, high float64) []tick {
	var ticks []tick
	for e := low; e <= high; e++ {
		ticks = append(ticks, tick{Pos: (e - low) / (high - low) * 100, Label: seconds(seatrial.Seconds(math.Pow(10, e)))})
	}
	return ticks
}
