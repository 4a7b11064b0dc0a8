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

// RepeatsFor is the number of pairs with which a signed-rank test at level
// alpha finds a difference of that size with the given power, where
// [Estimate.Spread] of such differences is known. It is the normal sample size
// with Guenther's term for a spread that is estimated (The American
// Statistician 35, 1981), and never fewer than can decide at all. It is zero
// where a million would not do.
func RepeatsFor(difference, spread, alpha, power float64) int {
	if difference == 0 {
		return 0
	}
	zAlpha := NormalQuantile(1 - alpha/2)
	z := zAlpha + NormalQuantile(power)
	n := math.Ceil(math.Pow(z*spread/difference, 2) + zAlpha*zAlpha/2)
	if n > 1e6 {
		return 0
	}
	return max(int(n), FewestPairs(alpha))
}

// Spread is the standard error of the estimate times the square root of its n
// pairs, read from the width of its interval: unlike a standard deviation it
// does not mind the outliers that the estimate does not mind (Lehmann 1963,
// Annals of Mathematical Statistics 34, 1507–1512). For normal differences it
// is their standard deviation times the square root of π/3. It is zero where
// the interval has no width.
func (e Estimate) Spread(n int) float64 {
	if e.Confidence <= 0 {
		return 0
	}
	return (e.High - e.Low) / 2 * math.Sqrt(float64(n)) / NormalQuantile((1+e.Confidence)/2)
}
