package statistics

import (
	"math"
	"testing"
)

// TestPoissonIsTheLimitOfManyRareChances compares with the incomplete gamma
// integral, P(N ≤ k) = ∫ from the mean to ∞ of t^k e^-t / k!, added up by
// Simpson's rule: another formula for the same.
func TestPoissonIsTheLimitOfManyRareChances(t *testing.T) {
	for _, mean := range []float64{0.3, 2.14, 10, 64.3} {
		for _, k := range []int{0, 1, 5, 20, 64, 90} {
			logFactorial, _ := math.Lgamma(float64(k) + 1)
			density := func(x float64) float64 { return math.Exp(float64(k)*math.Log(x) - x - logFactorial) }
			const steps = 20_000
			end := mean + float64(k) + 300
			width, sum := (end-mean)/steps, 0.0
			for i := range steps + 1 {
				weight := 2.0
				switch {
				case i == 0 || i == steps:
					weight = 1
				case i%2 == 1:
					weight = 4
				}
				sum += weight * density(mean+float64(i)*width)
			}
			if got, want := PoissonUpTo(k, mean), sum*width/3; math.Abs(got-want) > 1e-7 {
				t.Errorf("P(N ≤ %d) of %g: %.9f, integrated %.9f", k, mean, got, want)
			}
		}
	}
	if PoissonUpTo(-1, 2) != 0 || PoissonUpTo(3, 0) != 1 || math.Abs(PoissonUpTo(1000, 1000)-0.5084) > 0.001 {
		t.Error("at the ends")
	}
}

func TestPoissonQuantileIsTheFirstThatSuffices(t *testing.T) {
	for _, mean := range []float64{0, 0.01, 0.7, 6.43, 300, 5000, 2e4} {
		for _, p := range []float64{0.025, 0.5, 0.975} {
			k := PoissonQuantile(p, mean)
			if PoissonUpTo(k, mean) < p || k > 0 && PoissonUpTo(k-1, mean) >= p {
				t.Errorf("%g of %g: %d", p, mean, k)
			}
		}
	}
	if k := PoissonQuantile(1, 10); k < 40 || k > 200 {
		t.Errorf("a certain bound: %d", k)
	}
}
