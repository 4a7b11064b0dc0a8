package statistics

import (
	"math"
	"slices"
)

// Holm adjusts p-values for their number: each result, held against alpha,
// keeps the probability of any false finding among all of them below alpha.
// The order stays.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(p[a], p[b]) })
	adjusted, floor := make([]float64, len(p)), 0.0
	for i, at := range order {
		floor = max(floor, min(1, p[at]*float64(len(p)-i)))
		adjusted[at] = floor
	}
	return adjusted
}

// Quantile interpolates linearly between the order statistics (Hyndman and
// Fan's definition 7, the usual one of R and NumPy). q lies in [0, 1]. Of
// nothing it is not a number.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := min(int(at), len(sorted)-1)
	high := min(low+1, len(sorted)-1)
	step := float64((at - float64(low)) * (sorted[high] - sorted[low])) // converted, so that no architecture fuses it with the sum
	return sorted[low] + step
}

// Deviation is the sample's standard deviation; of fewer than two values it is
// zero.
func Deviation(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)-1))
}

// RepeatsFor is the number of pairs with which a signed-rank test at level
// alpha finds a difference of that size among differences of that standard
// deviation, with the given power. It is the sample size of the test of a mean
// with Guenther's term for an unknown deviation (The American Statistician 35,
// 1981), divided by 3/π, the signed-rank test's efficiency for normal
// differences (Hodges and Lehmann 1956), and never fewer than can decide at
// all. It is zero where a million would not do.
func RepeatsFor(difference, deviation, alpha, power float64) int {
	if difference == 0 {
		return 0
	}
	zAlpha := NormalQuantile(1 - alpha/2)
	z := zAlpha + NormalQuantile(power)
	n := math.Ceil(math.Pi / 3 * (math.Pow(z*deviation/difference, 2) + zAlpha*zAlpha/2))
	if n > 1e6 {
		return 0
	}
	return max(int(n), FewestPairs(alpha))
}
