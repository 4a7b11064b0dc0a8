package statistics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// shapes are differences with a median of zero, from friendly to hostile.
var shapes = map[string]func(*rand.Rand) float64{
	"normal":  func(c *rand.Rand) float64 { return c.NormFloat64() },
	"laplace": func(c *rand.Rand) float64 { return c.ExpFloat64() * float64(2*c.IntN(2)-1) },
	"outliers": func(c *rand.Rand) float64 { // every tenth is ten times as far off
		if c.IntN(10) == 0 {
			return 10 * c.NormFloat64()
		}
		return c.NormFloat64()
	},
}

func sample(of func(*rand.Rand) float64, c *rand.Rand, n int, shift float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = of(c) + shift
	}
	return d
}

// TestAdviceKeepsItsPromise takes a few pairs, asks how many find a known
// difference four times in five, and tries as many: on average over the pilots
// that is to be kept. The formula, with the pilot's spread as it is, is there to
// show the difference.
func TestAdviceKeepsItsPromise(t *testing.T) {
	const pilots, tries = 300, 400
	for name, of := range shapes {
		chance := rand.New(rand.NewPCG(11, 11))
		known := map[int]float64{} // the power of so many pairs
		power := func(n int) float64 {
			if _, there := known[n]; !there {
				k, _ := pairedTail(n, 0.025)
				found := 0
				for range tries {
					if rejects(sample(of, chance, n, 1), k) {
						found++
					}
				}
				known[n] = float64(found) / tries
			}
			return known[n]
		}
		for _, size := range []int{8, 30} {
			advised, formula := 0.0, 0.0
			for range pilots {
				pilot := sample(of, chance, size, 1)
				advised += power(RepeatsLike(pilot, 1, 0.05, 0.8)) / pilots
				formula += power(RepeatsFor(1, PairedShift(pilot, 0.95).Spread(size), 0.05, 0.8)) / pilots
			}
			t.Logf("%-8s pilot of %2d: %.0f %% as advised, %.0f %% by the formula", name, size, 100*advised, 100*formula)
			if advised < 0.77 {
				t.Errorf("%s, pilot of %d: the advised repeats find the difference in %.2f, promised 0.8", name, size, advised)
			}
		}
	}
}

func TestAdviceHasItsLimits(t *testing.T) {
	d := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	if RepeatsLike(d, 0, 0.05, 0.8) != 0 || RepeatsLike(nil, 1, 0.05, 0.8) != 0 || RepeatsLike(d[:1], 1, 0.05, 0.8) != 0 {
		t.Error("advice from nothing")
	}
	if n := RepeatsLike(d, 100, 0.05, 0.8); n != FewestPairs(0.05) {
		t.Errorf("a plain difference needs %d", n)
	}
	if n := RepeatsLike(d, 0.1, 0.05, 0.8); n < 1000 {
		t.Errorf("a tiny one needs %d", n)
	}
	if n := RepeatsLike(d, 1e-9, 0.05, 0.8); n != 0 {
		t.Errorf("what cannot be found needs %d", n)
	}
	if a, b := RepeatsLike(d, 1.5, 0.05, 0.8), RepeatsLike(d, 1.5, 0.05, 0.8); a != b {
		t.Errorf("%d, then %d", a, b)
	}
}

// TestPessimismCoversTheSpread: in four cases of five the raised deviation of a
// few normal values is at least the true one.
func TestPessimismCoversTheSpread(t *testing.T) {
	for _, n := range []int{4, 8, 30, 120} {
		chance, covered := rand.New(rand.NewPCG(uint64(n), 12)), 0
		const tries = 4000
		for range tries {
			sum, squares := 0.0, 0.0
			for range n {
				v := chance.NormFloat64()
				sum, squares = sum+v, squares+v*v
			}
			deviation := math.Sqrt((squares - sum*sum/float64(n)) / float64(n-1))
			if deviation*Pessimism(n) >= 1 {
				covered++
			}
		}
		if share := float64(covered) / tries; math.Abs(share-sureOfNoise) > 0.03 {
			t.Errorf("n = %d: covered in %.3f", n, share)
		}
	}
}

// runs are the p99 of repeated runs whose requests hang together: the logarithm
// of each latency is an autoregression, as a queue's is, and runs differ, too.
func runs(c *rand.Rand, repeats, requests int, scale float64) []float64 {
	const memory, width, between = 0.9, 0.3, 0.05
	out := make([]float64, repeats)
	latencies := make([]float64, requests)
	for r := range out {
		level, x := between*c.NormFloat64(), c.NormFloat64()
		for i := range latencies {
			x = memory*x + math.Sqrt(1-memory*memory)*c.NormFloat64()
			latencies[i] = scale * math.Exp(level+width*x)
		}
		out[r] = Quantile(latencies, 0.99)
	}
	return out
}

func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// TestEqualRunsAreRarelyTakenForDifferent is the A/A simulation: 1,000 times two
// equal variants of 8 runs, judged by runs although the requests in them hang
// together. Judged by requests, nearly every pair would differ.
func TestEqualRunsAreRarelyTakenForDifferent(t *testing.T) {
	const repetitions = 1000
	chance, found := rand.New(rand.NewPCG(13, 13)), 0
	for range repetitions {
		if Wilcoxon(minus(runs(chance, 8, 200, 1), runs(chance, 8, 200, 1))).P <= 0.05 {
			found++
		}
	}
	t.Logf("%d of %d comparisons of equal variants found a difference", found, repetitions)
	if found > repetitions*7/100 || found == 0 {
		t.Errorf("%d of %d equal variants were found to differ, want some, and at most 7 %%", found, repetitions)
	}
}

func TestAFifthMoreIsFoundInTenRuns(t *testing.T) {
	const repetitions = 150
	chance, found := rand.New(rand.NewPCG(14, 14)), 0
	for range repetitions {
		if Wilcoxon(minus(runs(chance, 10, 2000, 1.2), runs(chance, 10, 2000, 1))).P <= 0.05 {
			found++
		}
	}
	t.Logf("a p99 that is 20 %% higher was found in %d of %d comparisons", found, repetitions)
	if found < repetitions*80/100 {
		t.Errorf("a p99 that is 20 %% higher was found in %d of %d comparisons, want 80 %%", found, repetitions)
	}
}
