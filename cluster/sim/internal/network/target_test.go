package network

import (
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

// Each target has its own service and connections; a user is still one client.
func TestTargetsGetTheirShare(t *testing.T) {
	for _, retries := range []int{0, 1} {
		b := newBench(t, 1, 2)
		var dealt plan.Deal
		r := b.load(func(l *seatrial.Load) {
			l.Client.Retries.Max = retries
			l.Targets = []seatrial.Target{{Weight: 4}, {URL: "http://nobody.default.svc.cluster.local/"}}
			dealt = plan.NewDeal(seatrial.LoadPlan{Load: plan.Fill(*l)})
		}, nothing)
		want := int64(0)
		for i := range int64(2000) {
			want += int64(dealt.Target(i))
		}
		if r.Errors[tally.DNS] != want || r.Succeeded != 2000-want || len(r.Pods) != 2 {
			t.Errorf("%d succeeded, %v, by %d pods; %d go to a name that is not there", r.Succeeded, r.Errors, len(r.Pods), want)
		}
	}
}

func TestAnExpectedFailureIsASuccess(t *testing.T) {
	broken := "--upstream=http://nobody.default.svc.cluster.local"
	for status, class := range map[int]string{0: "http-502", 200: "http-502", 502: ""} {
		r := newBench(t, 1, 1, broken).load(func(l *seatrial.Load) { l.Expect.Status = status }, nothing)
		if class == "" && r.Succeeded != 2000 || class != "" && r.Errors[class] != 2000 {
			t.Errorf("status %d is expected: %d succeeded, %v", status, r.Succeeded, r.Errors)
		}
	}
	r := newBench(t, 1, 1).load(func(l *seatrial.Load) { l.Expect.Status = 503 }, nothing)
	if r.Errors[tally.Check] != 2000 {
		t.Errorf("503 is expected of a server that is well: %d succeeded, %v", r.Succeeded, r.Errors)
	}
}
