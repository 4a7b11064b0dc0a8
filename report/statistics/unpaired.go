package statistics

import (
	"math"
	"slices"
)

// mostExactTotal is the size of both samples together up to which the null
// distribution is counted out; that takes some millions of additions.
const mostExactTotal = 60

// MannWhitney is the two-sided rank-sum test of two independent samples. Ties
// get midranks. Up to 60 values the null distribution is the exact permutation
// distribution; beyond, a normal one with the permutation variance, which
// accounts for ties, and a continuity correction. Where a sample is empty, P
// is 1.
func MannWhitney(a, b []float64) Test {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return Test{P: 1, Exact: true}
	}
	ranks := doubledRanks(slices.Concat(a, b))
	sum := 0
	for _, r := range ranks[:n] {
		sum += r
	}
	middle := float64(n * (n + m + 1)) // of the doubled sum
	t := Test{
		Statistic: float64(sum)/2 - float64(n*(n+1))/2,
		Middle:    float64(n*m) / 2,
		P:         1, Exact: n+m <= mostExactTotal,
	}
	if t.Exact {
		t.P = atLeastAsFar(choiceSums(ranks, n), float64(sum), middle)
		return t
	}
	spread := math.Sqrt(float64(n*m) / float64(n+m) * variance(ranks))
	if spread > 0 {
		t.P = normalTwoSided(max(0, math.Abs(float64(sum)-middle)-1) / spread)
	}
	return t
}

// variance is the sample variance.
func variance(values []int) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	for _, v := range values {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	return squares / float64(len(values)-1)
}

// Shift is Hodges and Lehmann's estimate of how much larger a is than b: the
// median of all differences a[i]-b[j]. Its interval holds the shifts that the
// rank-sum test does not reject. Where a sample is empty it is zero with a
// confidence of zero.
func Shift(a, b []float64, confidence float64) Estimate {
	if len(a) == 0 || len(b) == 0 {
		return Estimate{}
	}
	x, y := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	at := func(k int) float64 { return kth(k, func(t float64) int { return differencesUpTo(x, y, t) }) }
	all := len(x) * len(y)
	k, tail := unpairedTail(len(x), len(y), (1-confidence)/2)
	return Estimate{Value: midpoint(at, all), Low: at(k), High: at(all + 1 - k), Confidence: 1 - 2*tail}
}

// unpairedTail is [pairedTail] for two samples.
func unpairedTail(n, m int, most float64) (k int, tail float64) {
	if n+m > mostExactTotal {
		z := -NormalQuantile(most)
		size := float64(n * m)
		k = int(size/2 - z*math.Sqrt(size*float64(n+m+1)/12))
		return max(1, k), most
	}
	p := choiceSums(plainRanks(n+m), n)[n*(n+1)/2:] // U counts from the smallest rank sum
	if k, tail = lowerTail(p, most); k > 0 {
		return k, tail
	}
	return 1, p[0]
}

// differencesUpTo counts the differences x[i]-y[j] of sorted samples that are
// at most t.
func differencesUpTo(x, y []float64, t float64) int {
	total, j := 0, 0
	for _, v := range x {
		for j < len(y) && v-y[j] > t {
			j++
		}
		total += len(y) - j
	}
	return total
}

// CliffsDelta is the probability that a value of a is larger than one of b,
// minus the probability that it is smaller: from -1 to 1. Where a sample is
// empty it is zero.
func CliffsDelta(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	y := slices.Sorted(slices.Values(b))
	balance := 0
	for _, v := range a {
		smaller, _ := slices.BinarySearch(y, v)
		upTo, _ := slices.BinarySearch(y, math.Nextafter(v, math.Inf(1)))
		balance += smaller - (len(y) - upTo)
	}
	return float64(balance) / float64(len(a)*len(y))
}
