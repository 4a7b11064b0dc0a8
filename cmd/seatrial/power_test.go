package main

import (
	"os"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
)

// longPower skips what takes minutes on all cores; `make power` asks for it.
func longPower(t *testing.T) {
	t.Helper()
	if os.Getenv("SEATRIAL_POWER") == "" {
		t.Skip("takes minutes: set SEATRIAL_POWER=1, or make power")
	}
}

// TestPowerEqualVariants is the A/A simulation at full length: 1,000 comparisons
// of a variant with itself, 8 trials on either side, no two of one seed.
func TestPowerEqualVariants(t *testing.T) {
	longPower(t)
	const comparisons, repeats = 1000, 8
	all := trialsOf(t, 2*comparisons*repeats)
	for _, metric := range []seatrial.Metric{seatrial.RequestsHurt, seatrial.FaultP99} {
		found := 0
		for i := range comparisons {
			mine := all[2*repeats*i : 2*repeats*(i+1)]
			if d := decided(metric, mine[:repeats], mine[repeats:]); d == report.Better || d == report.Worse {
				found++
			}
		}
		t.Logf("%s: %d of %d comparisons of equal variants found a difference", metric, found, comparisons)
		if found > comparisons*7/100 {
			t.Errorf("%s: %d of %d comparisons of equal variants found a difference, want at most 7 %%", metric, found, comparisons)
		}
	}
}

// TestPowerOfAFifth: a freeze that is a fifth longer has a p99 that is a fifth
// longer; ten trials on either side find that, four times in five at least.
func TestPowerOfAFifth(t *testing.T) {
	longPower(t)
	const comparisons, repeats = 200, 10
	base := trialsOf(t, comparisons*repeats)
	longer := trialsOf(t, 2*comparisons*repeats, "for: 2s", "for: 2400ms")[comparisons*repeats:] // other seeds
	found := 0
	for i := range comparisons {
		from, to := i*repeats, (i+1)*repeats
		if decided(seatrial.FaultP99, base[from:to], longer[from:to]) == report.Worse {
			found++
		}
	}
	t.Logf("a p99 that is 20 %% higher was found in %d of %d comparisons", found, comparisons)
	if found < comparisons*80/100 {
		t.Errorf("a p99 that is 20 %% higher was found in %d of %d comparisons, want 80 %%", found, comparisons)
	}
}

// decided compares trials in the order in which they are given, as if each two
// were a round. The margin is next to nothing.
func decided(metric seatrial.Metric, base, other []*report.Summary) report.Decision {
	var all []*report.Summary
	for i := range base {
		for variant, s := range map[string]*report.Summary{"a": base[i], "b": other[i]} {
			of := *s
			of.Seed, of.Variant = uint64(i), variant
			all = append(all, &of)
		}
	}
	margin := seatrial.Margin{Time: 1}
	if metric.Share() {
		margin = seatrial.Margin{Share: 1e-9}
	}
	plan := report.ComparePlan{CompareSpec: seatrial.CompareSpec{Metric: metric, Margin: margin}, Variants: []string{"a", "b"}, Repeats: len(base)}
	return report.Compare(plan, all).Versus[0].Decision
}
