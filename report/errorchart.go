package report

import (
	"cmp"
	"maps"
	"slices"
)

// mostClasses of errors have a colour of their own; the rarer ones share one.
const mostClasses = 4

// errorChart shows failed requests by the class of their error; false where
// none failed.
func errorChart(p *Page, a axis) (chart, bool) {
	c := chart{ID: "errors", Title: "Why requests failed, per second",
		Desc: "Failed requests a second by the time they were due and the class of their error, stacked."}
	classes := commonest(p.Bins)
	if len(classes) == 0 {
		return c, false
	}
	top := 0.0
	for _, b := range p.Bins {
		top = max(top, perSecond(b, failedBy(b, "", classes)))
	}
	top = roundUp(top)
	ground := make([]float64, len(p.Bins))
	for i, class := range classes {
		s := shape{Class: "e" + string(rune('1'+i)), Label: class}
		s.D = binLayer(p.Bins, a, ground, top, func(b Bin) int64 { return failedBy(b, class, classes) })
		c.Keys, c.Areas = append(c.Keys, s), append(c.Areas, s)
	}
	for _, share := range []float64{0, 0.5, 1} {
		c.Y = append(c.Y, tick{Pos: share * 100, Label: significant(top*share) + "/s"})
	}
	c.Head = append([]string{"due at"}, classes...)
	for _, b := range thinned(p.Bins) {
		row := []string{clock(b.From)}
		for _, class := range classes {
			row = append(row, count(failedBy(b, class, classes)))
		}
		c.Rows = append(c.Rows, row)
	}
	return c, true
}

// others stands for the rarer classes.
const others = "others"

// commonest lists the classes that have a colour of their own, the most common
// first.
func commonest(bins []Bin) []string {
	total := map[string]int64{}
	for _, b := range bins {
		for class, n := range b.Errors {
			total[class] += n
		}
	}
	classes := slices.SortedFunc(maps.Keys(total), func(x, y string) int {
		return cmp.Or(cmp.Compare(total[y], total[x]), cmp.Compare(x, y))
	})
	if len(classes) > mostClasses+1 {
		classes = append(classes[:mostClasses:mostClasses], others)
	}
	return classes
}

// failedBy counts those of a class, of the rarer ones, or, for no class, all.
func failedBy(b Bin, class string, classes []string) int64 {
	sum := int64(0)
	for c, n := range b.Errors {
		if class == "" || c == class || class == others && !slices.Contains(classes, c) {
			sum += n
		}
	}
	return sum
}
