package scenarios

import (
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// compare reads spec.compare. It belongs to the scenario: a variant that were
// judged by a figure of its own could not be compared.
func (p *parser) compare(spec *yaml.Node) seatrial.CompareSpec {
	c := seatrial.CompareSpec{}
	if _, value := field(spec, "compare"); value != nil {
		p.decode(value, reflect.ValueOf(&c).Elem())
		p.checkMargin(value, c)
	}
	fill(&c.Metric, seatrial.RequestsHurt)
	fill(&c.Margin, c.Metric.Margin())
	return c
}

// checkMargin demands a margin of the metric's unit.
func (p *parser) checkMargin(n *yaml.Node, c seatrial.CompareSpec) {
	fill(&c.Metric, seatrial.RequestsHurt)
	_, margin := field(n, "margin")
	known := false
	for _, m := range seatrial.Metrics() {
		known = known || m == c.Metric
	}
	if margin == nil || !known {
		return // the metric's own, or reported already
	}
	w := where{node: margin}
	switch {
	case c.Margin.Share < 0 || c.Margin.Time < 0:
		p.bad(w, "%s is negative", margin.Value)
	case c.Margin == seatrial.Margin{} && margin.Value != "" && zero(margin.Value):
		p.badHint(w, "such as "+c.Metric.Margin().String(), "a margin of nothing leaves no difference that is too small to matter")
	case c.Metric.Share() && c.Margin.Time != 0:
		p.badHint(w, "such as 1%", "%s is a share, so its margin is a percentage", c.Metric)
	case !c.Metric.Share() && c.Margin.Share != 0:
		p.badHint(w, "such as 200ms", "%s is a time, so its margin is a duration", c.Metric)
	}
}

// zero is true for a margin that was read, and is nothing: one that could not
// be read is zero too, and reported already.
func zero(text string) bool {
	var m seatrial.Margin
	return m.UnmarshalText([]byte(text)) == nil
}
