package report

import (
	"cmp"
	"slices"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// DistributionFile is the file in a run folder that holds a [Distribution].
const DistributionFile = "distribution.json"

// DistributionSchema is the version of distribution.json.
const DistributionSchema = 1

// Distribution is what many trials of one scenario showed, variant by variant:
// the content of distribution.json. See docs/distribution.md.
type Distribution struct {
	Schema       int              `json:"schema"`
	Scenario     string           `json:"scenario"`
	Description  string           `json:"description,omitempty"`
	Backend      string           `json:"backend"`
	Planned      int              `json:"planned"` // trials that were asked for; fewer ran where the run was cut short
	Variants     []Spread         `json:"variants"`
	Versions     journal.Versions `json:"versions"`
	SourceSHA256 string           `json:"source_sha256,omitempty"`
}

// Spread is how the figures of one variant lie over its trials.
type Spread struct {
	Variant  string           `json:"variant"`
	Baseline bool             `json:"baseline,omitempty"`
	Expect   seatrial.Verdict `json:"expect"`
	Trials   int              `json:"trials"`
	Seeds    Seeds            `json:"seeds"`
	Verdicts Verdicts         `json:"verdicts"`
	// Figures are of the valid trials, by the name in [Figures].
	Figures map[string]Sample `json:"figures"`
	// Worst and Best are the trials of the lowest and the highest
	// availability; among equals, of the most and the fewest requests hurt;
	// among those, the first. Nil where no trial is valid.
	Worst *Extreme `json:"worst"`
	Best  *Extreme `json:"best"`
	// Unexpected are the trials whose verdict is not Expect.
	Unexpected []Unexpected `json:"unexpected"`
}

// Seeds is the range of the seeds that were tried.
type Seeds struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Verdicts counts trials.
type Verdicts struct {
	Pass    int `json:"pass"`
	Fail    int `json:"fail"`
	Invalid int `json:"invalid"`
}

// Extreme is a trial at one end of a variant's distribution.
type Extreme struct {
	Seed         uint64   `json:"seed"`
	Availability *float64 `json:"availability"`
	RequestsHurt *float64 `json:"requests_hurt"`
	Command      string   `json:"command"`
	Folder       string   `json:"folder"` // below the run folder

	unexpected bool // its folder is kept whatever becomes of this place
}

// Unexpected is a trial whose verdict its author did not predict.
type Unexpected struct {
	Seed    uint64           `json:"seed"`
	Verdict seatrial.Verdict `json:"verdict"`
	Reasons []string         `json:"reasons"`
	Command string           `json:"command"` // repeats it
	Folder  string           `json:"folder"`  // below the run folder
}

// Gather makes a [Distribution] of trials that come one by one. Of each it
// keeps the figures only.
type Gather struct {
	d        Distribution
	variants map[string]*gathered
	order    []*gathered
}

// gathered is one variant so far.
type gathered struct {
	spread Spread
	values map[string][]*float64
}

// NewGather returns a gathering of as many trials as are planned.
func NewGather(planned int) *Gather {
	return &Gather{d: Distribution{Schema: DistributionSchema, Planned: planned}, variants: map[string]*gathered{}}
}

// Add takes in a trial. It returns the folders that nobody needs any more: the
// trial's own, unless it is unexpected or an extreme, and that of an extreme
// whose place it takes.
func (g *Gather) Add(s *Summary, folder string) (dropped []string) {
	if len(g.order) == 0 {
		g.d.Scenario, g.d.Description, g.d.Backend = s.Scenario, s.Description, s.Backend
		g.d.Versions, g.d.SourceSHA256 = s.Versions, s.SourceSHA256
	}
	v := g.variant(s)
	before := v.extremes()
	v.count(s, folder)
	own := &Extreme{Seed: s.Seed, Availability: s.Availability, RequestsHurt: s.Impact.RequestsHurt,
		Command: s.Command, Folder: folder, unexpected: s.Verdict != s.Expect}
	if s.Verdict != seatrial.Invalid {
		v.measure(s)
		v.compare(own)
	}
	after := v.extremes()
	for _, e := range append(before, own) {
		if !e.unexpected && !slices.Contains(after, e) {
			dropped = append(dropped, e.Folder)
		}
	}
	return dropped
}

func (g *Gather) variant(s *Summary) *gathered {
	v := g.variants[s.Variant]
	if v == nil {
		v = &gathered{values: map[string][]*float64{}, spread: Spread{Variant: s.Variant, Baseline: s.Baseline,
			Expect: s.Expect, Seeds: Seeds{s.Seed, s.Seed}, Unexpected: []Unexpected{}}}
		g.variants[s.Variant] = v
		g.order = append(g.order, v)
	}
	return v
}

// Distribution is what has been gathered so far, variants in the order in
// which they came.
func (g *Gather) Distribution() *Distribution {
	d := g.d
	d.Variants = []Spread{}
	for _, v := range g.order {
		s := v.spread
		s.Figures = map[string]Sample{}
		for _, f := range Figures() {
			s.Figures[f.Name] = SampleOf(v.values[f.Name])
		}
		d.Variants = append(d.Variants, s)
	}
	return &d
}

func (v *gathered) count(s *Summary, folder string) {
	t := &v.spread
	t.Trials++
	t.Seeds = Seeds{min(t.Seeds.First, s.Seed), max(t.Seeds.Last, s.Seed)}
	switch s.Verdict {
	case seatrial.Pass:
		t.Verdicts.Pass++
	case seatrial.Failed:
		t.Verdicts.Fail++
	case seatrial.Invalid:
		t.Verdicts.Invalid++
	}
	if s.Verdict != s.Expect {
		t.Unexpected = append(t.Unexpected, Unexpected{Seed: s.Seed, Verdict: s.Verdict, Reasons: s.Reasons,
			Command: s.Command, Folder: folder})
	}
}

// measure copies the figures, so that the summary can go.
func (v *gathered) measure(s *Summary) {
	for _, f := range Figures() {
		value := f.Of(s)
		if value != nil {
			value = ptr(*value)
		}
		v.values[f.Name] = append(v.values[f.Name], value)
	}
}

func (v *gathered) compare(e *Extreme) {
	if v.spread.Worst == nil || e.compare(v.spread.Worst) < 0 {
		v.spread.Worst = e
	}
	if v.spread.Best == nil || e.compare(v.spread.Best) > 0 {
		v.spread.Best = e
	}
}

// extremes are the worst and the best so far: none, one that is both, or two.
func (v *gathered) extremes() []*Extreme {
	switch worst, best := v.spread.Worst, v.spread.Best; worst {
	case nil:
		return nil
	case best:
		return []*Extreme{worst}
	default:
		return []*Extreme{worst, best}
	}
}

// compare is below zero where e is the worse of both. A share of nothing
// counts as none hurt.
func (e *Extreme) compare(o *Extreme) int {
	return cmp.Or(cmp.Compare(orZero(e.Availability), orZero(o.Availability)),
		-cmp.Compare(orZero(e.RequestsHurt), orZero(o.RequestsHurt)))
}

func orZero(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
