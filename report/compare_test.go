package report

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func comparisons(t *testing.T) map[string]*Comparison {
	t.Helper()
	all := fleet().trials()
	invalidate(all, "better", 7)
	unsure := fleet()
	unsure.chance = 0.05
	for i, s := range unsure.trials() {
		if s.Variant == "unsure" {
			all[i] = s
		}
	}
	lasting := all[len(all)-1]
	lasting.Impact.TimeToRecover = nil
	fleetWide := Compare(fleet().plan(), all)
	then := fleet()
	then.hurt = map[string]float64{"as-is": 0.22, "better": 0.02, "same": 0.18}
	fleetWide.Against(then.compare(), "main/comparison.json")
	few := crew{backend: "kind", repeats: 5, luck: 0.02, chance: 0.01, hurt: map[string]float64{"as-is": 0.22, "worse": 0.88}}
	many := crew{backend: "kind", repeats: 8, luck: 0.02, chance: 0.01, hurt: few.hurt}
	spoilt := many.trials()
	for seed := range 3 {
		invalidate(spoilt, "as-is", uint64(seed+1))
	}
	fewAgain := few.compare()
	fewAgain.Against(many.compare(), "main/comparison.json")
	return map[string]*Comparison{
		"fleet":  fleetWide,
		"few":    fewAgain,
		"spoilt": Compare(many.plan(), spoilt),
		"none":   Compare(many.plan(), nil),
	}
}

func invalidate(all []*Summary, variant string, seed uint64) {
	for _, s := range all {
		if s.Variant == variant && s.Seed == seed {
			s.Verdict, s.Reasons = seatrial.Invalid, []string{"fault migrate is not proven: nothing shows that it took effect"}
		}
	}
}

func TestComparisonsLookAsTheirGoldenFiles(t *testing.T) {
	for name, c := range comparisons(t) {
		for format, write := range map[string]func(*bytes.Buffer) error{
			"txt":  func(b *bytes.Buffer) error { return ComparisonText(b, c, Style{}) },
			"json": func(b *bytes.Buffer) error { return encode(b, c, "  ") },
			"html": func(b *bytes.Buffer) error { return ComparisonHTML(b, c) },
			"md":   func(b *bytes.Buffer) error { return ComparisonMarkdown(b, c) },
		} {
			if name+"."+format == "fleet.json" {
				continue // thousands of lines of the same kind as the smaller ones
			}
			t.Run(name+"."+format, func(t *testing.T) {
				var got bytes.Buffer
				if err := write(&got); err != nil {
					t.Fatal(err)
				}
				golden(t, "compare-"+name+"."+format, got.Bytes())
			})
		}
	}
}

func TestEveryDecisionIsMadeWhereItShould(t *testing.T) {
	c := comparisons(t)
	for _, want := range []struct {
		of, variant string
		decision    Decision
		words       string
		more        bool
	}{
		{"fleet", "better", Better, "and larger than the margin of 1 pp", false},
		{"fleet", "worse", Worse, "and larger than the margin of 1 pp", false},
		{"fleet", "same", Equivalent, "no difference larger than the margin", false},
		{"fleet", "unsure", Inconclusive, "would probably decide", true},
		{"few", "worse", Inconclusive, "5 pairs cannot decide, however large the difference", true},
		{"spoilt", "worse", Inconclusive, "3 pairs of 8 were left out", false},
		{"none", "worse", Inconclusive, "no pair of valid trials", true},
	} {
		v := c[want.of].Versus[0]
		for _, other := range c[want.of].Versus {
			if other.Variant == want.variant {
				v = other
			}
		}
		if v.Decision != want.decision || !strings.Contains(v.Words, want.words) || (v.MoreRepeats != nil) != want.more {
			t.Errorf("%s: %s: %s, %q, more %v", want.of, v.Variant, v.Decision, v.Words, v.MoreRepeats)
		}
	}
}

// TestPairingSeesWhatLuckHides: the luck of the seed is five times the
// difference.
func TestPairingSeesWhatLuckHides(t *testing.T) {
	c := crew{backend: "sim", repeats: 20, luck: 0.10, chance: 0.002, hurt: map[string]float64{"as-is": 0.40, "better": 0.38}}.compare()
	d := c.Versus[0].Primary(c.Metric)
	if c.Versus[0].Decision != Better || *d.Difference > -0.015 || *d.Difference < -0.025 {
		t.Errorf("%s: %s", c.Versus[0].Decision, c.Versus[0].Words)
	}
}

func TestAnInvalidTrialLeavesWithItsPair(t *testing.T) {
	c := comparisons(t)["fleet"]
	if len(c.LeftOut) != 1 || c.LeftOut[0].Seed != 7 || c.LeftOut[0].Variant != "better" {
		t.Fatalf("left out: %+v", c.LeftOut)
	}
	for _, v := range c.Versus {
		want := 30
		if v.Variant == "better" {
			want = 29
		}
		if got := v.Primary(c.Metric).Pairs; got != want {
			t.Errorf("%s: %d pairs, want %d", v.Variant, got, want)
		}
	}
}

func TestTheOrderOfTrialsDoesNotMatter(t *testing.T) {
	all := fleet().trials()
	var one, two bytes.Buffer
	if err := ComparisonJSON(&one, Compare(fleet().plan(), all)); err != nil {
		t.Fatal(err)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if err := ComparisonJSON(&two, Compare(fleet().plan(), all)); err != nil {
		t.Fatal(err)
	}
	if one.String() != two.String() {
		t.Error(firstDifference(two.Bytes(), one.Bytes()))
	}
}

// TestEqualVariantsAreRarelyTakenForDifferent is an A/A test: of equal variants
// at most 5 % of comparisons may find any difference (Holm), plus four standard
// errors of 400 comparisons. Seeds are fixed: the outcome is the same anywhere.
func TestEqualVariantsAreRarelyTakenForDifferent(t *testing.T) {
	for _, repeats := range []int{8, 30} {
		found, settled := 0, 0
		for stream := range uint64(400) {
			c := crew{backend: "sim", repeats: repeats, luck: 0.05, chance: 0.03, stream: stream + 100,
				hurt: map[string]float64{"as-is": 0.3, "better": 0.3, "same": 0.3, "worse": 0.3}}.compare()
			wrong := false
			for _, v := range c.Versus {
				wrong = wrong || v.Decision == Better || v.Decision == Worse
				if v.Decision == Equivalent {
					settled++
				}
			}
			if wrong {
				found++
			}
		}
		if share := float64(found) / 400; share > 0.05+0.044 {
			t.Errorf("%d repeats: %.3f of the comparisons found a difference where there is none", repeats, share)
		}
		t.Logf("%d repeats: %d of 400 found something, %d of 1200 variants are equivalent", repeats, found, settled)
	}
}

// TestMoreRepeatsDecide follows the advice: with as many as it says, most
// comparisons are decided.
func TestMoreRepeatsDecide(t *testing.T) {
	decided, advised := 0, 0
	for stream := range uint64(60) {
		c := crew{backend: "sim", repeats: 12, chance: 0.03, stream: stream, hurt: map[string]float64{"as-is": 0.3, "worse": 0.33}}
		first := c.compare().Versus[0]
		if first.MoreRepeats == nil || *first.MoreRepeats > 500 {
			continue
		}
		advised++
		c.repeats += *first.MoreRepeats
		if c.compare().Versus[0].Decision != Inconclusive {
			decided++
		}
	}
	if advised < 10 || float64(decided) < 0.6*float64(advised) {
		t.Errorf("%d of %d that got advice were decided", decided, advised)
	}
}

func TestARegressionIsWhatGotWorseByMoreThanTheMargin(t *testing.T) {
	then := crew{backend: "sim", repeats: 30, luck: 0.05, chance: 0.01, stream: 3, hurt: map[string]float64{"as-is": 0.2, "better": 0.1}}
	for name, c := range map[string]struct {
		change  func(*crew)
		want    []string
		unpaird bool
	}{
		"unchanged":     {func(c *crew) {}, nil, false},
		"chance alone":  {func(c *crew) { c.stream = 4; c.luck = 0 }, nil, false},
		"worse":         {func(c *crew) { c.hurt = map[string]float64{"as-is": 0.2, "better": 0.16} }, []string{"better"}, false},
		"within margin": {func(c *crew) { c.hurt = map[string]float64{"as-is": 0.2, "better": 0.106} }, nil, false},
		"better":        {func(c *crew) { c.hurt = map[string]float64{"as-is": 0.1, "better": 0.05} }, nil, false},
		"worse, on kind": {func(c *crew) {
			c.backend, c.repeats = "kind", 8
			c.hurt = map[string]float64{"as-is": 0.2, "better": 0.4}
		}, []string{"better"}, true},
		"too few to tell": {func(c *crew) {
			c.repeats, c.backend = 1, "kind"
			c.hurt = map[string]float64{"as-is": 0.9, "better": 0.9}
		}, nil, true},
	} {
		now := then
		c.change(&now)
		earlier := then
		earlier.backend = now.backend
		if now.backend == "kind" {
			earlier.repeats = now.repeats
		}
		got := now.compare()
		got.Against(earlier.compare(), "then.json")
		if list := got.Regressed(); strings.Join(list, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %q: %+v", name, list, got.Since.Variants)
		}
		if got.Since.Variants[0].Paired == c.unpaird {
			t.Errorf("%s: paired %v", name, got.Since.Variants[0].Paired)
		}
	}
}

func TestLessAvailabilityIsWorse(t *testing.T) {
	c := crew{backend: "sim", repeats: 20, chance: 0.01, hurt: map[string]float64{"as-is": 0.1, "worse": 0.3}}
	all := c.trials()
	for _, s := range all {
		s.Availability = ptr(1 - *s.Impact.RequestsHurt)
	}
	plan := c.plan()
	plan.Metric = seatrial.Availability
	then := Compare(plan, all)
	if v := then.Versus[0]; v.Decision != Worse {
		t.Errorf("%s: %s", v.Decision, v.Words)
	}
	for _, s := range all {
		*s.Availability -= 0.02
	}
	now := Compare(plan, all)
	now.Against(then, "then.json")
	if got := now.Regressed(); len(got) != 2 {
		t.Errorf("%q regressed", got)
	}
}

func TestASteadyStateThatNeverCameBackCountsAsTheTimeWaited(t *testing.T) {
	s := crew{backend: "sim"}.summary("as-is", 1, 0.3)
	s.Impact.TimeToRecover = nil
	if v, ok := metricOf(seatrial.TimeToRecover, s); !ok || v.Value != 60 || !v.AtLeast {
		t.Errorf("%+v, %v", v, ok)
	}
	s.Phases.Recovery.To = 23.5
	if v, ok := metricOf(seatrial.TimeToRecover, s); ok {
		t.Errorf("half a second shows nothing, got %+v", v)
	}
	s.Phases = Phases{}
	if v, ok := metricOf(seatrial.RequestsHurt, s); !ok || v.Value != 0.3 {
		t.Errorf("without a fault the whole trial counts: %+v, %v", v, ok)
	}
}

func TestAComparisonComesBackFromItsFile(t *testing.T) {
	var file, again bytes.Buffer
	c := comparisons(t)["fleet"]
	if err := ComparisonJSON(&file, c); err != nil {
		t.Fatal(err)
	}
	back, err := ReadComparison(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := ComparisonJSON(&again, back); err != nil || again.String() != file.String() {
		t.Errorf("%v: %s", err, firstDifference(again.Bytes(), file.Bytes()))
	}
	for text, want := range map[string]string{"": "EOF", "[]": "cannot unmarshal", `{"schema":9}`: "schema 9", `{"schema":1}`: "no variants"} {
		if _, err := ReadComparison(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if Comparable(c, "live-migration", "sim") != nil || Comparable(c, "other", "sim") == nil || Comparable(c, "live-migration", "kind") == nil {
		t.Error("what can be compared with what")
	}
}

func TestTheComparisonPageNeedsNoOtherFileAndNoScript(t *testing.T) {
	for name, c := range comparisons(t) {
		var html bytes.Buffer
		if err := ComparisonHTML(&html, c); err != nil {
			t.Fatal(err)
		}
		for _, forbidden := range []string{"<script", "http://", "https://", "src=", "@import", "url(", "ZgotmplZ", "<b>to", "NaN", "Inf"} {
			if strings.Contains(html.String(), forbidden) {
				t.Errorf("%s: the page contains %q", name, forbidden)
			}
		}
	}
}

func TestAComparisonOfATerminalFitsIt(t *testing.T) {
	for name, c := range comparisons(t) {
		var out bytes.Buffer
		if err := ComparisonText(&out, c, Style{}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSpace(line))); n > 100 {
				t.Errorf("%s: a line of %d: %s", name, n, line)
			}
		}
	}
}

// TestManyRepeatsAreQuick: Walsh averages are counted, never written out.
func TestManyRepeatsAreQuick(t *testing.T) {
	begun := time.Now()
	c := crew{backend: "sim", repeats: 5000, luck: 0.05, chance: 0.01, hurt: map[string]float64{"as-is": 0.22, "better": 0.2}}.compare()
	if c.Versus[0].Decision != Better {
		t.Error(c.Versus[0].Words)
	}
	if took := time.Since(begun); took > time.Minute { // half a second where nothing else runs
		t.Errorf("took %s", took)
	}
}
