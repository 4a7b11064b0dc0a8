package report

import (
	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// ComparisonFile is the file above the trials that holds a [Comparison].
const ComparisonFile = "comparison.json"

// ComparisonSchema is the version of comparison.json.
const ComparisonSchema = 1

// What a comparison is judged by.
const (
	// Alpha is the accepted probability of finding a difference, in any of the
	// variants, where there is none.
	Alpha = 0.05
	// MostLeftOut is the largest share of pairs that may be left out for an
	// invalid trial: beyond it, what remains may be a selection.
	MostLeftOut = 0.25
	// power is the probability of a decision that advice on more repeats aims
	// at: Cohen's convention.
	power = 0.8
	// farTooMany repeats are no advice.
	farTooMany = 10_000
)

// Comparison is what trials of several variants of one scenario decide: the
// content of comparison.json. Times are in seconds, shares and differences of
// shares are ratios, and what was never measured is null. See
// docs/comparison.md.
type Comparison struct {
	Schema      int              `json:"schema"`
	Scenario    string           `json:"scenario"`
	Description string           `json:"description,omitempty"`
	Backend     string           `json:"backend"`
	Metric      seatrial.Metric  `json:"metric"`   // the one that decides
	Margin      float64          `json:"margin"`   // the largest difference of it that does not matter
	Alpha       float64          `json:"alpha"`    // see [Alpha]
	Baseline    string           `json:"baseline"` // the variant that the others are held against
	PairedBy    string           `json:"paired_by"`
	Repeats     int              `json:"repeats"` // that were asked for
	Seeds       []uint64         `json:"seeds"`   // of what was tried, ascending
	Hurt        seatrial.Seconds `json:"hurt"`

	Variants []ComparedVariant `json:"variants"`         // the baseline first
	Versus   []Versus          `json:"against_baseline"` // each of the others
	LeftOut  []LeftOut         `json:"left_out"`         // invalid trials
	// Since compares with an earlier comparison.json; null without one.
	Since *Since `json:"since"`

	Versions     journal.Versions `json:"versions"`
	SourceSHA256 string           `json:"source_sha256,omitempty"`
	Command      string           `json:"command,omitempty"`
	Warnings     []string         `json:"warnings"`
}

// ComparedVariant is what the trials of one variant showed.
type ComparedVariant struct {
	Variant    string           `json:"variant"`
	Baseline   bool             `json:"baseline,omitempty"`
	Expect     seatrial.Verdict `json:"expect"`
	Trials     int              `json:"trials"`
	Passed     int              `json:"passed"`
	Failed     int              `json:"failed"`
	Invalid    int              `json:"invalid"`
	Objectives []ObjectiveCount `json:"slo"`
	Figures    []MetricValues   `json:"figures"` // in the order of [seatrial.Metrics]
	// Clusters are those whose settings are not Kubernetes' and the backend's.
	Clusters []journal.Cluster `json:"clusters,omitempty"`
}

// ObjectiveCount says in how many valid trials an objective was met.
type ObjectiveCount struct {
	Name      string  `json:"name"`
	Load      string  `json:"load"`
	Objective float64 `json:"objective"`
	Met       int     `json:"met"`
	Trials    int     `json:"trials"`
}

// MetricValues are the raw figures of one metric over the valid trials of a
// variant.
type MetricValues struct {
	Metric seatrial.Metric `json:"metric"`
	Median *float64        `json:"median"`
	P25    *float64        `json:"p25"` // quantiles interpolate, see [statistics.Quantile]
	P75    *float64        `json:"p75"`
	Min    *float64        `json:"min"`
	Max    *float64        `json:"max"`
	// AtLeast counts values that are lower bounds: the steady state that did
	// not come back counts as the time that was waited for it.
	AtLeast int           `json:"at_least"`
	Values  []MetricValue `json:"values"` // by seed; a trial without a value is not in it
}

// MetricValue is one trial's.
type MetricValue struct {
	Seed    uint64  `json:"seed"`
	Value   float64 `json:"value"`
	AtLeast bool    `json:"at_least,omitempty"`
}

// Versus is a variant held against the baseline.
type Versus struct {
	Variant  string   `json:"variant"`
	Decision Decision `json:"decision"`
	Words    string   `json:"words"` // the decision and why
	// MoreRepeats would probably decide; null where the decision is made, and
	// where no honest number can be given.
	MoreRepeats *int `json:"more_repeats"`
	LeftOut     int  `json:"pairs_left_out"` // for an invalid trial
	// Differences are variant minus baseline, in the order of
	// [seatrial.Metrics]. Only the comparison's metric decides; the others are
	// for the reader, and their p is not corrected for their number.
	Differences []Difference `json:"differences"`
}

// Decision says how a variant does against the baseline.
type Decision string

// The decisions.
const (
	Better       Decision = "better"
	Worse        Decision = "worse"
	Equivalent   Decision = "equivalent" // no difference larger than the margin
	Inconclusive Decision = "inconclusive"
)

// Difference is a paired difference of one metric: variant minus baseline.
type Difference struct {
	Metric   seatrial.Metric `json:"metric"`
	Pairs    int             `json:"pairs"`
	Baseline *float64        `json:"baseline"` // medians over the pairs
	Variant  *float64        `json:"variant"`
	// Difference is Hodges and Lehmann's estimate; Low and High bound it with
	// Confidence, which is below 1 - alpha where the pairs are too few for it.
	Difference *float64 `json:"difference"`
	Low        *float64 `json:"low"`
	High       *float64 `json:"high"`
	Confidence float64  `json:"confidence"`
	// P is of Wilcoxon's signed-rank test, two-sided; PAdjusted is corrected
	// for the number of variants (Holm), for the deciding metric only.
	P         float64  `json:"p"`
	PAdjusted *float64 `json:"p_adjusted,omitempty"`
	// CliffsDelta is the effect's size from -1 to 1: how much more often a
	// trial of the variant has the larger value than one of the baseline.
	CliffsDelta float64 `json:"cliffs_delta"`
	Larger      int     `json:"larger"` // pairs in which the variant's value is larger
	Smaller     int     `json:"smaller"`
}

// LeftOut is an invalid trial: it proves nothing, so its pair is left out.
type LeftOut struct {
	Variant string   `json:"variant"`
	Seed    uint64   `json:"seed"`
	ID      string   `json:"id"`
	Reasons []string `json:"reasons"`
}

// variant finds a variant's figures; nil where there are none.
func (c *Comparison) variant(name string) *ComparedVariant {
	for i := range c.Variants {
		if c.Variants[i].Variant == name {
			return &c.Variants[i]
		}
	}
	return nil
}

// Trials counts those that ran, valid or not.
func (c *Comparison) Trials() int {
	n := 0
	for _, v := range c.Variants {
		n += v.Trials
	}
	return n
}

// of finds the figures of a metric.
func (v *ComparedVariant) of(m seatrial.Metric) *MetricValues {
	for i := range v.Figures {
		if v.Figures[i].Metric == m {
			return &v.Figures[i]
		}
	}
	return &MetricValues{Metric: m}
}

// Primary is the difference that decides.
func (v *Versus) Primary(m seatrial.Metric) *Difference {
	for i := range v.Differences {
		if v.Differences[i].Metric == m {
			return &v.Differences[i]
		}
	}
	return &Difference{Metric: m, P: 1}
}
