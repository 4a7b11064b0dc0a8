package main

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report"
)

var update = flag.Bool("update", false, "write the golden file anew")

// sample is n trials in which a figure happened with values around a middle,
// and some in which it never did.
func sample(middle, spread float64, n, never int) report.Sample {
	var values []*float64
	for i := range n {
		v := middle + spread*(float64(i)/float64(max(1, n-1))-0.5)
		values = append(values, &v)
	}
	return report.SampleOf(append(values, make([]*float64, never)...))
}

func figure(t *testing.T, name string) report.Figure {
	t.Helper()
	for _, f := range report.Figures() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no figure %s", name)
	return report.Figure{}
}

func TestAFigureIsCloseWithin15PerCentOr200Milliseconds(t *testing.T) {
	for _, c := range []struct {
		name         string
		figure       string
		real, sim    report.Sample
		close, in    bool
		relativeDiff float64
	}{
		{"equal", "fault_p99", sample(8, 0.2, 8, 0), sample(8, 1, 200, 0), true, true, 0},
		{"14 % more", "fault_p99", sample(10, 0, 8, 0), sample(11.4, 4, 200, 0), true, true, 0.14},
		{"16 % less", "fault_p99", sample(10, 0, 8, 0), sample(8.4, 1, 200, 0), false, false, -0.16},
		{"twice, by 7 ms", "fault_p50", sample(0.007, 0, 8, 0), sample(0.014, 0.001, 200, 0), true, false, 1},
		{"0.3 s for 0", "time_to_recover", sample(0, 0, 8, 0), sample(0.3, 1, 200, 0), false, true, math.Inf(1)},
		{"0.1 s for 0", "time_to_recover", sample(0, 0, 8, 0), sample(0.1, 0, 200, 0), true, false, math.Inf(1)},
		{"both zero", "unavailable_seconds", sample(0, 0, 8, 0), sample(0, 0, 200, 0), true, true, 0},
		{"a share has no 200 ms", "requests_hurt", sample(0.10, 0, 8, 0), sample(0.12, 0.2, 200, 0), false, true, 0.2},
		{"a share of 0", "requests_hurt", sample(0, 0, 8, 0), sample(0.001, 0.002, 200, 0), false, false, math.Inf(1)},
		{"never on both", "time_to_detect", sample(0, 0, 0, 8), sample(0, 0, 0, 200), true, true, 0},
		{"never in reality alone", "time_to_detect", sample(0, 0, 0, 8), sample(40, 0, 200, 0), false, false, math.Inf(-1)},
		{"never simulated", "time_to_detect", sample(40, 0, 8, 0), sample(0, 0, 0, 200), false, false, math.Inf(1)},
		{"mostly never", "time_to_detect", sample(40, 0, 3, 5), sample(40, 0, 99, 101), true, true, 0},
		{"no valid trial", "fault_max", sample(0, 0, 0, 0), sample(8, 1, 200, 0), false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := row{figure: figure(t, c.figure), real: c.real, sim: c.sim}
			if r.close() != c.close || r.inBand() != c.in {
				t.Errorf("close %t, in the band %t; want %t and %t", r.close(), r.inBand(), c.close, c.in)
			}
			if _, relative := r.difference(); r.known() && relative != c.relativeDiff && !(math.Abs(relative-c.relativeDiff) < 1e-9) {
				t.Errorf("difference %g, want %g", relative, c.relativeDiff)
			}
		})
	}
}

func TestTheFirstReasonThatFitsCounts(t *testing.T) {
	known := []reason{
		{"pod-delete", "abrupt", "fault_max", "this one"},
		{"pod-delete", "*", "*", "any of pod-delete"},
	}
	for _, c := range []struct{ scenario, variant, figure, want string }{
		{"pod-delete", "abrupt", "fault_max", "this one"},
		{"pod-delete", "drain", "fault_max", "any of pod-delete"},
		{"live-migration", "abrupt", "fault_max", ""},
	} {
		if got := reasonFor(known, row{scenario: c.scenario, variant: c.variant, figure: figure(t, c.figure)}); got != c.want {
			t.Errorf("reason of %v is %q", c, got)
		}
	}
}

func TestEveryReasonIsAboutAFigureThatIsCompared(t *testing.T) {
	for _, r := range reasons {
		if r.figure != "*" && !strings.Contains(strings.Join(compared, " "), r.figure) || r.why == "" {
			t.Errorf("%+v fits nothing or says nothing", r)
		}
	}
}

// trials makes the distribution of a variant with that share of requests hurt.
func trials(backend, variant string, n, invalid int, hurt, detect float64) []*report.Summary {
	var list []*report.Summary
	for i := range n {
		drift := float64(i%21-10) / 100
		s := &report.Summary{Scenario: "live-migration", Variant: variant, Backend: backend, Seed: uint64(i + 1),
			Expect: seatrial.Failed, Verdict: seatrial.Failed,
			Versions: journal.Versions{Seatrial: "v0.1.0", Kubernetes: "v1.37.1"}}
		if i < invalid {
			s.Verdict = seatrial.Invalid
		}
		share, at := hurt*(1+drift), func(v float64) *seatrial.Seconds { x := seatrial.Seconds(v * (1 + drift/10)); return &x }
		s.Impact = report.Impact{RequestsHurt: &share, TimeToRecover: at(0)}
		if detect > 0 {
			s.Impact.TimeToDetect = at(detect)
		}
		s.Phases.Fault = &report.Phase{Part: report.Part{Latency: report.Times{P50: at(0.007), P99: at(7.5), Max: at(8)}}}
		list = append(list, s)
	}
	return list
}

func gathered(all ...[]*report.Summary) *report.Distribution {
	g := report.NewGather(0)
	for _, list := range all {
		for _, s := range list {
			g.Add(s, "")
		}
	}
	return g.Distribution()
}

func TestThePageLooksAsItsGoldenFile(t *testing.T) {
	all := []comparison{{
		real: gathered(trials("kind", "as-is", 8, 1, 0.25, 0), trials("kind", "packed", 8, 0, 0.9, 40), trials("kind", "gone", 8, 0, 0, 0)),
		sim:  gathered(trials("sim", "as-is", 210, 0, 0.26, 0), trials("sim", "packed", 210, 0, 0.6, 0)),
	}}
	got := page(all, options{users: 400})
	const path = "testdata/page.md"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s; see the change with: go test ./hack/fidelity -update && git diff hack\n%s", path, got)
	}
	for _, says := range []string{"live-migration / packed, requests hurt: real 84.2 % (8), simulated 60 % (210), −28.7 %: not explained yet",
		"live-migration / gone: the simulator has no trial of it", "kind: 8 trials: 0 pass, 7 fail, 1 invalid"} {
		if !strings.Contains(string(got), says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if strings.Contains(string(got), fmt.Sprint(math.NaN())) || strings.Contains(string(got), "Inf") {
		t.Error("the page shows what is no number")
	}
}
