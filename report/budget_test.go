package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// outage is a trial of 20 s in which a third of the requests, those of ten of 30
// users, fail for 8 s, and its fault comes every two weeks to each of two nodes.
func outage() play {
	p := frozen()
	p.failing, p.injected, p.header.Timeline.Recovery = true, 5*time.Second, 7
	p.header.SLO = journal.Objective{Availability: 0.995}
	p.header.Faults[0].Every, p.header.Faults[0].Per = seatrial.Seconds((336 * time.Hour).Seconds()), "node"
	return p
}

func alike(got, want float64) bool { return math.Abs(got-want) <= 1e-6*math.Max(1, math.Abs(want)) }

func TestABudgetIsCountedByHand(t *testing.T) {
	s, _ := judge(t, outage().journal(t))
	if len(s.Budget) != 1 {
		t.Fatalf("%d budgets", len(s.Budget))
	}
	b, failed := s.Budget[0], float64(s.Load.Failed)
	if failed < 130 || failed > 136 { // a third of 400
		t.Fatalf("%v failed", failed)
	}
	// 1000 requests in 20 s; the seconds 5 to 12 are bad: 12 of 20 were kept.
	if !alike(*b.Requests, 1-failed/1000) || !alike(*b.Windows, 12.0/20) {
		t.Errorf("requests %v, windows %v", *b.Requests, *b.Windows)
	}
	if !alike(*b.BurnRate, failed/1000/0.005) || *b.FaultBurnRate < 64 || *b.FaultBurnRate > 68 { // a third ÷ 0.5 %
		t.Errorf("burn rates %v and %v", *b.BurnRate, *b.FaultBurnRate)
	}
	bad := failed / 50 // a second has 50 requests
	if !alike(float64(b.BadSeconds), bad) || b.HurtSeconds != b.BadSeconds || !alike(*b.MonthSpent, bad/(2592000*0.005)) {
		t.Errorf("bad for %v, %v of the month", b.BadSeconds, *b.MonthSpent)
	}
	// Two nodes, once in 14 days each, are 60/14 times in 30 days.
	m := b.Monthly
	if m.Nodes != 2 || !alike(m.Times, 60.0/14) || m.Low != 1 || m.High != 9 || m.AtLeast {
		t.Errorf("%+v", m)
	}
	if !alike(m.Availability, 1-m.Times*bad/2592000) || m.Worst >= m.Availability || m.Best <= m.Availability || m.Holds < 0.999999 {
		t.Errorf("%+v", m)
	}
}

// TestWhetherAnSLOHoldsIsAQuestionOfHowOften: 99.5 % a month is 3.6 hours; an event that costs an hour holds
// up to three times a month.
func TestWhetherAnSLOHoldsIsAQuestionOfHowOften(t *testing.T) {
	h := outage().header
	h.Faults[0].Per, h.Faults[0].Every = "cluster", seatrial.Seconds((360 * time.Hour).Seconds())
	s := &Summary{Faults: []Fault{{Name: "migrate", InjectedAt: ptr(seatrial.Seconds(1))}}, Impact: Impact{TimeToRecover: ptr(seatrial.Seconds(0))}}
	m := monthly(s, h, Budget{Objective: 0.995, BadSeconds: 3600})
	// By hand: P(N ≤ 3) of a mean of 2 is e⁻²(1 + 2 + 2 + 8/6).
	if want := math.Exp(-2) * (5 + 8.0/6); !alike(m.Holds, want) || !alike(m.Times, 2) || !alike(m.Spent, 2/3.6) {
		t.Errorf("%+v, want %v", m, want)
	}
	s.Impact.TimeToRecover = nil
	if m := monthly(s, h, Budget{Objective: 0.995, BadSeconds: 3600}); !m.AtLeast || !strings.Contains(m.words(0.995), "at least") {
		t.Errorf("%+v", m)
	}
	if m := monthly(s, h, Budget{Objective: 0.995}); m.Holds != 1 || m.Availability != 1 {
		t.Errorf("a fault without a cost: %+v", m)
	}
}

func TestAFaultThatStrikesTwoNodesCountsForBoth(t *testing.T) {
	h := outage().header
	s := &Summary{Faults: []Fault{{Name: "migrate", InjectedAt: ptr(seatrial.Seconds(1)), Targets: []string{"node/worker", "node/worker2", "pod/a/b"}}}}
	if m := monthly(s, h, Budget{Objective: 0.99}); !alike(m.Times, 30.0/14) {
		t.Errorf("%v times", m.Times)
	}
}

func TestWithoutAnAnswerThereIsNoBudget(t *testing.T) {
	p := outage()
	p.unproven = true
	if s, _ := judge(t, p.journal(t)); s.Budget[0].Monthly != nil {
		t.Error("an invalid trial says what a month costs")
	}
	p.header.SLO.Availability = 0
	if s, _ := judge(t, p.journal(t)); s.Budget != nil {
		t.Errorf("%+v", s.Budget)
	}
	p = outage()
	p.header.Faults[0].Every = 0
	if s, _ := judge(t, p.journal(t)); s.Budget[0].Monthly != nil {
		t.Error("nobody said how often")
	}
}

func TestLongTimesInWords(t *testing.T) {
	for want, d := range map[string]time.Duration{"14 days": 336 * time.Hour, "1 hour": time.Hour, "36 hours": 36 * time.Hour, "1h30m0s": 90 * time.Minute} {
		if got := longTime(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
