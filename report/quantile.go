package report

import (
	"math"

	"github.com/seatrial/seatrial/report/statistics"
)

// Sample sums up one figure over many trials. A trial in which it never
// happened is counted in Never and is in nothing else: it is not zero.
type Sample struct {
	N     int `json:"n"`     // trials in which it happened
	Never int `json:"never"` // trials in which it did not
	// Seconds or ratios, as in summary.json; null where N is zero. P5 to P95
	// is the band that nine trials in ten lie in, see [statistics.Quantile].
	Median *float64 `json:"median"`
	P5     *float64 `json:"p5"`
	P95    *float64 `json:"p95"`
	Min    *float64 `json:"min"`
	Max    *float64 `json:"max"`
}

// SampleOf sums up values, of which nil is one that never happened.
func SampleOf(values []*float64) Sample {
	var known []float64
	for _, v := range values {
		if v != nil {
			known = append(known, *v)
		}
	}
	s := Sample{N: len(known), Never: len(values) - len(known)}
	if s.N == 0 {
		return s
	}
	at := func(q float64) *float64 { return ptr(tidy(statistics.Quantile(known, q))) }
	s.Median, s.P5, s.P95, s.Min, s.Max = at(0.5), at(0.05), at(0.95), at(0), at(1)
	return s
}

// tidy rounds to what a time or a share can mean: nanoseconds, and one in 10⁹.
func tidy(v float64) float64 { return math.Round(v*1e9) / 1e9 }
