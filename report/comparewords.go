package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial"
)

// decisionTitle is a decision at a glance, with its colour.
func decisionTitle(d Decision) (word, code string) {
	switch d {
	case Better:
		return "better", green
	case Worse:
		return "worse", red
	case Equivalent:
		return "no difference", ""
	}
	return "inconclusive", yellow
}

// decisionWords says what was decided and why.
func (c *Comparison) decisionWords(v *Versus, d *Difference) string {
	if d.Pairs == 0 {
		return "inconclusive: no pair of valid trials has " + metricName(c.Metric) + "." + c.advice(v, d)
	}
	switch v.Decision {
	case Equivalent:
		return fmt.Sprintf("no difference larger than the margin of %s: %s.", c.margin(), c.measured(d))
	case Inconclusive:
		return "inconclusive: " + c.measured(d) + c.whyOpen(v, d) + "." + c.advice(v, d)
	}
	return fmt.Sprintf("%s: %s; %s, %s.", v.Decision, c.measured(d), pWords(*d.PAdjusted), c.size(d))
}

// measured is the difference with its interval.
func (c *Comparison) measured(d *Difference) string {
	return fmt.Sprintf("%s %s instead of %s, a difference of %s (%s)", metricName(c.Metric),
		metricValue(c.Metric, d.Variant), metricValue(c.Metric, d.Baseline),
		metricStep(c.Metric, *d.Difference), c.interval(d.Low, d.High, d.Confidence))
}

// interval names its confidence, which few pairs keep from what was asked for.
func (c *Comparison) interval(low, high *float64, confidence float64) string {
	return fmt.Sprintf("%s: %s to %s", confidenceWords(confidence), metricStep(c.Metric, *low), metricStep(c.Metric, *high))
}

// confidenceWords rounds down: 93.75 % is not 94 %.
func confidenceWords(confidence float64) string {
	return strconv.FormatFloat(math.Floor(confidence*1000+1e-6)/10, 'f', -1, 64) + " %"
}

func (c *Comparison) margin() string { return strings.TrimPrefix(metricStep(c.Metric, c.Margin), "+") }

// size compares a difference that is there with the margin.
func (c *Comparison) size(d *Difference) string {
	if *d.Low > c.Margin || *d.High < -c.Margin {
		return "and larger than the margin of " + c.margin()
	}
	return "though perhaps not by more than the margin of " + c.margin()
}

func (c *Comparison) whyOpen(v *Versus, d *Difference) string {
	switch {
	case c.tooManyLeftOut(v, d):
		return fmt.Sprintf("; but %s of %d were left out for an invalid trial, more than a quarter", plural(int64(v.LeftOut), "pair"), v.LeftOut+d.Pairs)
	case d.Pairs < c.fewest():
		return fmt.Sprintf("; %s cannot decide, however large the difference", plural(int64(d.Pairs), "pair"))
	}
	return "; " + pWords(*d.PAdjusted)
}

func (c *Comparison) advice(v *Versus, d *Difference) string {
	switch {
	case c.tooManyLeftOut(v, d):
		return " Find out first why trials are invalid."
	case v.MoreRepeats == nil:
		return " How many repeats would decide cannot be told from these."
	case d.Pairs < c.fewest():
		verb := "are"
		if *v.MoreRepeats == 1 {
			verb = "is"
		}
		return fmt.Sprintf(" At least %s %s needed.", plural(int64(*v.MoreRepeats), "more repeat"), verb)
	}
	return fmt.Sprintf(" About %s would probably decide.", plural(int64(*v.MoreRepeats), "more repeat"))
}

// pWords shows a probability as readers of statistics know it.
func pWords(p float64) string { return "p " + pEquals(p) }

func pEquals(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return "= " + pNumber(p)
}

func pNumber(p float64) string {
	switch {
	case p < 0.0001:
		return "<0.0001"
	case p < 0.01:
		return strconv.FormatFloat(p, 'f', 4, 64)
	case p < 0.1:
		return strconv.FormatFloat(p, 'f', 3, 64)
	case p > 0.995 && p < 1:
		return ">0.99"
	}
	return strconv.FormatFloat(p, 'f', 2, 64)
}

// effectWords classes Cliff's delta as Romano et al. (2006) do, after Cohen.
func effectWords(delta float64) string {
	size := "large"
	switch d := math.Abs(delta); {
	case d < 0.147:
		size = "negligible"
	case d < 0.33:
		size = "small"
	case d < 0.474:
		size = "medium"
	}
	return strings.Replace(fmt.Sprintf("%+.2f %s", delta, size), "-", "−", 1)
}

// sinceWords says how a variant does against its earlier self.
func (c *Comparison) sinceWords(s *SinceVariant, now *ComparedVariant, confidence float64) string {
	if s.Difference == nil {
		return "cannot be compared: " + metricName(c.Metric) + " was not measured then, or now."
	}
	text := fmt.Sprintf("%s %s instead of %s, a difference of %s (%s)", metricName(c.Metric), metricValue(c.Metric, s.Now),
		metricValue(c.Metric, s.Then), metricStep(c.Metric, *s.Difference), c.interval(s.Low, s.High, s.Confidence))
	inside := *s.Low >= -c.Margin && *s.High <= c.Margin
	switch {
	case now.tooManyInvalid():
		return "cannot be compared: more than a quarter of its trials are invalid."
	case s.Confidence < confidence-1e-9:
		return "inconclusive: " + text + "; too few trials to be sure."
	case s.Regressed:
		return "worse than then by more than the margin of " + c.margin() + ": " + text + "."
	case inside:
		return "as then, within the margin of " + c.margin() + ": " + text + "."
	}
	return "no certain change for the worse beyond the margin of " + c.margin() + ": " + text + "."
}

// comparisonTitle is what was compared, where, and with what seeds.
func comparisonTitle(c *Comparison) string {
	return fmt.Sprintf("%s  on %s, %s", orNone(c.Scenario), orNone(c.Backend), repeatsWords(c))
}

func repeatsWords(c *Comparison) string {
	text := plural(int64(c.Repeats), "repeat")
	if n := len(c.Seeds); n == 1 {
		text += fmt.Sprintf(", seed %d", c.Seeds[0])
	} else if n > 1 {
		text += fmt.Sprintf(", seeds %d to %d", c.Seeds[0], c.Seeds[n-1])
	}
	return text
}

// byWhat says how the comparison is judged.
func byWhat(c *Comparison) string {
	direction := "less is better"
	if c.Metric.MoreIsBetter() {
		direction = "more is better"
	}
	return fmt.Sprintf("Judged by %s (%s; differences up to %s do not matter), each trial against the baseline's of the same %s.",
		metricWords(c.Metric), direction, c.margin(), c.PairedBy)
}

// headline is the outcome in one line.
func headline(c *Comparison) string {
	if list := c.Regressed(); len(list) > 0 {
		return "REGRESSION: " + strings.Join(list, ", ")
	}
	var parts []string
	for _, d := range []Decision{Better, Worse, Equivalent, Inconclusive} {
		var names []string
		for _, v := range c.Versus {
			if v.Decision == d {
				names = append(names, v.Variant)
			}
		}
		if len(names) > 0 {
			word, _ := decisionTitle(d)
			parts = append(parts, word+": "+strings.Join(names, ", "))
		}
	}
	if len(parts) == 0 {
		return "no regression"
	}
	return strings.Join(parts, "; ")
}

// how explains the figures to those who want to check them.
func how(c *Comparison) []string {
	lines := []string{
		fmt.Sprintf("Differences are Hodges and Lehmann's estimate over the pairs, with the interval of the shifts that Wilcoxon's signed-rank test (exact up to 50 pairs, zeros after Pratt) does not reject. p of %s is corrected for %s (Holm); those of the other figures are not corrected and decide nothing.",
			metricName(c.Metric), plural(int64(max(1, len(c.Versus))), "variant")),
		"The effect is Cliff's delta: how much more often a trial of the variant has the larger value. " +
			"pp are percentage points: from 20 % to 21 % is 1 pp.",
	}
	if c.PairedBy == "seed" {
		return append(lines, "Trials of one seed share their chance: what differs is the variant.")
	}
	return append(lines, "The variants of one round ran close together, in random order: what drifts on the machine hits all alike.")
}

// leftOutWords lists invalid trials.
func leftOutWords(l LeftOut) string {
	return fmt.Sprintf("%s, seed %d: %s", l.Variant, l.Seed, strings.Join(l.Reasons, "; "))
}

// sinceNotes are what a reader must know about the earlier comparison.
func sinceNotes(c *Comparison) []string {
	var notes []string
	if c.Since.Changed {
		notes = append(notes, "the scenario file has changed since then")
	}
	if c.Since.Hurt != c.Hurt && slices.Contains([]seatrial.Metric{seatrial.RequestsHurt, seatrial.UsersHurt}, c.Metric) {
		notes = append(notes, fmt.Sprintf("a request was hurt from %s then, from %s now", seconds(c.Since.Hurt), seconds(c.Hurt)))
	}
	if len(c.Since.Unknown) > 0 {
		notes = append(notes, "not in the earlier comparison: "+strings.Join(c.Since.Unknown, ", "))
	}
	return notes
}
