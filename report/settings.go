package report

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// settings puts in words how the clusters of a trial differ from what Kubernetes
// and the backend leave.
func settings(clusters []journal.Cluster) []pair {
	var list []pair
	for _, c := range clusters {
		words := sizeWords(c.Node)
		for _, t := range c.Timings {
			words = append(words, departureWords(t))
		}
		list = append(list, pair{"Cluster " + c.Name, strings.Join(words, "; ")})
	}
	return list
}

func sizeWords(size *journal.NodeSize) []string {
	if size == nil {
		return nil
	}
	var parts []string
	if size.CPU > 0 {
		parts = append(parts, fmt.Sprintf("%g cores", size.CPU))
	}
	if size.Memory > 0 {
		parts = append(parts, seatrial.Bytes(size.Memory).String()+" of memory")
	}
	return []string{"each worker has " + strings.Join(parts, " and ") + " for pods"}
}

// departureWords is such as "node monitor grace period shortened to 20 s
// (default 50 s)".
func departureWords(d seatrial.Departure) string {
	change := "raised"
	switch {
	case d.Unit == "s" && d.Value < d.Default:
		change = "shortened"
	case d.Unit == "s":
		change = "lengthened"
	case d.Value < d.Default:
		change = "lowered"
	}
	return fmt.Sprintf("%s %s to %s (default %s)", spaced(d.Name), change, amount(d.Value, d.Unit), amount(d.Default, d.Unit))
}

// spaced takes the words of a Kubernetes name apart; a unit at its end goes.
func spaced(name string) string {
	var b strings.Builder
	for _, r := range strings.TrimSuffix(name, "Seconds") {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func amount(value float64, unit string) string { return fmt.Sprintf("%g %s", value, unit) }

// comparedSettings are those of all variants, or, where they differ, of each.
func comparedSettings(c *Comparison) []pair {
	same := true
	for i := range c.Variants {
		same = same && reflect.DeepEqual(c.Variants[i].Clusters, c.Variants[0].Clusters)
	}
	var list []pair
	for i, v := range c.Variants {
		if same && i > 0 {
			break
		}
		for _, p := range settings(v.Clusters) {
			if !same {
				p.Label += " of " + v.Variant
			}
			list = append(list, p)
		}
	}
	return list
}
