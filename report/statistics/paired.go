package statistics

import (
	"math"
	"slices"
)

// mostExactPairs is the number of pairs up to which the null distribution is
// counted out; beyond it the normal approximation is right to three digits.
const mostExactPairs = 50

// Wilcoxon is the two-sided signed-rank test of paired differences.
//
// Zeros are handled as Pratt does: they take part in the ranking, then leave.
// Ties get midranks. Up to 50 pairs the null distribution is the exact
// permutation distribution, every sign of the ranks at hand being equally
// likely; beyond, a normal one with the permutation variance and a continuity
// correction. Without a difference that is not zero, P is 1.
func Wilcoxon(differences []float64) Test {
	ranks, sum := signedRanks(differences)
	squares, total := 0.0, 0.0
	for _, r := range ranks {
		squares += float64(r) * float64(r)
		total += float64(r)
	}
	t := Test{Statistic: float64(sum) / 2, Middle: total / 4, P: 1, Exact: len(differences) <= mostExactPairs}
	switch {
	case len(ranks) == 0:
		t.Exact = true
	case t.Exact:
		t.P = atLeastAsFar(subsetSums(ranks), float64(sum), total/2)
	default:
		// A rank sum moves in steps of 1, a doubled one in steps of 2.
		distance := max(0, math.Abs(float64(sum)-total/2)-1)
		t.P = normalTwoSided(distance / math.Sqrt(squares/4))
	}
	return t
}

// signedRanks are the doubled ranks of what is not zero, and the sum of those
// with a positive difference.
func signedRanks(differences []float64) (ranks []int, positive int) {
	sizes := make([]float64, len(differences))
	for i, d := range differences {
		sizes[i] = math.Abs(d)
	}
	for i, r := range doubledRanks(sizes) {
		if differences[i] != 0 {
			ranks = append(ranks, r)
		}
		if differences[i] > 0 {
			positive += r
		}
	}
	return ranks, positive
}

// PairedShift is Hodges and Lehmann's estimate of the paired difference: the
// median of the Walsh averages (d[i]+d[j])/2, i ≤ j. Its interval holds the
// shifts that the signed-rank test does not reject. With closed ends it covers
// with the confidence said also where differences are tied (Noether).
//
// Of no differences it is zero with a confidence of zero.
func PairedShift(differences []float64, confidence float64) Estimate {
	n := len(differences)
	if n == 0 {
		return Estimate{}
	}
	d := slices.Sorted(slices.Values(differences))
	at := func(k int) float64 { return kth(k, func(t float64) int { return walshUpTo(d, t) }) }
	all := n * (n + 1) / 2
	k, tail := pairedTail(n, (1-confidence)/2)
	return Estimate{Value: midpoint(at, all), Low: at(k), High: at(all + 1 - k), Confidence: 1 - 2*tail}
}

// pairedTail says which Walsh average, counted from either end, bounds the
// interval, and how probable a true value beyond it is.
func pairedTail(n int, most float64) (k int, tail float64) {
	if n > mostExactPairs {
		size := float64(n)
		z := -NormalQuantile(most)
		k = int(size*(size+1)/4 - z*math.Sqrt(size*(size+1)*(2*size+1)/24))
		return max(1, k), most
	}
	p := subsetSums(plainRanks(n))
	if k, tail = lowerTail(p, most); k > 0 {
		return k, tail
	}
	return 1, p[0] // the widest there is
}

// plainRanks are 1 … n.
func plainRanks(n int) []int {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	return ranks
}

// walshUpTo counts the Walsh averages of sorted differences that are at most t.
func walshUpTo(d []float64, t float64) int {
	total, j := 0, len(d)-1
	for i := range d {
		for j >= i && d[i]/2+d[j]/2 > t {
			j--
		}
		if j < i {
			break
		}
		total += j - i + 1
	}
	return total
}

// midpoint is the median of all numbers that at finds by their place.
func midpoint(at func(k int) float64, all int) float64 {
	if all%2 == 1 {
		return at(all/2 + 1)
	}
	return at(all/2)/2 + at(all/2+1)/2
}

// FewestPairs is the smallest number of pairs with which [Wilcoxon] can come
// below alpha at all: fewer prove nothing, however large the difference.
func FewestPairs(alpha float64) int {
	n := 1
	for p := 1.0; p > alpha*(1+1e-12); p /= 2 { // 2/2ⁿ
		n++
	}
	return n
}
