package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// columns of the timeline that is drawn in characters.
const columns = 56

// heights are what a character can show.
var heights = []rune("▁▂▃▄▅▆▇█")

// timeline draws the attack in characters, warm-up included: the 99th percentile
// on a logarithmic scale, the share of requests hurt, pods ready, and the faults.
func (f *Fold) timeline(s *Summary) []string {
	begin, _ := f.window.first()
	a := axis{min(0, begin), f.window.end()}
	if a.to <= a.from {
		return nil
	}
	var bins []Bin
	pods := f.pods()
	for i := range columns {
		b := Bin{From: a.at(i), To: a.at(i + 1)}
		b.Part = part(f.window.sum("", b.From, b.To))
		if len(pods.levels) > 0 && pods.levels[0].at < b.To {
			b.Ready = ptr(pods.lowest(max(b.From, pods.levels[0].at), b.To))
		}
		bins = append(bins, b)
	}
	low, high := decades(bins)
	lines := []string{
		drawn("p99", bins, func(b Bin) rune { return latencyHeight(b, low, high) },
			fmt.Sprintf("%s…%s", seconds(seatrial.Seconds(math.Pow(10, low))), seconds(seatrial.Seconds(math.Pow(10, high))))),
		drawn("hurt", bins, func(b Bin) rune { return shareHeight(ratio(b.Load.Hurt, b.Load.Planned)) }, "0…100 %"),
	}
	if desired := s.Workload.DesiredPods; desired != nil && *desired > 0 {
		lines = append(lines, drawn("pods", bins, func(b Bin) rune {
			if b.Ready == nil {
				return ' '
			}
			return shareHeight(ptr(min(1, float64(*b.Ready)/float64(*desired))))
		}, fmt.Sprintf("0…%d", *desired)))
	}
	for _, fault := range s.Faults {
		if fault.InjectedAt != nil {
			lines = append(lines, drawn(shortened(fault.Name), bins, func(b Bin) rune { return presence(fault, b) }, ""))
		}
	}
	return append(lines, scale(a))
}

// at is where column i begins, on whole intervals.
func (a axis) at(i int) time.Duration {
	return (a.from + (a.to-a.from)*time.Duration(i)/columns).Truncate(seatrial.Width)
}

func drawn(name string, bins []Bin, of func(Bin) rune, note string) string {
	var b strings.Builder
	for _, bin := range bins {
		b.WriteRune(of(bin))
	}
	return strings.TrimRight(fmt.Sprintf("%-9s %s  %s", name, b.String(), note), " ")
}

func latencyHeight(b Bin, low, high float64) rune {
	if b.Latency.P99 == nil {
		return ' '
	}
	share := (math.Log10(float64(max(*b.Latency.P99, 1e-6))) - low) / (high - low)
	return heights[int(min(7, max(0, share*8)))]
}

// shareHeight shows nothing as a dot, and what is more than nothing as more.
func shareHeight(share *float64) rune {
	switch {
	case share == nil:
		return ' '
	case *share == 0:
		return '·'
	}
	return heights[int(min(7, *share*8))]
}

// presence is dense where the fault is there, light where it begins or ends.
func presence(f Fault, b Bin) rune {
	from, to := f.InjectedAt.Duration(), forever
	if f.RevertedAt != nil {
		to = f.RevertedAt.Duration()
	}
	switch {
	case b.To <= from || b.From >= to:
		return '─'
	case b.From < from || b.To > to:
		return '▒'
	}
	return '█'
}

// shortened keeps a name within its column.
func shortened(name string) string {
	if r := []rune(name); len(r) > 9 {
		return string(r[:8]) + "…"
	}
	return name
}

// scale has the beginning of the trial, and round times after it where there is
// room.
func scale(a axis) string {
	line := []rune(strings.Repeat(" ", columns+8))
	free := 0
	for _, t := range timeTicks(a) {
		at := int(t.Pos / 100 * columns)
		if at < free || at+len([]rune(t.Label)) > len(line) {
			continue
		}
		copy(line[at:], []rune(t.Label))
		free = at + len([]rune(t.Label)) + 2
	}
	return strings.TrimRight(strings.Repeat(" ", 10)+string(line), " ")
}
