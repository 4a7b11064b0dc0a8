package report

import (
	"cmp"
	"slices"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report/statistics"
)

// ComparePlan is what was to be compared.
type ComparePlan struct {
	seatrial.CompareSpec
	Variants []string // the baseline first
	Repeats  int      // of each variant
	Command  string   // repeats the comparison
}

// Compare judges trials of several variants of one scenario. Trials pair by
// seed: in the simulator that is the same chance for both; on a real cluster it
// is the same round, so that the machine's drift hurts both alike. The order
// of the trials does not matter.
func Compare(plan ComparePlan, all []*Summary) *Comparison {
	c := &Comparison{Schema: ComparisonSchema, Metric: cmp.Or(plan.Metric, seatrial.RequestsHurt), Alpha: Alpha,
		Repeats: plan.Repeats, Command: plan.Command, PairedBy: "seed",
		Variants: []ComparedVariant{}, Versus: []Versus{}, LeftOut: []LeftOut{}, Seeds: []uint64{}, Warnings: []string{}}
	c.Margin = cmp.Or(plan.Margin, c.Metric.Margin()).Value()
	if len(plan.Variants) > 0 {
		c.Baseline = plan.Variants[0]
	}
	byVariant := map[string][]*Summary{}
	for _, s := range slices.SortedStableFunc(slices.Values(all), bySeed) {
		byVariant[s.Variant] = append(byVariant[s.Variant], s)
		c.know(s)
	}
	for _, name := range plan.Variants {
		c.Variants = append(c.Variants, comparedVariant(name, name == c.Baseline, byVariant[name]))
		c.leaveOut(byVariant[name])
	}
	for _, name := range plan.Variants[min(1, len(plan.Variants)):] {
		c.Versus = append(c.Versus, c.versus(name, byVariant[c.Baseline], byVariant[name]))
	}
	c.decide()
	return c
}

func bySeed(a, b *Summary) int { return cmp.Compare(a.Seed, b.Seed) }

// know takes what all trials have in common.
func (c *Comparison) know(s *Summary) {
	c.Scenario, c.Description, c.Backend = s.Scenario, s.Description, s.Backend
	c.Hurt, c.Versions, c.SourceSHA256 = s.Hurt, s.Versions, s.SourceSHA256
	if s.Backend != "" && s.Backend != "sim" {
		c.PairedBy = "round"
	}
	if len(c.Seeds) == 0 || c.Seeds[len(c.Seeds)-1] != s.Seed {
		c.Seeds = append(c.Seeds, s.Seed)
	}
	c.warn(s.Warnings)
}

// mostWarnings are shown: what every trial says in other figures is in the
// trials' own reports.
const mostWarnings = 5

func (c *Comparison) warn(warnings []string) {
	for _, w := range warnings {
		if len(c.Warnings) < mostWarnings && !slices.Contains(c.Warnings, w) {
			c.Warnings = append(c.Warnings, w)
		}
	}
}

func (c *Comparison) leaveOut(trials []*Summary) {
	for _, s := range trials {
		if s.Verdict == seatrial.Invalid {
			c.LeftOut = append(c.LeftOut, LeftOut{Variant: s.Variant, Seed: s.Seed, ID: s.ID, Reasons: s.Reasons})
		}
	}
}

func comparedVariant(name string, baseline bool, trials []*Summary) ComparedVariant {
	v := ComparedVariant{Variant: name, Baseline: baseline, Expect: seatrial.Pass, Trials: len(trials), Objectives: []ObjectiveCount{}}
	var valid []*Summary
	for _, s := range trials {
		v.Expect, v.Clusters = s.Expect, s.Clusters
		switch s.Verdict {
		case seatrial.Pass:
			v.Passed++
		case seatrial.Failed:
			v.Failed++
		default:
			v.Invalid++
			continue
		}
		valid = append(valid, s)
		v.countObjectives(s.SLO)
	}
	for _, m := range seatrial.Metrics() {
		v.Figures = append(v.Figures, metricValues(m, valid))
	}
	return v
}

func (v *ComparedVariant) countObjectives(checks []Check) {
	for _, check := range checks {
		i := slices.IndexFunc(v.Objectives, func(o ObjectiveCount) bool { return o.Name == check.Name && o.Load == check.Load })
		if i < 0 {
			i = len(v.Objectives)
			v.Objectives = append(v.Objectives, ObjectiveCount{Name: check.Name, Load: check.Load, Objective: check.Objective})
		}
		v.Objectives[i].Trials++
		if check.Pass {
			v.Objectives[i].Met++
		}
	}
}

func metricValues(m seatrial.Metric, valid []*Summary) MetricValues {
	values := MetricValues{Metric: m, Values: []MetricValue{}}
	for _, s := range valid {
		v, ok := metricOf(m, s)
		if !ok {
			continue
		}
		values.Values = append(values.Values, v)
		if v.AtLeast {
			values.AtLeast++
		}
	}
	if raw := values.raw(); len(raw) > 0 {
		at := func(q float64) *float64 { return ptr(tidy(statistics.Quantile(raw, q))) }
		values.Min, values.P25, values.Median, values.P75, values.Max = at(0), at(0.25), at(0.5), at(0.75), at(1)
	}
	return values
}

func (v *MetricValues) raw() []float64 {
	var raw []float64
	for _, one := range v.Values {
		raw = append(raw, one.Value)
	}
	return raw
}

// pairs joins the values of two samples that have the same seed.
func pairs(base, variant []MetricValue) (b, v []float64, seeds []uint64) {
	known := map[uint64]float64{}
	for _, one := range base {
		known[one.Seed] = one.Value
	}
	for _, one := range variant {
		if value, ok := known[one.Seed]; ok {
			b, v, seeds = append(b, value), append(v, one.Value), append(seeds, one.Seed)
		}
	}
	return b, v, seeds
}

// minus is rounded, so that equal differences are equal: 0.3 - 0.2 is a little
// less than 0.1, and would not tie with 0.2 - 0.1.
func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = tidy(a[i] - b[i])
	}
	return d
}
