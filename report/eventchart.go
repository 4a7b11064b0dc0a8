package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

type eventKinds struct {
	label string
	kinds []seatrial.Kind
}

// eventRowKinds are the rows of the event chart from the top, by what they show.
var eventRowKinds = []eventKinds{
	{"nodes", []seatrial.Kind{seatrial.KindNode, seatrial.KindUpgrade}},
	{"pods", []seatrial.Kind{seatrial.KindPod, seatrial.KindEviction}},
	{"front", []seatrial.Kind{seatrial.KindFront}},
	{"news", []seatrial.Kind{seatrial.KindKubeNews, seatrial.KindAudit}},
}

// eventChart puts what Kubernetes said on the timeline; false where it said
// nothing.
func eventChart(p *Page, a axis) (chart, bool) {
	c := chart{ID: "events", Title: "What Kubernetes said",
		Desc: "A dot for each event about nodes and pods, and for each of Kubernetes' own events."}
	height := 0.0
	for _, row := range eventRowKinds {
		if slices.ContainsFunc(p.Events, func(l journal.Line) bool { return told(l, a) && slices.Contains(row.kinds, l.Kind) }) {
			height++
		}
	}
	dots, at := map[string]*strings.Builder{"news": {}, "alarm": {}}, 0.0
	for _, row := range eventRowKinds {
		any := false
		for _, l := range p.Events {
			if !told(l, a) || !slices.Contains(row.kinds, l.Kind) {
				continue
			}
			any = true
			class := "news"
			if l.Severity == seatrial.Warning || l.Severity == seatrial.Severe {
				class = "alarm"
			}
			fmt.Fprintf(dots[class], "M%.1f %.1fh0", a.x(l.At), full*(at+0.5)/height)
		}
		if any {
			c.Y = append(c.Y, tick{Pos: 100 - 100*(at+0.5)/height, Label: row.label})
			at++
		}
	}
	for _, s := range []shape{{Class: "dot news", Label: "event"}, {Class: "dot alarm", Label: "warning"}} {
		if s.D = dots[strings.TrimPrefix(s.Class, "dot ")].String(); s.D != "" {
			c.Lines = append(c.Lines, s)
		}
	}
	c.Keys = c.Lines
	c.Head = []string{"at", "subject", "what"}
	for _, l := range p.Events {
		if told(l, a) && len(c.Rows) < mostRows {
			c.Rows = append(c.Rows, []string{clock(l.At), string(l.Kind) + " " + l.Subject, eventText(l)})
		}
	}
	return c, height > 0
}

// told leaves out how pods and nodes were when the watch began, and what came
// after the load.
func told(l journal.Line, a axis) bool {
	return l.At > a.from && l.At <= a.to && slices.ContainsFunc(eventRowKinds, func(r eventKinds) bool { return slices.Contains(r.kinds, l.Kind) })
}
