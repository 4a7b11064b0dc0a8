package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// strips is a plot with one row for each variant on a shared axis. Like
// [chart], each row is drawn on a field of 1000 × 100 that the page stretches.
type strips struct {
	ID, Title, Desc string
	X               []tick
	Band            *band // what does not matter
	Zero            *float64
	Rows            []strip
}

// strip is one row; paths are of the SVG.
type strip struct {
	Label, Note, Class string
	Dots               string   // a dot for each trial or pair
	Bar                string   // the interval, or the middle half
	Mark               *float64 // the estimate or the median, in per cent from the left
}

// spanOf is the range of an axis that holds all values, with a margin at both
// ends; of nothing, or of one value, it is as wide as least.
func spanOf(values []float64, least float64) (low, high float64) {
	if len(values) == 0 {
		return 0, least
	}
	low, high = slices.Min(values), slices.Max(values)
	if missing := least - (high - low); missing > 0 {
		low, high = low-missing/2, high+missing/2
	}
	return low - (high-low)/25, high + (high-low)/25
}

// differenceStrips shows every pair's difference, and the interval that
// decides.
func differenceStrips(c *Comparison) *strips {
	s := &strips{ID: "differences", Title: "Difference of " + metricName(c.Metric) + " from " + c.Baseline,
		Desc: "A dot for each pair of trials, a bar for the interval, a line for the estimate. The shaded part is the margin: what lies in it does not matter."}
	values := []float64{0, -c.Margin, c.Margin}
	for i := range c.Versus {
		d := c.Versus[i].Primary(c.Metric)
		if d.Difference != nil {
			values = append(values, append(c.apart(c.Versus[i].Variant), *d.Low, *d.High)...)
		}
	}
	low, high := spanOf(values, 4*c.Margin)
	place := func(v float64) float64 { return full * (v - low) / (high - low) }
	for i := range c.Versus {
		s.Rows = append(s.Rows, differenceStrip(c, &c.Versus[i], place))
	}
	s.Zero = ptr(place(0) / 10)
	s.Band = &band{From: place(-c.Margin) / 10, Width: (place(c.Margin) - place(-c.Margin)) / 10, Label: "margin"}
	s.X = slices.DeleteFunc(valueTicks(low, high, func(v float64) string { return metricStep(c.Metric, v) }), cutOff)
	return s
}

// apart are the paired differences of the deciding metric, by seed.
func (c *Comparison) apart(variant string) []float64 {
	b, v, _ := pairs(c.variant(c.Baseline).of(c.Metric).Values, c.variant(variant).of(c.Metric).Values)
	return minus(v, b)
}

func differenceStrip(c *Comparison, v *Versus, place func(float64) float64) strip {
	word, _ := decisionTitle(v.Decision)
	row := strip{Label: v.Variant, Class: string(v.Decision), Note: word}
	d := v.Primary(c.Metric)
	if d.Difference == nil {
		return row
	}
	row.Note = word + ", " + metricStep(c.Metric, *d.Difference) + " (" + c.interval(d.Low, d.High, d.Confidence) + ")"
	row.Dots = dots(c.apart(v.Variant), place)
	row.Bar = bar(place(*d.Low), place(*d.High))
	row.Mark = ptr(place(*d.Difference) / 10)
	return row
}

// valueStrips shows every trial's figure, with its median and middle half.
func valueStrips(c *Comparison) *strips {
	s := &strips{ID: "values", Title: "All trials: " + metricName(c.Metric),
		Desc: "A dot for each valid trial, a box for the middle half of them, a line for the median."}
	var values []float64
	for i := range c.Variants {
		values = append(values, c.Variants[i].of(c.Metric).raw()...)
	}
	low, high := spanOf(values, 2*c.Margin)
	if len(values) > 0 && slices.Min(values) >= 0 && low < 0 {
		low = -(high - slices.Min(values)) / 25 // no figure is below zero
	}
	place := func(v float64) float64 { return full * (v - low) / (high - low) }
	for i := range c.Variants {
		f := c.Variants[i].of(c.Metric)
		row := strip{Label: c.Variants[i].Variant, Note: "no value", Dots: dots(f.raw(), place)}
		if f.Median != nil {
			row.Note = fmt.Sprintf("median %s, from %s to %s in %s", metricValue(c.Metric, f.Median),
				metricValue(c.Metric, f.Min), metricValue(c.Metric, f.Max), plural(int64(len(f.Values)), "trial"))
			row.Bar, row.Mark = bar(place(*f.P25), place(*f.P75)), ptr(place(*f.Median)/10)
		}
		s.Rows = append(s.Rows, row)
	}
	s.X = valueTicks(max(low, 0), high, func(v float64) string { return metricValue(c.Metric, &v) })
	for i := range s.X { // the axis begins below zero
		s.X[i].Pos = place(s.X[i].value) / 10
	}
	s.X = slices.DeleteFunc(s.X, cutOff)
	return s
}

// dots are strokes of no length, which round caps make into dots of a fixed
// size. Their height only keeps equal values apart; the golden ratio spreads
// any number of them evenly.
func dots(values []float64, place func(float64) float64) string {
	var d strings.Builder
	for i, v := range values {
		_, height := math.Modf(float64(i+1) * (math.Phi - 1))
		fmt.Fprintf(&d, "M%.1f %.1fh0", place(v), 15+70*height)
	}
	return d.String()
}

func bar(from, to float64) string { return fmt.Sprintf("M%.1f 50H%.1f", from, to) }

// cutOff is true for a label that would lie partly outside.
func cutOff(t tick) bool { return t.Pos < 2 || t.Pos > 98 }

// valueTicks are some five round values of an axis.
func valueTicks(low, high float64, label func(float64) string) []tick {
	step := roundUp((high - low) / 5)
	var ticks []tick
	for n := math.Ceil(low / step); n*step <= high; n++ {
		v, class := n*step, ""
		if n == 0 {
			class = "zero"
		}
		ticks = append(ticks, tick{Class: class, Pos: 100 * (v - low) / (high - low), Label: label(v), value: v})
	}
	return ticks
}
