// Package statistics compares samples without assuming a distribution: what
// trials measure is bounded at zero, skewed by timeouts and full of ties, so
// means and t-tests would mislead. It is pure: numbers in, numbers out.
//
//	differences := []float64{0.49, -0.02, 0.31, 0.28, 0.40, 0.11}
//	test := statistics.Wilcoxon(differences)            // is there a difference at all?
//	by := statistics.PairedShift(differences, 0.95)     // how large, and how sure is that?
//
// Sources:
//   - Wilcoxon, F. (1945), Individual comparisons by ranking methods.
//     Biometrics Bulletin 1(6), 80–83.
//   - Pratt, J. W. (1959), Remarks on zeros and ties in the Wilcoxon signed rank
//     procedures. JASA 54, 655–667.
//   - Mann, H. B. and Whitney, D. R. (1947), On a test of whether one of two
//     random variables is stochastically larger than the other. Annals of
//     Mathematical Statistics 18, 50–60.
//   - Hodges, J. L. and Lehmann, E. L. (1963), Estimates of location based on
//     rank tests. Annals of Mathematical Statistics 34, 598–611.
//   - Noether, G. E. (1967), Wilcoxon confidence intervals for location
//     parameters in the discrete case. JASA 62, 184–188.
//   - Cliff, N. (1993), Dominance statistics: ordinal analyses to answer ordinal
//     questions. Psychological Bulletin 114, 494–509.
//   - Holm, S. (1979), A simple sequentially rejective multiple test procedure.
//     Scandinavian Journal of Statistics 6, 65–70.
//   - Hyndman, R. J. and Fan, Y. (1996), Sample quantiles in statistical
//     packages. The American Statistician 50, 361–365.
package statistics

// Test is the outcome of a two-sided test of "there is no difference".
type Test struct {
	// Statistic is the rank sum that was looked at: of the positive differences
	// (Wilcoxon), or Mann and Whitney's U of the first sample.
	Statistic float64
	// Middle is the statistic's expectation if there is no difference: a larger
	// Statistic means positive differences, or a first sample that is larger.
	Middle float64
	// P is the probability of a statistic at least as far from Middle, if there
	// is no difference.
	P float64
	// Exact says that P is counted, not approximated.
	Exact bool
}

// Estimate is a difference with what is known of it.
type Estimate struct {
	Value     float64
	Low, High float64 // closed interval
	// Confidence is the probability that such an interval covers the true
	// value, at least. It is below what was asked for where the sample is too
	// small for that: then the interval is the widest that the sample gives.
	Confidence float64
}

// Within says whether the interval lies between -margin and +margin, both
// included.
func (e Estimate) Within(margin float64) bool { return e.Low >= -margin && e.High <= margin }
