package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func withClient(client string) string {
	return strings.Replace(small, "rate: 10/s", "rate: 10/s, client: "+client, 1)
}

func TestAClientIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]seatrial.Client{
		"{timeout: 500ms, retries: {max: 2, budget: 20%}}": {Timeout: 500 * time.Millisecond, Retries: seatrial.Retries{Max: 2, Budget: 0.2,
			On: []seatrial.Failure{"error", "timeout", "502", "503", "504"}}},
		"{hedge: {after: 100ms, max: 2}}": {Timeout: 30 * time.Second,
			Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: 100 * time.Millisecond}, Max: 2}},
		"{hedge: {after: p95}}": {Timeout: 30 * time.Second, Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Percentile: 0.95}, Max: 1}},
		"{timeout: 1s, deadline: 5s, retries: {max: 3, on: [timeout, 503, 5xx], backoff: {initial: 100ms, max: 1s, jitter: 50%}}}": {
			Timeout: time.Second, Deadline: 5 * time.Second, Retries: seatrial.Retries{Max: 3, On: []seatrial.Failure{"timeout", "503", "5xx"},
				Backoff: seatrial.Backoff{Initial: 100 * time.Millisecond, Max: time.Second, Jitter: 0.5}}},
		"{breaker: {failures: 5, of: 20, open: 3s}}": {Timeout: 30 * time.Second, Breaker: seatrial.Breaker{Failures: 5, Of: 20, Open: 3 * time.Second}},
	} {
		got := mustParse(t, withClient(text), nil).Variants[0].Spec.Loads[0].Client
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestAClientThatCannotWorkIsRefusedAtItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"{deadline: 1s}":                          "client.deadline: 1s is shorter",
		"{retries: {budget: 20%}}":                "client.retries",
		"{retries: {max: 2, on: [sometimes]}}":    "sometimes",
		"{retries: {max: 2, on: [200]}}":          "200",
		"{hedge: {after: 95%}}":                   "such as 100ms or p95",
		"{hedge: {after: p100}}":                  "p1 to p99.9",
		"{hedge: {max: 2}}":                       "client.hedge",
		"{limit: 1}":                              "client.limit: 1 can never be reached",
		"{breaker: {failures: 5, of: 2}}":         "client.breaker.of: 2 is not between",
		"{attemptTimeout: 1s, retries: {max: 1}}": "attemptTimeout",
	} {
		if _, err := parse(t, withClient(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestAVariantCanTakeAPolicyAway(t *testing.T) {
	s := mustParse(t, withClient("{retries: {max: 2}}")+"  variants: [{name: a}, {name: b, spec: {loads: [{name: "+
		mustParse(t, small, nil).Variants[0].Spec.Loads[0].Name+", client: {retries: null}}]}}]\n", nil)
	if a, b := s.Variants[0].Spec.Loads[0].Client, s.Variants[1].Spec.Loads[0].Client; !a.Active() || b.Active() {
		t.Errorf("a %+v\nb %+v", a, b)
	}
}
