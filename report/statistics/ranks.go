package statistics

import (
	"math"
	"slices"
)

// doubledRanks gives each value twice its midrank, so that ranks of ties stay
// whole numbers: the mean of ranks 2 and 3 becomes 5.
func doubledRanks(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
	ranks := make([]int, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = i + 1 + j
		}
		i = j
	}
	return ranks
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// subsetSums[s] is the probability that the ranks of a random subset sum to s,
// when each rank is in it with probability 1/2.
func subsetSums(ranks []int) []float64 {
	p := []float64{1}
	for _, r := range ranks {
		next := make([]float64, len(p)+r)
		for s, v := range p {
			next[s] += v / 2
			next[s+r] += v / 2
		}
		p = next
	}
	return p
}

// choiceSums[s] is the probability that size of the ranks, drawn without
// replacement, sum to s.
func choiceSums(ranks []int, size int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([][]float64, size+1) // by how many are drawn, then by their sum
	for k := range ways {
		ways[k] = make([]float64, total+1)
	}
	ways[0][0] = 1
	reached := 0 // the sum of the ranks so far: beyond it there is nothing to add
	for seen, r := range ranks {
		reached += r
		for k := min(size, seen+1); k > 0; k-- {
			to, from := ways[k][r:reached+1], ways[k-1][:reached+1-r]
			for s := len(to) - 1; s >= 0; s-- {
				to[s] += from[s]
			}
		}
	}
	all := 0.0
	for _, n := range ways[size] {
		all += n
	}
	for s := range ways[size] {
		ways[size][s] /= all
	}
	return ways[size]
}

// atLeastAsFar is the probability of a sum that is at least as far from the
// middle. Sums are whole or half numbers and far smaller than 2⁵⁰, so the
// comparison is exact.
func atLeastAsFar(p []float64, sum, middle float64) float64 {
	total := 0.0
	for s, v := range p {
		if math.Abs(float64(s)-middle) >= math.Abs(sum-middle) {
			total += v
		}
	}
	return min(1, total)
}

// lowerTail is the largest number k of sums 0 … k-1 whose probability together
// is at most the given one, and that probability.
func lowerTail(p []float64, most float64) (k int, tail float64) {
	for k < len(p) && tail+p[k] <= most*(1+1e-12) { // 1/32 is not to fail by a rounding
		tail += p[k]
		k++
	}
	return k, tail
}

// normalTwoSided is the probability of a normal deviate at least as far from
// zero.
func normalTwoSided(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// NormalQuantile is the deviate below which a normal variate falls with
// probability p.
func NormalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// kth finds the k-th smallest (from 1) of many numbers that are not written
// down, but can be counted: count says how many are at most t. It halves the
// ordered float64s, so the result is exact, after 64 counts.
func kth(k int, count func(t float64) int) float64 {
	low, high := ordered(math.Inf(-1)), ordered(math.Inf(1))
	for low < high {
		middle := low + (high-low)/2
		if count(unordered(middle)) >= k {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return unordered(low)
}

// ordered maps float64 to uint64 so that the order stays.
func ordered(f float64) uint64 {
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

func unordered(u uint64) float64 {
	if u>>63 == 1 {
		return math.Float64frombits(u &^ (1 << 63))
	}
	return math.Float64frombits(^u)
}
