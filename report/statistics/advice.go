package statistics

import (
	"math"
	"math/rand/v2"
	"slices"
)

// How sure the noise of a few pairs is taken to be, see [Pessimism], and how the
// power of more of them is found.
const (
	sureOfNoise = 0.8
	draws       = 200
	mostDrawn   = 128 // pairs; beyond, the normal formula is right
)

// RepeatsLike is the number of pairs with which a signed-rank test at level alpha
// finds a difference of that size with the given power, where differences are as
// those at hand. It is zero where a million would not do.
//
// [RepeatsFor] goes by the limit for many pairs and by a spread that is known.
// Neither is so here: with a dozen pairs outliers cost more than in the limit,
// and the spread of a few pairs is a guess that is too low as often as not. So
// the pairs at hand, moved to the difference and spread out by [Pessimism], are
// drawn from again and again, and the test is tried (Collings, B. J. and Hamilton,
// M. A. (1988), Estimating the power of the two-sample Wilcoxon test for location
// shift, Biometrics 44, 847–860, by resampling). The draws hang on the numbers
// alone, so the advice is the same each time.
func RepeatsLike(differences []float64, difference, alpha, power float64) int {
	if len(differences) < 2 {
		return 0
	}
	by, wider := PairedShift(differences, 1-alpha), Pessimism(len(differences))
	high := RepeatsFor(difference, by.Spread(len(differences))*wider, alpha, power)
	if high == 0 || high > mostDrawn {
		return high
	}
	likely := make([]float64, len(differences))
	for i, d := range differences {
		likely[i] = difference + (d-by.Value)*wider
	}
	enough := func(n int) bool { return n >= mostDrawn || powerOf(likely, n, alpha) >= power }
	low := FewestPairs(alpha) - 1 // is not enough
	for !enough(high) {
		low, high = high, min(mostDrawn, high+high/2)
	}
	for high-low > 1 {
		if middle := (low + high) / 2; enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// Pessimism is the factor by which the spread of n pairs is to be raised, so that
// it is at least the true one in four cases of five, were it normal: the upper
// confidence limit that Browne, R. H. (1995), On the use of a pilot sample for
// sample size determination, Statistics in Medicine 14, 1933–1940, plans with.
// The quantile of χ² is Wilson and Hilferty's (1931, PNAS 17, 684–688), right to
// two digits from two degrees of freedom on.
func Pessimism(n int) float64 {
	free := float64(max(2, n-1))
	third := 1 - 2/(9*free) + NormalQuantile(1-sureOfNoise)*math.Sqrt(2/(9*free))
	return 1 / math.Sqrt(third*third*third)
}

// powerOf is the share of samples of n, drawn with replacement, in which the
// signed-rank test finds a difference.
func powerOf(values []float64, n int, alpha float64) float64 {
	k, _ := pairedTail(n, alpha/2)
	chance, found := rand.New(rand.NewPCG(uint64(n), 1)), 0
	d := make([]float64, n)
	for range draws {
		for i := range d {
			d[i] = values[chance.IntN(len(values))]
		}
		if rejects(d, k) {
			found++
		}
	}
	return float64(found) / draws
}

// rejects says whether the smaller rank sum of the differences, which it sorts, is
// one of the k smallest. Zeros count as nothing found. Ties share no ranks: drawn
// from one value, they have one sign.
func rejects(d []float64, k int) bool {
	slices.SortFunc(d, func(a, b float64) int { return compare(math.Abs(a), math.Abs(b)) })
	up, down := 0, 0
	for i, v := range d {
		switch {
		case v > 0:
			up += i + 1
		case v < 0:
			down += i + 1
		}
	}
	return up+down == len(d)*(len(d)+1)/2 && min(up, down) < k
}
