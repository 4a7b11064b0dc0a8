package report

import (
	"fmt"
	"strings"
)

// podChart shows how many pods were ready: of each bin the fewest, so that no
// dip is too short to be seen.
func podChart(p *Page, a axis) chart {
	c := chart{ID: "pods", Title: "Pods that were ready",
		Desc: "The fewest pods that were ready at a time. The API learns late of a node that is gone."}
	desired := *p.Summary.Workload.DesiredPods
	top := max(1, desired)
	for _, b := range p.Bins {
		if b.Ready != nil {
			top = max(top, *b.Ready)
		}
	}
	c.Lines = []shape{{Class: "ready", Label: "ready", D: stepPath(p.Bins, a, top)}}
	c.Keys = c.Lines
	c.Y = podTicks(desired, top)
	c.Head = []string{"from", "ready"}
	c.Rows = podSteps(p.Bins)
	return c
}

// stepPath goes along each bin and then straight to the next; it breaks where
// nothing is known.
func stepPath(bins []Bin, a axis, top int) string {
	var d strings.Builder
	last := -1
	for _, b := range bins {
		switch {
		case b.Ready == nil:
			last = -1
			continue
		case last < 0:
			fmt.Fprintf(&d, "M%.1f %.1f", a.x(b.From), full-full*float64(*b.Ready)/float64(top))
		case *b.Ready != last:
			fmt.Fprintf(&d, "H%.1fV%.1f", a.x(b.From), full-full*float64(*b.Ready)/float64(top))
		}
		last = *b.Ready
		if n := len(bins); b.To == bins[n-1].To {
			fmt.Fprintf(&d, "H%.1f", a.x(b.To))
		}
	}
	return d.String()
}

// podTicks are zero, the number that is desired and, where it has room of its
// own, the most that were ready.
func podTicks(desired, top int) []tick {
	place := func(n int) tick {
		return tick{Pos: 100 * float64(n) / float64(top), Label: count(int64(n))}
	}
	ticks := []tick{place(0)}
	if desired > 0 {
		ticks = append(ticks, place(desired))
	}
	if float64(top-desired) > 0.2*float64(top) {
		ticks = append(ticks, place(top))
	}
	return ticks
}

// podSteps lists the bins in which the number changed.
func podSteps(bins []Bin) [][]string {
	var rows [][]string
	last := -1
	for _, b := range bins {
		if b.Ready == nil || *b.Ready == last || len(rows) == mostRows {
			continue
		}
		last = *b.Ready
		rows = append(rows, []string{clock(b.From), count(int64(last))})
	}
	return rows
}
