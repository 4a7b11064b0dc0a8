package report

import (
	"fmt"
	"strings"
)

// podChart shows how many pods were ready: of each bin the fewest, so that no
// dip is too short to be seen.
func podChart(p *Page, a axis) chart {
	c := stepChart(p, a, *p.Summary.Workload.DesiredPods, func(b Bin) *int { return b.Ready })
	c.ID, c.Title = "pods", "Pods that were ready"
	c.Desc = "The fewest pods that were ready at a time. The API learns late of a node that is gone."
	return c
}

// nodeChart shows the same of nodes; false where all were Ready all the time.
func nodeChart(p *Page, a axis) (chart, bool) {
	var first *int
	changed := false
	for _, b := range p.Bins {
		if first == nil {
			first = b.Nodes
		}
		changed = changed || first != nil && b.Nodes != nil && *b.Nodes != *first
	}
	if !changed {
		return chart{}, false
	}
	c := stepChart(p, a, *first, func(b Bin) *int { return b.Nodes })
	c.ID, c.Title = "nodes", "Nodes that were Ready"
	c.Desc = "The fewest nodes, of those for the workload, that were Ready at a time, as the API had it."
	return c, true
}

// stepChart is of a number that stays until it changes.
func stepChart(p *Page, a axis, desired int, of func(Bin) *int) chart {
	top := max(1, desired)
	for _, b := range p.Bins {
		if n := of(b); n != nil {
			top = max(top, *n)
		}
	}
	c := chart{Lines: []shape{{Class: "ready", Label: "ready", D: stepPath(p.Bins, a, top, of)}}}
	c.Keys = c.Lines
	c.Y = stepTicks(desired, top)
	c.Head = []string{"from", "ready"}
	c.Rows = steps(p.Bins, of)
	return c
}

// stepPath goes along each bin and then straight to the next; it breaks where
// nothing is known.
func stepPath(bins []Bin, a axis, top int, of func(Bin) *int) string {
	var d strings.Builder
	last := -1
	for _, b := range bins {
		n := of(b)
		switch {
		case n == nil:
			last = -1
			continue
		case last < 0:
			fmt.Fprintf(&d, "M%.1f %.1f", a.x(b.From), full-full*float64(*n)/float64(top))
		case *n != last:
			fmt.Fprintf(&d, "H%.1fV%.1f", a.x(b.From), full-full*float64(*n)/float64(top))
		}
		last = *n
		if n := len(bins); b.To == bins[n-1].To {
			fmt.Fprintf(&d, "H%.1f", a.x(b.To))
		}
	}
	return d.String()
}

// stepTicks are zero, the number that is desired and, where it has room of its
// own, the most that were ready.
func stepTicks(desired, top int) []tick {
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

// steps lists the bins in which the number changed.
func steps(bins []Bin, of func(Bin) *int) [][]string {
	var rows [][]string
	last := -1
	for _, b := range bins {
		n := of(b)
		if n == nil || *n == last || len(rows) == mostRows {
			continue
		}
		last = *n
		rows = append(rows, []string{clock(b.From), count(int64(last))})
	}
	return rows
}
