package statistics

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func ExamplePairedShift() {
	differences := []float64{-0.22, -0.19, -0.23, -0.20, -0.25, -0.21}
	test, by := Wilcoxon(differences), PairedShift(differences, 0.95)
	fmt.Printf("p = %.4f, %.3f (%.2f to %.2f, %.1f %% sure)\n", test.P, by.Value, by.Low, by.High, 100*by.Confidence)
	// Output: p = 0.0312, -0.215 (-0.25 to -0.19, 96.9 % sure)
}

func close3(got, want float64) bool { return math.Abs(got-want) < 0.0005 }

// depression are Hamilton factor scores before and after a tranquiliser:
// Hollander and Wolfe (1973), Nonparametric Statistical Methods, table 3.1.
func depression() (differences []float64) {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	for i := range before {
		differences = append(differences, before[i]-after[i])
	}
	return differences
}

// maize are Darwin's differences in height of crossed and self-fertilised
// plants, in eighths of an inch: Fisher (1935), The Design of Experiments, §17.
// TestTheDataAreFishers holds them to the count that he publishes in §21.
func maize() []float64 {
	return []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
}

// placenta are permeability constants at term and at 12 to 26 weeks: Hollander
// and Wolfe (1973), table 4.1.
func placenta() (term, early []float64) {
	return []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}
}

// TestTheDataAreFishers: of the 32,768 ways to give the differences signs, Fisher
// counts 1,726 with a sum as far from zero as theirs.
func TestTheDataAreFishers(t *testing.T) {
	d, sum, far := maize(), 0.0, 0
	for _, v := range d {
		sum += v
	}
	for signs := range 1 << len(d) {
		other := 0.0
		for i, v := range d {
			if signs>>i&1 == 1 {
				v = -v
			}
			other += v
		}
		if math.Abs(other) >= math.Abs(sum) {
			far++
		}
	}
	if far != 1726 {
		t.Errorf("%d ways", far)
	}
}

// The published values below were typed in, and then found again by a program of
// its own in another language that writes out every sign and every choice: all
// of them agree to the digits given.
func TestWilcoxonGivesThePublishedValues(t *testing.T) {
	for name, c := range map[string]struct {
		differences  []float64
		statistic, p float64
	}{
		// V = 40, one-sided p = 0.01953 (the help page of R's wilcox.test).
		"depression": {depression(), 40, 2 * 0.01953},
		// The negative ranks are 14 and 10, so V = 120 - 24.
		"maize": {maize(), 96, 0.0413},
		// By hand: of 2⁴ signs, 2 give a sum of 0 or 10.
		"all positive": {[]float64{1, 2, 3, 4}, 10, 0.125},
		// By hand (Pratt): the zero has rank 1 and leaves; of 2³ signs of the
		// ranks 2, 3, 4, those with a sum of 0, 9 are as far as 9.
		"a zero": {[]float64{0, 1, 2, 3}, 9, 0.25},
		// By hand: midranks 1.5, 1.5, 3; sums 0, 1.5, 1.5, 3, 3, 4.5, 4.5, 6;
		// as far from 3 as 4.5 are all but two.
		"ties":      {[]float64{-1, 1, 2}, 4.5, 0.75},
		"all zero":  {[]float64{0, 0, 0}, 0, 1},
		"no values": {nil, 0, 1},
	} {
		got := Wilcoxon(c.differences)
		if got.Statistic != c.statistic || !close3(got.P, c.p) || !got.Exact {
			t.Errorf("%s: %+v, want %g with p = %g", name, got, c.statistic, c.p)
		}
	}
}

// TestWilcoxonHasTheTabulatedTails holds the null distribution against the
// critical values of Wilcoxon's own table (as in Hollander and Wolfe, A.4).
func TestWilcoxonHasTheTabulatedTails(t *testing.T) {
	for _, c := range []struct {
		n, upTo int
		tail    float64
	}{{5, 0, 0.031}, {6, 2, 0.047}, {8, 3, 0.020}, {10, 8, 0.024}, {10, 10, 0.042}, {12, 13, 0.021}, {15, 25, 0.024}} {
		p, tail := subsetSums(plainRanks(c.n)), 0.0
		for _, v := range p[:c.upTo+1] {
			tail += v
		}
		if !close3(tail, c.tail) {
			t.Errorf("n = %d: P(T ≤ %d) = %.4f, the table has %.3f", c.n, c.upTo, tail, c.tail)
		}
	}
}

func TestPairedShiftGivesThePublishedValues(t *testing.T) {
	// Hollander and Wolfe, section 3.2 and 3.3: 0.46, and at 96 % 0.010 to 0.786.
	got := PairedShift(depression(), 0.95)
	if !close3(got.Value, 0.46) || !close3(got.Low, 0.010) || !close3(got.High, 0.786) || !close3(got.Confidence, 0.961) {
		t.Errorf("depression: %+v", got)
	}
	// By hand: the Walsh averages of 1, 2, 4 are 1, 1.5, 2, 2.5, 3, 4.
	if got := PairedShift([]float64{4, 1, 2}, 0.95); got != (Estimate{Value: 2.25, Low: 1, High: 4, Confidence: 0.75}) {
		t.Errorf("three values: %+v", got)
	}
	if got := PairedShift(nil, 0.95); got != (Estimate{}) {
		t.Errorf("no values: %+v", got)
	}
}

func TestMannWhitneyGivesThePublishedValues(t *testing.T) {
	term, early := placenta()
	// W = 35, one-sided p = 0.1272 (the help page of R's wilcox.test).
	got := MannWhitney(term, early)
	if got.Statistic != 35 || !close3(got.P, 2*0.1272) || !got.Exact {
		t.Errorf("%+v", got)
	}
	// Hollander and Wolfe, section 4.2 and 4.3: 0.305, and at about 96 % -0.15 to 0.76.
	shift := Shift(term, early, 0.95)
	if !close3(shift.Value, 0.305) || !close3(shift.Low, -0.15) || !close3(shift.High, 0.76) {
		t.Errorf("%+v", shift)
	}
	// By hand: of the 10 ways to choose 2 of 5 ranks, 2 are as far as 1, 2.
	if got := MannWhitney([]float64{1, 2}, []float64{3, 4, 5}); got.Statistic != 0 || !close3(got.P, 0.2) {
		t.Errorf("apart: %+v", got)
	}
	if got := MannWhitney([]float64{1}, nil); got.P != 1 {
		t.Errorf("an empty sample: %+v", got)
	}
	if got := MannWhitney([]float64{2, 2}, []float64{2, 2}); got.P != 1 {
		t.Errorf("all equal: %+v", got)
	}
}

func TestCliffsDeltaCountsDominance(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2}, []float64{3, 4}, -1},
		{[]float64{3, 4}, []float64{1, 2}, 1},
		{[]float64{1, 2}, []float64{1, 2}, 0},
		// By hand: of 6 pairs 3 are larger, 1 is smaller, 2 are equal.
		{[]float64{2, 3}, []float64{1, 2, 3}, 2.0 / 6},
		{nil, []float64{1}, 0},
	} {
		if got := CliffsDelta(c.a, c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v against %v: %g, want %g", c.a, c.b, got, c.want)
		}
	}
}

func TestHolmGivesTheTextbookValues(t *testing.T) {
	// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Fatalf("got %v", got)
		}
	}
	if got := Holm([]float64{0.9, 0.8}); !slices.Equal(got, []float64{1, 1}) {
		t.Errorf("never above 1: %v", got)
	}
}

func TestQuantileInterpolatesAsRDoes(t *testing.T) {
	ten := []float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
	for q, want := range map[float64]float64{0: 1, 0.05: 1.45, 0.25: 3.25, 0.5: 5.5, 0.95: 9.55, 1: 10} { // quantile(1:10)
		if got := Quantile(ten, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("%g: %g, want %g", q, got, want)
		}
	}
	if !math.IsNaN(Quantile(nil, 0.5)) || Quantile([]float64{7}, 0.3) != 7 {
		t.Error("of nothing, or of one")
	}
}

func TestFewestPairsIsWhereATestCanDecide(t *testing.T) {
	for alpha, want := range map[float64]int{0.05: 6, 0.025: 7, 0.0625: 5, 0.01: 8} {
		n := FewestPairs(alpha)
		if n != want {
			t.Errorf("%g: %d, want %d", alpha, n, want)
		}
		same := make([]float64, n)
		for i := range same {
			same[i] = 1
		}
		if p, before := Wilcoxon(same).P, Wilcoxon(same[1:]).P; p > alpha || before <= alpha {
			t.Errorf("%g: p = %g with %d, %g with one less", alpha, p, n, before)
		}
	}
}

func TestNormalQuantile(t *testing.T) {
	for p, want := range map[float64]float64{0.975: 1.959964, 0.8: 0.841621, 0.5: 0, 0.025: -1.959964} {
		if got := NormalQuantile(p); math.Abs(got-want) > 1e-6 {
			t.Errorf("%g: %g", p, got)
		}
	}
}
