package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report/statistics"
)

// Since is how variants do against an earlier comparison.
type Since struct {
	File         string           `json:"file"`
	SourceSHA256 string           `json:"source_sha256,omitempty"` // of the scenario then
	Changed      bool             `json:"scenario_changed"`        // since then
	Variants     []SinceVariant   `json:"variants"`
	Metric       seatrial.Metric  `json:"metric"`
	Unknown      []string         `json:"unknown"` // variants that the earlier comparison does not have
	Hurt         seatrial.Seconds `json:"hurt"`    // the limit then
}

// SinceVariant is one variant now against itself then.
type SinceVariant struct {
	Variant string `json:"variant"`
	// Regressed: the metric is worse than then by more than the margin; the
	// whole interval says so.
	Regressed bool   `json:"regressed"`
	Words     string `json:"words"`
	// Paired by seed, as in the simulator; else two independent samples.
	Paired bool     `json:"paired"`
	Then   *float64 `json:"then"` // medians of what is compared
	Now    *float64 `json:"now"`
	// Difference is now minus then; Low and High bound it with Confidence,
	// which is corrected for the number of variants (Bonferroni).
	Difference *float64 `json:"difference"`
	Low        *float64 `json:"low"`
	High       *float64 `json:"high"`
	Confidence float64  `json:"confidence"`
	NThen      int      `json:"n_then"`
	NNow       int      `json:"n_now"`
}

// ReadComparison reads a comparison.json.
func ReadComparison(r io.Reader) (*Comparison, error) {
	var c Comparison
	hint := "name a " + ComparisonFile + " that `seatrial compare` wrote"
	if err := json.NewDecoder(r).Decode(&c); err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("reading a comparison: %w", err), hint)
	}
	if c.Schema != ComparisonSchema {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("the comparison has schema %d, this release reads %d", c.Schema, ComparisonSchema),
			"make it anew with this release")
	}
	if len(c.Variants) == 0 {
		return nil, seatrial.Fail(seatrial.BadInput, errors.New("the comparison has no variants"), hint)
	}
	return &c, nil
}

// Comparable says why two comparisons cannot be held against each other; nil
// when they can.
func Comparable(then *Comparison, scenario, backend string) error {
	switch {
	case then.Scenario != scenario:
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("the earlier comparison is of scenario %s, this one of %s", then.Scenario, scenario),
			"name the "+ComparisonFile+" of an earlier comparison of "+scenario)
	case then.Backend != backend:
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("the earlier comparison ran on %s, this one on %s: their figures differ for that alone", then.Backend, backend),
			"compare on "+then.Backend+", or make the earlier comparison on "+backend)
	}
	return nil
}

// Against holds every variant against what an earlier comparison, read from
// file, found for it. It judges by the metric and margin of this comparison.
func (c *Comparison) Against(then *Comparison, file string) {
	s := &Since{File: file, SourceSHA256: then.SourceSHA256, Changed: then.SourceSHA256 != c.SourceSHA256,
		Metric: c.Metric, Hurt: then.Hurt, Variants: []SinceVariant{}, Unknown: []string{}}
	for _, v := range c.Variants {
		if then.variant(v.Variant) == nil {
			s.Unknown = append(s.Unknown, v.Variant)
		}
	}
	confidence := 1 - c.Alpha/float64(max(1, len(c.Variants)-len(s.Unknown)))
	for i := range c.Variants {
		v := &c.Variants[i]
		if earlier := then.variant(v.Variant); earlier != nil {
			s.Variants = append(s.Variants, c.since(v, earlier, confidence))
		}
	}
	c.Since = s
}

func (c *Comparison) since(now, then *ComparedVariant, confidence float64) SinceVariant {
	was, is := then.of(c.Metric), now.of(c.Metric)
	s := SinceVariant{Variant: now.Variant}
	before, after := was.raw(), is.raw()
	if b, a, _ := pairs(was.Values, is.Values); c.PairedBy == "seed" && len(b) >= statistics.FewestPairs(1-confidence) {
		before, after, s.Paired = b, a, true
	}
	s.NThen, s.NNow = len(before), len(after)
	if s.NThen > 0 && s.NNow > 0 {
		by := rounded(statistics.Shift(after, before, confidence))
		if s.Paired {
			by = rounded(statistics.PairedShift(minus(after, before), confidence))
		}
		s.Then, s.Now = ptr(tidy(statistics.Quantile(before, 0.5))), ptr(tidy(statistics.Quantile(after, 0.5)))
		s.Difference, s.Low, s.High, s.Confidence = &by.Value, &by.Low, &by.High, by.Confidence
		s.Regressed = by.Confidence >= confidence-1e-9 && c.worseBy(by) && !now.tooManyInvalid()
	}
	s.Words = c.sinceWords(&s, now, confidence)
	return s
}

// worseBy says whether the whole interval lies beyond the margin, on the worse
// side.
func (c *Comparison) worseBy(e statistics.Estimate) bool {
	if c.Metric.MoreIsBetter() {
		return e.High < -c.Margin
	}
	return e.Low > c.Margin
}

func (v *ComparedVariant) tooManyInvalid() bool {
	return float64(v.Invalid) > MostLeftOut*float64(v.Trials)
}

// Regressed lists the variants that got worse.
func (c *Comparison) Regressed() []string {
	var list []string
	if c.Since == nil {
		return nil
	}
	for _, v := range c.Since.Variants {
		if v.Regressed {
			list = append(list, v.Variant)
		}
	}
	return list
}
