package statistics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// draw makes samples with ties and zeros from a seed.
func draw(chance *rand.Rand, n, kinds int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(chance.IntN(2*kinds+1) - kinds)
	}
	return values
}

func negated(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = -v
	}
	return out
}

// TestWilcoxonCountsEverySign compares with all 2ⁿ signs written out.
func TestWilcoxonCountsEverySign(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		d := draw(chance, 1+chance.IntN(10), 1+chance.IntN(6))
		got := Wilcoxon(d)
		ranks, _ := signedRanks(d)
		far, all := 0, 1<<len(ranks)
		for signs := range all {
			sum := 0.0
			for i, r := range ranks {
				if signs>>i&1 == 1 {
					sum += float64(r) / 2
				}
			}
			if math.Abs(sum-got.Middle) >= math.Abs(got.Statistic-got.Middle) {
				far++
			}
		}
		if want := float64(far) / float64(all); math.Abs(got.P-want) > 1e-12 {
			t.Fatalf("%v: p = %g, counted %g", d, got.P, want)
		}
	}
}

// TestMannWhitneyCountsEveryChoice compares with all choices written out.
func TestMannWhitneyCountsEveryChoice(t *testing.T) {
	chance := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		a, b := draw(chance, 1+chance.IntN(5), 4), draw(chance, 1+chance.IntN(6), 4)
		got, joined := MannWhitney(a, b), slices.Concat(a, b)
		far, all := 0, 0
		for chosen := range 1 << len(joined) {
			var x, y []float64
			for i, v := range joined {
				if chosen>>i&1 == 1 {
					x = append(x, v)
				} else {
					y = append(y, v)
				}
			}
			if len(x) != len(a) {
				continue
			}
			all++
			if math.Abs(u(x, y)-got.Middle) >= math.Abs(got.Statistic-got.Middle) {
				far++
			}
		}
		if got.Statistic != u(a, b) || math.Abs(got.P-float64(far)/float64(all)) > 1e-12 {
			t.Fatalf("%v, %v: %+v, counted %d of %d", a, b, got, far, all)
		}
	}
}

// u counts pairs as Mann and Whitney define it.
func u(a, b []float64) float64 {
	total := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				total++
			case x == y:
				total += 0.5
			}
		}
	}
	return total
}

// TestShiftsAreOrderStatistics compares with all averages written out.
func TestShiftsAreOrderStatistics(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		d, b := draw(chance, 1+chance.IntN(12), 20), draw(chance, 1+chance.IntN(12), 20)
		var walsh, apart []float64
		for i := range d {
			for j := i; j < len(d); j++ {
				walsh = append(walsh, (d[i]+d[j])/2)
			}
			for _, v := range b {
				apart = append(apart, d[i]-v)
			}
		}
		if got := PairedShift(d, 0.9); got.Value != Quantile(walsh, 0.5) || !slices.Contains(walsh, got.Low) || !slices.Contains(walsh, got.High) {
			t.Fatalf("%v: %+v", d, got)
		}
		if got := Shift(d, b, 0.9); got.Value != Quantile(apart, 0.5) || !slices.Contains(apart, got.Low) || !slices.Contains(apart, got.High) {
			t.Fatalf("%v, %v: %+v", d, b, got)
		}
	}
}

func TestTurningTheSignTurnsTheResult(t *testing.T) {
	chance := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		d, b := draw(chance, 1+chance.IntN(70), 9), draw(chance, 1+chance.IntN(70), 9)
		w, v := Wilcoxon(d), Wilcoxon(negated(d))
		m, n := MannWhitney(d, b), MannWhitney(b, d)
		if math.Abs(w.P-v.P) > 1e-12 || math.Abs(m.P-n.P) > 1e-12 || CliffsDelta(d, b) != -CliffsDelta(b, d) {
			t.Fatalf("p %g and %g, %g and %g", w.P, v.P, m.P, n.P)
		}
		for _, both := range [][2]Estimate{
			{PairedShift(d, 0.95), PairedShift(negated(d), 0.95)}, {Shift(d, b, 0.95), Shift(b, d, 0.95)},
		} {
			if e, f := both[0], both[1]; e.Value != -f.Value || e.Low != -f.High || e.High != -f.Low {
				t.Fatalf("%+v and %+v", e, f)
			}
			if e := both[0]; e.Low > e.Value || e.Value > e.High || e.Confidence < 0 {
				t.Fatalf("%+v", e)
			}
		}
	}
}

// TestTheIntervalHoldsWhatTheTestDoesNotReject is what inversion means.
func TestTheIntervalHoldsWhatTheTestDoesNotReject(t *testing.T) {
	chance := rand.New(rand.NewPCG(5, 5))
	for range 100 {
		d, b := make([]float64, 6+chance.IntN(20)), make([]float64, 6+chance.IntN(20))
		for i := range d {
			d[i] = chance.NormFloat64()
		}
		for i := range b {
			b[i] = chance.NormFloat64()
		}
		e, f := PairedShift(d, 0.95), Shift(d, b, 0.95)
		for _, c := range []struct {
			at   float64
			kept bool
		}{{-1e-9, false}, {1e-9, true}} {
			low, high := Wilcoxon(less(d, e.Low+c.at)).P, Wilcoxon(less(d, e.High-c.at)).P
			if low > 0.05 != c.kept || high > 0.05 != c.kept {
				t.Fatalf("paired: p = %g and %g at the ends of %+v", low, high, e)
			}
			low, high = MannWhitney(less(d, f.Low+c.at), b).P, MannWhitney(less(d, f.High-c.at), b).P
			if low > 0.05 != c.kept || high > 0.05 != c.kept {
				t.Fatalf("unpaired: p = %g and %g at the ends of %+v", low, high, f)
			}
		}
	}
}

func less(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v - by
	}
	return out
}

// TestIntervalsCoverAndTestsAreHonest draws samples with a known shift. The
// bounds lie four standard errors of 1,000 draws beyond the nominal values; a
// fixed seed makes the outcome the same on every machine.
func TestIntervalsCoverAndTestsAreHonest(t *testing.T) {
	const draws, slack = 1000, 0.0276
	for name, of := range map[string]func(*rand.Rand) float64{
		"normal":  func(c *rand.Rand) float64 { return c.NormFloat64() },
		"laplace": func(c *rand.Rand) float64 { return c.ExpFloat64() - c.ExpFloat64() },
		"rounded": func(c *rand.Rand) float64 { return math.Round(c.NormFloat64()) },
	} {
		for _, n := range []int{6, 12, 60} {
			chance := rand.New(rand.NewPCG(6, uint64(n)))
			paired, unpaired, rejected, apart := 0, 0, 0, 0
			for range draws {
				d, b := make([]float64, n), make([]float64, n)
				for i := range d {
					d[i], b[i] = of(chance)+3, of(chance)
				}
				paired += covers(PairedShift(d, 0.95), 3)
				unpaired += covers(Shift(d, b, 0.95), 3)
				if Wilcoxon(less(d, 3)).P <= 0.05 {
					rejected++
				}
				if MannWhitney(less(d, 3), b).P <= 0.05 {
					apart++
				}
			}
			for what, share := range map[string]float64{
				"paired interval misses": 1 - float64(paired)/draws, "unpaired interval misses": 1 - float64(unpaired)/draws,
				"signed-rank test rejects": float64(rejected) / draws, "rank-sum test rejects": float64(apart) / draws,
			} {
				if share > 0.05+slack {
					t.Errorf("%s, n = %d: %s %.3f", name, n, what, share)
				}
			}
		}
	}
}

func covers(e Estimate, truth float64) int {
	if e.Low <= truth && truth <= e.High {
		return 1
	}
	return 0
}

func TestTheApproximationsMeetTheExactValues(t *testing.T) {
	chance := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		d := make([]float64, 51)
		for i := range d {
			d[i] = chance.NormFloat64() + 0.2
		}
		ranks, sum := signedRanks(d)
		approximate, exact := Wilcoxon(d), atLeastAsFar(subsetSums(ranks), float64(sum), 51*52/2)
		if approximate.Exact || math.Abs(approximate.P-exact) > 0.005 {
			t.Errorf("signed ranks: %g, exactly %g", approximate.P, exact)
		}
		a, b := d[:25], append(less(d[25:], 0.3), draw(chance, 10, 3)...)
		ranks = doubledRanks(slices.Concat(a, b))
		sum = 0
		for _, r := range ranks[:len(a)] {
			sum += r
		}
		all := len(a) + len(b)
		if got, exact := MannWhitney(a, b), atLeastAsFar(choiceSums(ranks, len(a)), float64(sum), float64(len(a)*(all+1))); got.Exact || math.Abs(got.P-exact) > 0.005 {
			t.Errorf("rank sums of %d: %g, exactly %g", all, got.P, exact)
		}
	}
}

// TestRepeatsForKeepsItsPromise plays the test with as many repeats as it asks
// for: it must find the difference about as often as said.
func TestRepeatsForKeepsItsPromise(t *testing.T) {
	for _, difference := range []float64{0.4, 0.7, 1.2} {
		n := RepeatsFor(difference, math.Sqrt(math.Pi/3), 0.05, 0.8)
		chance, found := rand.New(rand.NewPCG(8, 8)), 0
		for range 1000 {
			d := make([]float64, n)
			for i := range d {
				d[i] = chance.NormFloat64() + difference
			}
			if Wilcoxon(d).P <= 0.05 {
				found++
			}
		}
		if found < 700 || found > 900 {
			t.Errorf("%d repeats found a difference of %g in %d of 1000", n, difference, found)
		}
	}
	if RepeatsFor(0, 1, 0.05, 0.8) != 0 || RepeatsFor(1, 0, 0.05, 0.8) != 6 {
		t.Error("without a difference, or without deviation")
	}
}

func TestSpreadIsTheStandardErrorWhateverTheTails(t *testing.T) {
	for name, c := range map[string]struct {
		of   func(*rand.Rand) float64
		want float64 // 1/(√12 ∫f²)
	}{
		"normal":  {func(c *rand.Rand) float64 { return c.NormFloat64() }, math.Sqrt(math.Pi / 3)},
		"laplace": {func(c *rand.Rand) float64 { return c.ExpFloat64() * float64(2*c.IntN(2)-1) }, 2 / math.Sqrt(3)},
		"outliers": {func(c *rand.Rand) float64 {
			if c.IntN(50) == 0 {
				return 1000
			}
			return c.NormFloat64()
		}, math.Sqrt(math.Pi / 3)},
	} {
		chance, sum := rand.New(rand.NewPCG(9, 9)), 0.0
		const draws, n = 50, 200
		for range draws {
			d := make([]float64, n)
			for i := range d {
				d[i] = c.of(chance)
			}
			sum += PairedShift(d, 0.95).Spread(n) / draws
		}
		if math.Abs(sum/c.want-1) > 0.1 {
			t.Errorf("%s: %.3f, want %.3f", name, sum, c.want)
		}
	}
	if (Estimate{}).Spread(0) != 0 {
		t.Error("of nothing")
	}
}
