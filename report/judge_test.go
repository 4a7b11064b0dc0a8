package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

func ExampleFromJournal() {
	text := `{"at":-2,"kind":"trial","edge":"begin","data":{"schema":1,"scenario":"calm","timeline":{"warmup":4,"trial":2},"slo":{"availability":0.995},"loads":[{"name":"browse","users":1}]}}
{"at":-1,"kind":"load","data":{"load":"browse","planned":5,"sent":5,"succeeded":5,"latency":{"900":5}}}
{"at":0,"kind":"load","data":{"load":"browse","planned":5,"sent":5,"succeeded":5,"latency":{"900":5}}}
{"at":2,"kind":"trial","edge":"end","data":{}}`
	summary, _, err := FromJournal(strings.NewReader(text))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Verdict)
	fmt.Println(summary.Sentence)
	// Output:
	// pass
	// No fault was injected: of 5 requests, 100 % succeeded, and 99 % were answered within 0.9 ms.
}

func ExampleWindow() {
	w := NewWindow() // what a runner asks while the load runs
	for at := time.Duration(0); at < 2*time.Second; at += seatrial.Width {
		w.Add(at, seatrial.Interval{Load: "browse", Planned: 10, Succeeded: 9, Failed: 1})
	}
	fmt.Println(w.Holds(seatrial.Objective{Availability: 0.999}, 0, time.Second))
	// Output: false load browse: availability of 90 % is below 99.9 %
}

func judge(t *testing.T, text []byte) (*Summary, *Page) {
	t.Helper()
	s, page, err := FromJournal(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s, page
}

// cases are the trials that every format has a golden file of.
func cases(t *testing.T) map[string][]byte {
	whole := frozen()
	unproven := frozen()
	unproven.unproven = true
	saturated := frozen()
	saturated.late, saturated.agent.CPU = 1, 23
	unsteady := frozen()
	unsteady.slow = 700 * time.Millisecond
	calm := frozen()
	calm.header.Faults, calm.header.Expect, calm.injected, calm.reverted = nil, seatrial.Pass, -1, -1
	silent := frozen()
	silent.end = -warmup
	lasting := frozen()
	lasting.failing, lasting.reverted = true, -1
	drained := frozen()
	drained.more, drained.failing, drained.class = append(drain(), upgrade()...), true, "dns"
	alone := play{header: whole.header, injected: -1, reverted: -1, end: 10 * time.Second, slow: healthy, trailer: &journal.Trailer{},
		agent: seatrial.AgentReport{CPU: 1, Cores: 2, Wall: 14}}
	alone.header.Backend, alone.header.Faults, alone.header.Expect, alone.header.Nodes = journal.Alone, nil, seatrial.Pass, nil
	alone.header.Scenario, alone.header.Variant, alone.header.Description = "load", "default", "50/s to http://shop/items for 10s, by 30 users"
	alone.header.Timeline, alone.header.SLO, alone.header.SteadyState = journal.Timeline{Trial: 10}, journal.Objective{}, journal.Objective{}
	text := whole.journal(t)
	return map[string][]byte{
		"whole":     text,
		"truncated": text[:len(text)*2/3],
		"unproven":  unproven.journal(t),
		"saturated": saturated.journal(t),
		"unsteady":  unsteady.journal(t),
		"calm":      calm.journal(t),
		"silent":    silent.journal(t),
		"lasting":   lasting.journal(t),
		"drained":   drained.journal(t),
		"alone":     alone.journal(t),
		"empty":     nil,
	}
}

func near(a *float64, b float64) bool { return a != nil && math.Abs(*a-b) < 1e-9 }

func TestAFrozenThirdOfTheUsersIsSeenAsSuch(t *testing.T) {
	s, _ := judge(t, frozen().journal(t))
	if s.Verdict != seatrial.Failed || len(s.Reasons) != 1 {
		t.Errorf("verdict %s, %q", s.Verdict, s.Reasons)
	}
	if s.Load.Planned != 1000 || s.Load.Succeeded != 1000 || !near(s.Availability, 1) {
		t.Errorf("load %+v: the warm-up must be left out", s.Load)
	}
	// Due in [5, 13): 400, the interval of the injection included; a third of
	// those after it and more than a second before the revert is hurt.
	if s.Phases.Before.Load.Planned != 250 || s.Phases.Fault.Load.Planned != 400 || s.Phases.Recovery.Load.Planned != 350 {
		t.Errorf("phases %+v", s.Phases)
	}
	if hurt := *s.Impact.RequestsHurt; hurt < 0.28 || hurt > 0.30 {
		t.Errorf("hurt %v", hurt)
	}
	if !near(s.Impact.UsersHurt, 10.0/30) {
		t.Errorf("users hurt %v", *s.Impact.UsersHurt)
	}
	if longest := s.Latency.Max.Duration(); longest < 7900*time.Millisecond || longest > 8*time.Second {
		t.Errorf("longest %v", longest)
	}
	if before := s.Phases.Before.Latency.Max.Duration(); before > 10*time.Millisecond {
		t.Errorf("before the fault somebody waited %v", before)
	}
	f := s.Faults[0]
	if f.InjectionError.Duration() != 12*time.Millisecond || f.ProvenAt.Duration() != 5212*time.Millisecond || f.RevertedAt.Duration() != 13*time.Second {
		t.Errorf("fault %+v", f)
	}
	if s.Impact.TimeToDetect.Duration() != 1500*time.Millisecond || !strings.HasPrefix(*s.Impact.DetectedBy, "node worker2") {
		t.Errorf("detected %v by %v", s.Impact.TimeToDetect, *s.Impact.DetectedBy)
	}
	if s.Impact.TimeToRecover == nil || *s.Impact.TimeToRecover != 0 {
		t.Errorf("recovered %v", s.Impact.TimeToRecover)
	}
	want := []Pod{{"shop-0", "worker", 10, 0, false}, {"shop-1", "worker2", 10, 10, true}, {"shop-2", "worker3", 10, 0, false}}
	if fmt.Sprint(s.Exposure) != fmt.Sprint(want) {
		t.Errorf("exposure %v", s.Exposure)
	}
}

func TestVerdicts(t *testing.T) {
	journals := cases(t)
	for name, test := range map[string]struct {
		verdict seatrial.Verdict
		reason  string // part of the first
	}{
		"whole":     {seatrial.Failed, "SLO missed, load browse: p99 of"},
		"truncated": {seatrial.Invalid, "the line is cut off"},
		"unproven":  {seatrial.Invalid, "fault migrate is not proven"},
		"saturated": {seatrial.Invalid, "sent 20 % of the requests late"},
		"unsteady":  {seatrial.Invalid, "p99 of 700 ms is above 200 ms"},
		"calm":      {seatrial.Pass, ""},
		"silent":    {seatrial.Invalid, "no request was due"},
		"lasting":   {seatrial.Failed, "SLO missed, load browse: availability of 75"},
		"empty":     {seatrial.Invalid, "no first line"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := judge(t, journals[name])
			first := strings.Join(append(s.Reasons, "")[:1], "")
			if s.Verdict != test.verdict || !strings.Contains(first, test.reason) {
				t.Errorf("%s: %q", s.Verdict, s.Reasons)
			}
		})
	}
}

func TestWhatTheRunnerKnowsMakesATrialInvalid(t *testing.T) {
	p := frozen()
	p.trailer = &journal.Trailer{Reasons: []string{"the API server went away"}, Interrupted: true}
	p.agent.Lost = "evicted"
	s, _ := judge(t, p.journal(t))
	got := strings.Join(s.Reasons, "\n")
	for _, want := range []string{"interrupted", "the API server went away", "agent agent-0 was lost: evicted"} {
		if s.Verdict != seatrial.Invalid || !strings.Contains(got, want) {
			t.Errorf("%s: %s", s.Verdict, got)
		}
	}
}

func TestUnavailableSecondsAndRecoveryAfterFailures(t *testing.T) {
	p := frozen()
	p.failing = true
	p.header.Timeline.Recovery = 5
	s, _ := judge(t, p.journal(t))
	if s.Impact.UnavailableSeconds != 8 {
		t.Errorf("unavailable for %v s, want 8", s.Impact.UnavailableSeconds)
	}
	p.reverted = -1 // for ever
	if s, _ = judge(t, p.journal(t)); s.Impact.TimeToRecover != nil || s.Phases.Recovery != nil || s.Verdict != seatrial.Failed {
		t.Errorf("recovered %v, %s", s.Impact.TimeToRecover, s.Verdict)
	}
}

func TestRecoveryIsTheLastBadSecond(t *testing.T) {
	w := NewWindow()
	for at := time.Duration(0); at < 10*time.Second; at += seatrial.Width {
		iv := seatrial.Interval{Load: "l", Planned: 10, Succeeded: 10}
		if at == 3*time.Second || at == 5*time.Second {
			iv.Succeeded, iv.Failed = 0, 10
		}
		w.Add(at, iv)
	}
	o := journal.Objective{Availability: 0.99}
	if at := w.recovered(o, time.Second); at == nil || *at != 5100*time.Millisecond {
		t.Errorf("recovered at %v, want 5.1s: the interval after the last bad one", at)
	}
	if at, ok := w.RecoveredSince(seatrial.Objective{Availability: 0.99}, 0); !ok || at != 5100*time.Millisecond {
		t.Errorf("RecoveredSince says %v, %v", at, ok)
	}
	if at := w.recovered(o, 9500*time.Millisecond); at != nil {
		t.Errorf("recovered at %v, although no whole second is left to see", *at)
	}
}

func TestARequestInLineWhenTheLoadEndsDoesNotUndoARecovery(t *testing.T) {
	o := journal.Objective{Availability: 0.999}
	// The last request that one user could send was due so long before the end.
	for in, recovers := range map[time.Duration]bool{100 * time.Millisecond: true, 900 * time.Millisecond: true, 1500 * time.Millisecond: false} {
		w := NewWindow()
		for at := time.Duration(0); at < 10*time.Second; at += seatrial.Width {
			iv := seatrial.Interval{Load: "l", Planned: 20, Succeeded: 20}
			if at >= 10*time.Second-in {
				iv.Succeeded, iv.Dropped = 19, 1
			}
			w.Add(at, iv)
		}
		if at := w.recovered(o, 2*time.Second); (at != nil) != recovers {
			t.Errorf("a user in line since %v before the end: recovered at %v", in, at)
		}
	}
}

func TestASteadyStateOfLatencyAloneIsNotThatOfQuickFailures(t *testing.T) {
	w := NewWindow()
	for at := time.Duration(0); at < 10*time.Second; at += seatrial.Width {
		iv := seatrial.Interval{Load: "l", Planned: 10, Sent: 10, Succeeded: 1, Failed: 9, Latency: seatrial.Buckets{}}
		for range 10 {
			journal.Record(iv.Latency, time.Millisecond)
		}
		w.Add(at, iv)
	}
	o := seatrial.Objective{Latency: seatrial.Quantiles{P99: 200 * time.Millisecond}}
	if at, ok := w.RecoveredSince(o, 0); ok {
		t.Errorf("recovered at %v, with a goodput of a tenth", at)
	}
	if ok, why := w.Holds(o, 0, 5*time.Second); ok || !strings.Contains(why, "availability") {
		t.Errorf("held %v: %s", ok, why)
	}
}

func TestTheSlidingSecondAgreesWithSummingAnew(t *testing.T) {
	s := frozen()
	f := NewFold()
	for line, err := range journal.Read(bytes.NewReader(s.journal(t))) {
		f.Add(line, err)
	}
	o := s.header.SteadyState
	r := f.window.ring("browse", o, 0)
	for at := time.Duration(0); at < s.end-second; at += seatrial.Width {
		want, _ := f.window.holds(o, at, at+second)
		if got := r.holds(at); got != want {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
}

func TestHoldsSaysWhyNot(t *testing.T) {
	w := NewWindow()
	if ok, why := w.Holds(seatrial.Objective{}, 0, second); ok || !strings.HasPrefix(why, "nothing was due") {
		t.Error(ok, why)
	}
	w.Add(0, seatrial.Interval{Load: "a", Planned: 1000, Succeeded: 1000, Latency: seatrial.Buckets{journal.Index(second): 1000}})
	w.Add(0, seatrial.Interval{Load: "b", Planned: 10, Succeeded: 9, Failed: 1})
	ok, why := w.Holds(seatrial.Objective{Availability: 0.99}, 0, second)
	if ok || why != "load b: availability of 90 % is below 99 %" {
		t.Error(ok, why)
	}
	ok, why = w.Holds(seatrial.Objective{Latency: seatrial.Quantiles{P50: 999 * time.Millisecond}}, 0, second)
	if ok || why != "load a: p50 of 1 s is just above 999 ms" && why != "load a: p50 of 1 s is above 999 ms" {
		t.Error(ok, why)
	}
	if ok, why = w.Holds(seatrial.Objective{Availability: 0.9}, 0, second); !ok {
		t.Error(why)
	}
}

func TestADroppedRequestIsSlowerThanEveryBound(t *testing.T) {
	sum := &seatrial.Interval{Planned: 100, Sent: 90, Succeeded: 90, Dropped: 10,
		Latency: seatrial.Buckets{journal.Index(healthy): 90}}
	o := journal.Objective{Latency: journal.Latency{P90: 1, P99: 1}}
	checks := measure(o, sum)
	if !checks[0].Pass || checks[0].Measured == nil || checks[1].Pass || checks[1].Measured != nil {
		t.Errorf("%+v", checks)
	}
}

func TestIntervalsOfManyAgentsAddUp(t *testing.T) {
	one, two := NewFold(), NewFold()
	for line, err := range journal.Read(bytes.NewReader(frozen().journal(t))) {
		one.Add(line, err)
		two.Add(line, err)
		if line.Kind == seatrial.KindLoad {
			two.Add(line, err)
		}
	}
	a, b := one.Summary(), two.Summary()
	if b.Load.Planned != 2*a.Load.Planned || *b.Latency.P99 != *a.Latency.P99 || *b.Impact.UsersHurt != *a.Impact.UsersHurt {
		t.Errorf("one agent %+v, two %+v", a.Load, b.Load)
	}
}
