package report

import (
	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report/statistics"
)

// versus measures every difference; [Comparison.decide] judges it when all
// variants are in.
func (c *Comparison) versus(name string, base, trials []*Summary) Versus {
	v := Versus{Variant: name, LeftOut: invalidPairs(base, trials)}
	baseline, variant := c.variant(c.Baseline), c.variant(name)
	for _, m := range seatrial.Metrics() {
		v.Differences = append(v.Differences, difference(m, baseline.of(m).Values, variant.of(m).Values))
	}
	return v
}

// invalidPairs counts the seeds with an invalid trial on either side.
func invalidPairs(base, trials []*Summary) int {
	bad := map[uint64]bool{}
	for _, side := range [][]*Summary{base, trials} {
		for _, s := range side {
			if s.Verdict == seatrial.Invalid {
				bad[s.Seed] = true
			}
		}
	}
	return len(bad)
}

func difference(m seatrial.Metric, base, variant []MetricValue) Difference {
	b, v, _ := pairs(base, variant)
	d := Difference{Metric: m, Pairs: len(b), P: 1}
	if len(b) == 0 {
		return d
	}
	apart := minus(v, b)
	by := rounded(statistics.PairedShift(apart, 1-Alpha))
	d.Baseline, d.Variant = ptr(tidy(statistics.Quantile(b, 0.5))), ptr(tidy(statistics.Quantile(v, 0.5)))
	d.Difference, d.Low, d.High, d.Confidence = &by.Value, &by.Low, &by.High, by.Confidence
	d.P = statistics.Wilcoxon(apart).P
	d.CliffsDelta = statistics.CliffsDelta(v, b)
	for _, x := range apart {
		switch {
		case x > 0:
			d.Larger++
		case x < 0:
			d.Smaller++
		}
	}
	return d
}

func rounded(e statistics.Estimate) statistics.Estimate {
	e.Value, e.Low, e.High = tidy(e.Value), tidy(e.Low), tidy(e.High)
	return e
}

// decide corrects for the number of variants and judges each.
func (c *Comparison) decide() {
	var p []float64
	for i := range c.Versus {
		p = append(p, c.Versus[i].Primary(c.Metric).P)
	}
	for i, adjusted := range statistics.Holm(p) {
		v := &c.Versus[i]
		d := v.Primary(c.Metric)
		d.PAdjusted = &adjusted
		v.Decision = c.decision(v, d)
		if v.Decision == Inconclusive {
			v.MoreRepeats = c.moreRepeats(v, d)
		}
		v.Words = c.decisionWords(v, d)
	}
}

// decision: a difference that is shown to lie within the margin does not
// matter, also where it is certain.
func (c *Comparison) decision(v *Versus, d *Difference) Decision {
	switch {
	case c.tooManyLeftOut(v, d) || d.Pairs < c.fewest():
		return Inconclusive
	case statistics.Estimate{Low: *d.Low, High: *d.High}.Within(c.Margin):
		return Equivalent
	case *d.PAdjusted > c.Alpha:
		return Inconclusive
	case c.variantIsLarger(d) == c.Metric.MoreIsBetter():
		return Better
	}
	return Worse
}

// variantIsLarger tells the direction; where ties hide it in the estimate, by
// the number of pairs.
func (c *Comparison) variantIsLarger(d *Difference) bool {
	if *d.Difference != 0 {
		return *d.Difference > 0
	}
	return d.Larger > d.Smaller
}

func (c *Comparison) tooManyLeftOut(v *Versus, d *Difference) bool {
	return v.LeftOut > 0 && float64(v.LeftOut) > MostLeftOut*float64(v.LeftOut+d.Pairs)
}

// fewest pairs with which the first of the variants can be told apart.
func (c *Comparison) fewest() int { return FewestRepeats(len(c.Versus) + 1) }

// FewestRepeats with which a comparison of so many variants can decide at all:
// with fewer, not even a difference in every pair is surer than [Alpha] asks.
func FewestRepeats(variants int) int {
	return statistics.FewestPairs(Alpha / float64(max(1, variants-1)))
}

// moreRepeats estimates how many would decide, one way or the other, in four
// cases out of five if the differences go on as they are; as these are few, they
// are taken to lie further apart than they do. It is nil where that
// would be a guess: with too many invalid trials, without chance in the
// figures, or where no sensible number would do.
func (c *Comparison) moreRepeats(v *Versus, d *Difference) *int {
	if c.tooManyLeftOut(v, d) {
		return nil
	}
	if d.Pairs < c.fewest() {
		return ptr(c.fewest() - d.Pairs)
	}
	spread := statistics.Estimate{Low: *d.Low, High: *d.High, Confidence: d.Confidence}.Spread(d.Pairs) * statistics.Pessimism(d.Pairs)
	if spread == 0 {
		return nil
	}
	needed := statistics.RepeatsLike(c.apart(v.Variant), *d.Difference, c.Alpha/float64(len(c.Versus)), power)
	if room := c.Margin - max(*d.Difference, -*d.Difference); room > 0 {
		// Both ends of the interval have to come within the margin.
		within := statistics.RepeatsFor(room, spread, c.Alpha, 1-(1-power)/2)
		if needed == 0 || within > 0 && within < needed {
			needed = within
		}
	}
	if needed == 0 || needed > farTooMany {
		return nil
	}
	// An estimate that says "enough already" is too bold: it was not enough.
	return ptr(max(needed-d.Pairs, (d.Pairs+3)/4))
}
