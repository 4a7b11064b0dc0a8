package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report/statistics"
)

// seed is the summary of a trial whose figures follow from its seed.
func seed(variant string, n uint64, expect, verdict seatrial.Verdict, hurt float64) *Summary {
	s := &Summary{Scenario: "live-migration", Variant: variant, Backend: "sim", Seed: n, Expect: expect, Verdict: verdict,
		Baseline: variant == "as-is", Description: "One node's VM is moved.", Versions: journal.Versions{Seatrial: "v0.1.0"},
		Command: fmt.Sprintf("seatrial run live-migration --variant %s --seed %d", variant, n), SourceSHA256: "5e1f"}
	s.Availability = ptr(1 - hurt/100)
	s.Impact = Impact{RequestsHurt: &hurt, UsersHurt: ptr(hurt * 1.1), TimeToRecover: ptr(seatrial.Seconds(0)),
		UnavailableSeconds: float64(n % 3)}
	s.Phases.Fault = &Phase{Part: Part{Latency: Times{P50: ptr(seatrial.Seconds(0.007)),
		P99: ptr(seatrial.Seconds(6 + hurt)), Max: ptr(seatrial.Seconds(8))}}}
	if verdict != seatrial.Pass {
		s.Reasons = []string{"SLO missed, load browse: p99 of 5.79 s is above 500 ms"}
	}
	return s
}

// manySeeds is two variants of twenty seeds: one as its author expects, one
// with surprises.
func manySeeds() (*Gather, map[string]bool) {
	g, kept := NewGather(40), map[string]bool{}
	add := func(s *Summary) {
		folder := fmt.Sprintf("%s-%d", s.Variant, s.Seed)
		kept[folder] = true
		for _, f := range g.Add(s, folder) {
			delete(kept, f)
		}
	}
	for n := uint64(1); n <= 20; n++ {
		add(seed("as-is", n, seatrial.Failed, seatrial.Failed, 0.2+float64(n*7%20)/100))
		calm := seed("hedge", n, seatrial.Pass, seatrial.Pass, 0.001*float64(n%4))
		switch {
		case n == 9:
			calm.Verdict, calm.Reasons = seatrial.Invalid, []string{"fault migrate is not proven"}
			calm.Impact.RequestsHurt = ptr(0.9) // proves nothing, so it is in no figure
		case n > 12 && n < 19:
			calm = seed("hedge", n, seatrial.Pass, seatrial.Failed, 0.01)
		}
		if n < 5 {
			calm.Impact.TimeToRecover = nil
			calm.Impact.TimeToDetect = ptr(seatrial.Seconds(40))
		}
		add(calm)
	}
	return g, kept
}

func TestADistributionLooksAsItsGoldenFiles(t *testing.T) {
	g, _ := manySeeds()
	d := g.Distribution()
	for format, write := range map[string]func(*bytes.Buffer) error{
		"txt":  func(b *bytes.Buffer) error { return d.Text(b, "runs/live-migration/x", Style{}) },
		"json": func(b *bytes.Buffer) error { return encode(b, d, "  ") },
		"md":   func(b *bytes.Buffer) error { return d.Markdown(b) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		golden(t, "distribution."+format, got.Bytes())
	}
}

func TestWhatNeverHappenedIsCountedApartAndIsNotZero(t *testing.T) {
	s := SampleOf([]*float64{nil, ptr(2.0), nil, ptr(4.0), nil})
	if s.N != 2 || s.Never != 3 || *s.Median != 3 || *s.Min != 2 {
		t.Errorf("sample %+v, want 2 values from 2 to 4 and 3 that never happened", s)
	}
	if none := SampleOf([]*float64{nil, nil}); none.N != 0 || none.Never != 2 || none.Median != nil || none.Max != nil {
		t.Errorf("sample %+v, want no figure at all", none)
	}
}

// The values are those of R 4's quantile(type = 7) and NumPy's percentile.
func TestQuantilesAreInterpolatedLinearly(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{1, 2, 3, 4}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, 0.5, 3},
		{[]float64{1, 2, 3, 4}, 0.05, 1.15},
		{[]float64{1, 2, 3, 4}, 0.95, 3.85},
		{[]float64{7}, 0.95, 7},
		{[]float64{2, 9}, 0, 2},
		{[]float64{2, 9}, 1, 9},
		{[]float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, 0.25, 32.5},
	} {
		if got := statistics.Quantile(c.values, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile %g of %v is %g, want %g", c.q, c.values, got, c.want)
		}
	}
	if got := statistics.Quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("a quantile of nothing is %g", got)
	}
}

func TestOnlyUnexpectedAndExtremeTrialsKeepTheirFolders(t *testing.T) {
	g, kept := manySeeds()
	want := map[string]bool{}
	for _, v := range g.Distribution().Variants {
		want[v.Worst.Folder], want[v.Best.Folder] = true, true
		for _, u := range v.Unexpected {
			want[u.Folder] = true
		}
	}
	if len(kept) != len(want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	for folder := range want {
		if !kept[folder] {
			t.Errorf("%s is gone, though a report names it", folder)
		}
	}
	if !kept["hedge-9"] || !kept["hedge-13"] || kept["as-is-1"] {
		t.Errorf("kept %v: want the invalid and the failed ones, and not the first of all", kept)
	}
}

func TestOfEquallyAvailableTrialsTheOneThatHurtMostIsTheWorst(t *testing.T) {
	g := NewGather(3)
	for n, hurt := range []float64{0.3, 0.5, 0.1} {
		s := seed("as-is", uint64(n+1), seatrial.Failed, seatrial.Failed, hurt)
		s.Availability = ptr(1.0)
		g.Add(s, "")
	}
	if v := g.Distribution().Variants[0]; v.Worst.Seed != 2 || v.Best.Seed != 3 {
		t.Errorf("worst seed %d and best %d, want 2 and 3", v.Worst.Seed, v.Best.Seed)
	}
}

func TestInvalidTrialsAreCountedAndMeasuredNowhere(t *testing.T) {
	g := NewGather(1)
	g.Add(seed("as-is", 1, seatrial.Failed, seatrial.Invalid, 0.9), "as-is-1")
	v := g.Distribution().Variants[0]
	if v.Verdicts.Invalid != 1 || v.Figures["requests_hurt"].N != 0 || v.Worst != nil || len(v.Unexpected) != 1 {
		t.Errorf("%+v, want one invalid trial and no figure", v)
	}
	if err := g.Distribution().Text(&bytes.Buffer{}, "", Style{}); err != nil {
		t.Fatal(err)
	}
}

func TestADistributionFitsATerminal(t *testing.T) {
	g, _ := manySeeds()
	var out bytes.Buffer
	if err := g.Distribution().Text(&out, "runs/live-migration/20260101T000000Z-abcdef", Style{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimSpace(line))); n > 90 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestGatheringLetsSummariesGo keeps the memory of a long run bounded: a
// summary has the events of a trial behind it, its figures have not.
func TestGatheringLetsSummariesGo(t *testing.T) {
	g := NewGather(3)
	freed := make(chan uint64, 3)
	for n := uint64(1); n <= 3; n++ {
		s := seed("as-is", n, seatrial.Failed, seatrial.Failed, 0.25)
		runtime.AddCleanup(s, func(n uint64) { freed <- n }, n)
		g.Add(s, "")
	}
	gone := map[uint64]bool{}
	for try := 0; len(gone) < 3 && try < 1000; try++ {
		runtime.GC()
		select {
		case n := <-freed:
			gone[n] = true
		case <-time.After(10 * time.Millisecond): // its cleanup may still be to run
		}
	}
	if len(gone) < 3 {
		t.Errorf("freed %v, want all three", gone)
	}
	runtime.KeepAlive(g)
}

// TestEveryFieldOfADistributionIsDocumented keeps docs/distribution.md whole.
func TestEveryFieldOfADistributionIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/distribution.md")
	if err != nil {
		t.Fatal(err)
	}
	g, _ := manySeeds()
	var text bytes.Buffer
	if err := encode(&text, g.Distribution(), "  "); err != nil {
		t.Fatal(err)
	}
	inside := map[string]bool{"seatrial": true} // of versions, which summary.json explains
	for _, m := range regexp.MustCompile(`"(\w+)": `).FindAllStringSubmatch(text.String(), -1) {
		if name := m[1]; !inside[name] && !regexp.MustCompile("[`{, ]"+name+"[`{}\\[, ]").Match(doc) {
			t.Errorf("docs/distribution.md does not say what %s is", name)
		}
	}
}
