package statistics

import "math"

// mostCounted is the mean from which a Poisson number is as good as normal.
const mostCounted = 1e4

// PoissonUpTo is the probability of at most k events where mean are expected and
// none depends on another (Poisson 1837).
func PoissonUpTo(k int, mean float64) float64 {
	switch {
	case k < 0:
		return 0
	case mean <= 0:
		return 1
	case mean > mostCounted:
		return math.Erfc((mean-float64(k)-0.5)/math.Sqrt(2*mean)) / 2
	}
	total, term := 0.0, 0.0
	for i := range k + 1 { // in logarithms: e^-mean alone is 0 for a mean beyond 745
		if i > 0 {
			term += math.Log(mean / float64(i))
		}
		total += math.Exp(term - mean)
		if float64(i) > mean+20*math.Sqrt(mean)+20 {
			break // what is left is nothing
		}
	}
	return min(1, total)
}

// PoissonQuantile is the smallest number of events that is not exceeded with
// probability p.
func PoissonQuantile(p, mean float64) int {
	switch {
	case mean <= 0:
		return 0
	case mean > mostCounted:
		return int(max(0, math.Ceil(mean+NormalQuantile(p)*math.Sqrt(mean)-0.5)))
	}
	total, term := 0.0, 0.0
	for k := 0; ; k++ {
		if k > 0 {
			term += math.Log(mean / float64(k))
		}
		total += math.Exp(term - mean)
		// Far beyond the mean the sum stops growing, a rounding short of p.
		if total >= p || float64(k) > mean+20*math.Sqrt(mean)+20 {
			return k
		}
	}
}
