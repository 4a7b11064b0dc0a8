package report

import (
	"math"
	"slices"
)

// Sample sums up one figure over many trials. A trial in which it never
// happened is counted in Never and is in nothing else: it is not zero.
type Sample struct {
	N     int `json:"n"`     // trials in which it happened
	Never int `json:"never"` // trials in which it did not
	// Seconds or ratios, as in summary.json; null where N is zero. P5 to P95
	// is the band that nine trials in ten lie in, see [QuantileOf].
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
	slices.Sort(known)
	at := func(q float64) *float64 { return ptr(tidy(QuantileOf(known, q))) }
	s.Median, s.P5, s.P95, s.Min, s.Max = at(0.5), at(0.05), at(0.95), at(0), at(1)
	return s
}

// QuantileOf is a quantile of values in ascending order, interpolated linearly
// between the two that it falls between: type 7 of Hyndman and Fan, "Sample
// Quantiles in Statistical Packages" (1996), which R and NumPy default to. It
// is for samples of some dozen trials, where [journal.Quantile]'s nearest rank
// would jump; of no values it is NaN.
func QuantileOf(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	place := q * float64(len(sorted)-1)
	below := int(place)
	if below >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	low, high := sorted[below], sorted[below+1]
	step := (place - float64(below)) * (high - low) // a variable, so that no architecture fuses it with the sum
	return low + step
}

// tidy rounds to what a time or a share can mean: nanoseconds, and one in 10⁹.
func tidy(v float64) float64 { return math.Round(v*1e9) / 1e9 }
