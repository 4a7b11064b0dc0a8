package policy_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/policy"
	"github.com/seatrial/seatrial/load/tally"
)

// client has the policies, and the defaults of a load that sends GETs.
func client(c seatrial.Client) *policy.Client {
	return policy.New(plan.Fill(seatrial.Load{Client: c}).Client)
}

// half is the middle of every draw.
func half() float64 { return 0.5 }

// send sends one request whose every attempt ends with the class at once, and
// returns what it came to and the pauses that it made.
func send(c *policy.Client, now time.Duration, class string) (r policy.Request, last policy.Next, pauses []time.Duration) {
	next := c.Begin(&r, now)
	for {
		switch next.Do {
		case policy.Send:
			next = c.Ended(&r, now, class, time.Millisecond, half)
		case policy.Pause:
			pauses = append(pauses, next.After)
			now += next.After
			next = c.Retry(&r, now)
		default:
			return r, next, pauses
		}
	}
}

func TestARetryFollowsTheFailuresItIsFor(t *testing.T) {
	for _, tc := range []struct {
		method  string
		on      []seatrial.Failure
		class   string
		retried bool
	}{
		{"GET", nil, tally.Timeout, true},
		{"GET", nil, tally.Refused, true},
		{"PUT", nil, tally.EOF, true},
		{"GET", nil, "http-503", true},
		{"GET", nil, "http-500", false},
		{"GET", nil, "http-404", false},
		{"POST", nil, tally.Timeout, false},
		{"POST", nil, tally.Reset, false},
		{"POST", nil, tally.Refused, true},
		{"POST", nil, tally.DNS, true},
		{"POST", []seatrial.Failure{seatrial.OnTimeout}, tally.Timeout, true},
		{"GET", []seatrial.Failure{seatrial.OnTimeout}, tally.Refused, false},
		{"GET", []seatrial.Failure{seatrial.OnError}, tally.Timeout, false},
		{"GET", []seatrial.Failure{seatrial.On5xx}, "http-500", true},
		{"GET", []seatrial.Failure{"429"}, "http-429", true},
		{"GET", []seatrial.Failure{"429"}, "http-430", false},
	} {
		l := plan.Fill(seatrial.Load{Method: tc.method, Client: seatrial.Client{Retries: seatrial.Retries{Max: 2, On: tc.on}}})
		r, last, _ := send(policy.New(l.Client), 0, tc.class)
		if want := map[bool]int64{true: 2}[tc.retried]; r.Retried != want || last.Class != tc.class {
			t.Errorf("%s on %v, %s: %d retries, ended %q; want %d", tc.method, tc.on, tc.class, r.Retried, last.Class, want)
		}
	}
}

func TestPausesDoubleUpToTheirMostAndJitterShortensThem(t *testing.T) {
	backoff := seatrial.Backoff{Initial: 100 * time.Millisecond, Max: 300 * time.Millisecond}
	for jitter, want := range map[seatrial.Ratio][3]time.Duration{
		0:   {100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond},
		1:   {50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond},
		0.5: {75 * time.Millisecond, 150 * time.Millisecond, 225 * time.Millisecond},
	} {
		backoff.Jitter = jitter
		_, _, got := send(client(seatrial.Client{Retries: seatrial.Retries{Max: 3, Backoff: backoff}}), 0, tally.Timeout)
		if len(got) != 3 || [3]time.Duration(got) != want {
			t.Errorf("jitter %v: pauses %v, want %v", jitter, got, want)
		}
	}
}

func TestABudgetCapsTheRetriesOfATotalFailure(t *testing.T) {
	c := client(seatrial.Client{Retries: seatrial.Retries{Max: 2, Budget: 0.2}})
	const well, ill = 1000, 10_000
	for range well {
		send(c, 0, "")
	}
	retried := int64(0)
	for range ill {
		r, _, _ := send(c, 0, tally.Refused)
		retried += r.Retried
	}
	if retried < ill/5 || retried > ill/5+10 {
		t.Errorf("%d retries for %d requests that all failed, want a fifth, and at most 10 that were saved up", retried, ill)
	}
}

func TestABudgetStartsEmpty(t *testing.T) {
	c := client(seatrial.Client{Retries: seatrial.Retries{Max: 2, Budget: 0.2}})
	for n := 1; n <= 10; n++ {
		r, _, _ := send(c, 0, tally.Refused)
		if want := map[bool]int64{true: 1}[n%5 == 0]; r.Retried != want {
			t.Errorf("request %d: %d retries, want %d", n, r.Retried, want)
		}
	}
}

func TestADeadlineLeavesNoRoomForARetryAfterIt(t *testing.T) {
	c := client(seatrial.Client{Timeout: time.Second, Deadline: 2 * time.Second,
		Retries: seatrial.Retries{Max: 5, Backoff: seatrial.Backoff{Initial: 700 * time.Millisecond}}})
	// Pauses of 0.7 and 1.4 s: the second would end beyond 2 s.
	if r, last, _ := send(c, 0, tally.Refused); r.Retried != 1 || last.Class != tally.Refused {
		t.Errorf("%d retries, ended %q, want 1, refused", r.Retried, last.Class)
	}
}

func TestADeadlineEndsWhatIsUnderWay(t *testing.T) {
	c := client(seatrial.Client{Timeout: time.Second, Deadline: 2 * time.Second})
	var r policy.Request
	c.Begin(&r, time.Second)
	if at, ok := c.Deadline(&r); !ok || at != 3*time.Second {
		t.Errorf("deadline %v %v, want 3 s", at, ok)
	}
	if next := c.Expired(&r, 3*time.Second); next.Do != policy.Over || next.Class != tally.Timeout {
		t.Errorf("%+v, want over by timeout", next)
	}
}

func TestTheFirstSuccessOfAHedgedTryCounts(t *testing.T) {
	c := client(seatrial.Client{Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: 100 * time.Millisecond}, Max: 2}})
	var r policy.Request
	next := c.Begin(&r, 0)
	for range 2 {
		if !next.Hedge || next.After != 100*time.Millisecond {
			t.Fatalf("%+v, want a hedge in 100 ms", next)
		}
		next = c.Hedge(&r)
	}
	if next.Hedge || r.Hedged != 2 {
		t.Errorf("%+v after %d hedges, want no third", next, r.Hedged)
	}
	if next = c.Ended(&r, 0, tally.Reset, 0, half); next.Do != policy.Wait {
		t.Errorf("%+v after one of three failed, want to wait for the others", next)
	}
	if next = c.Ended(&r, 0, "", 0, half); next.Do != policy.Over || next.Class != "" {
		t.Errorf("%+v after a success, want over", next)
	}
}

func TestAHedgedTryFailsWithItsLastAttempt(t *testing.T) {
	c := client(seatrial.Client{Retries: seatrial.Retries{Max: 1}, Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: time.Millisecond}}})
	var r policy.Request
	c.Begin(&r, 0)
	c.Hedge(&r)
	c.Ended(&r, 0, tally.Timeout, 0, half)
	if next := c.Ended(&r, 0, tally.Reset, 0, half); next.Do != policy.Pause {
		t.Fatalf("%+v after both failed, want a retry", next)
	}
	if next := c.Retry(&r, 0); next.Do != policy.Send || !next.Hedge {
		t.Errorf("%+v, want a retry that is hedged anew", next)
	}
}

func TestAHedgeByPercentileWaitsUntilEnoughIsKnown(t *testing.T) {
	c := client(seatrial.Client{Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Percentile: 0.95}}})
	order := rand.New(rand.NewPCG(1, 1)).Perm(300)
	for i, ms := range order {
		var r policy.Request
		next := c.Begin(&r, 0)
		if next.Hedge != (i >= 20) {
			t.Fatalf("after %d successes: hedge %v", i, next.Hedge)
		}
		c.Ended(&r, 0, "", time.Duration(ms)*time.Millisecond, half)
	}
	// The window has the last 128 alone.
	for range 128 {
		var r policy.Request
		c.Begin(&r, 0)
		c.Ended(&r, 0, "", time.Second, half)
	}
	var r policy.Request
	if next := c.Begin(&r, 0); next.After != time.Second {
		t.Errorf("p95 of 128 times of 1 s is %v", next.After)
	}
}

func TestABreakerOpensProbesAndCloses(t *testing.T) {
	c := client(seatrial.Client{Breaker: seatrial.Breaker{Failures: 3, Open: 10 * time.Second}})
	expect := func(now time.Duration, class string, want policy.Next) {
		t.Helper()
		if _, last, _ := send(c, now, class); last != want {
			t.Errorf("at %v: %+v, want %+v", now, last, want)
		}
	}
	failed, fine := policy.Next{Do: policy.Over, Class: tally.Timeout}, policy.Next{Do: policy.Over}
	rejected := policy.Next{Do: policy.Over, Class: tally.Breaker, Rejected: true}
	expect(0, tally.Timeout, failed)
	expect(0, tally.Timeout, failed)
	expect(0, "http-404", policy.Next{Do: policy.Over, Class: "http-404"}) // the server is well
	for range 3 {
		expect(time.Second, tally.Timeout, failed)
	}
	expect(2*time.Second, "", rejected)
	expect(11*time.Second, tally.Timeout, failed) // the probe
	expect(12*time.Second, "", rejected)
	expect(21*time.Second, "", fine)
	expect(21*time.Second, tally.Timeout, failed)
	expect(21*time.Second, "", fine)
}

func TestABreakerLetsOneProbeThroughAtATime(t *testing.T) {
	c := client(seatrial.Client{Breaker: seatrial.Breaker{Failures: 1, Open: time.Second}})
	var early, probe, other policy.Request
	c.Begin(&early, 0)
	send(c, 0, tally.Timeout)
	if next := c.Begin(&probe, time.Second); next.Do != policy.Send {
		t.Fatalf("the probe: %+v", next)
	}
	c.Ended(&early, time.Second, "", time.Second, half) // sent before it opened: no news
	if next := c.Begin(&other, time.Second); !next.Rejected {
		t.Errorf("a second one beside the probe: %+v", next)
	}
	c.Ended(&probe, time.Second, "", 0, half)
	if next := c.Begin(&other, time.Second); next.Do != policy.Send {
		t.Errorf("after the probe's success: %+v", next)
	}
}

func TestABreakerLooksAtItsWindow(t *testing.T) {
	c := client(seatrial.Client{Breaker: seatrial.Breaker{Failures: 5, Of: 10}})
	for i := range 100 { // four of ten
		class := ""
		if i%10 < 4 {
			class = "http-500"
		}
		if _, last, _ := send(c, 0, class); last.Rejected {
			t.Fatalf("it opened at 4 failures of 10, after %d", i)
		}
	}
	send(c, 0, "http-500")
	for range 4 {
		send(c, 0, tally.Timeout)
	}
	if _, last, _ := send(c, 0, ""); !last.Rejected {
		t.Error("it is closed after 5 failures of 10")
	}
}

func TestAnOpenBreakerEndsARequestWithItsOwnFailure(t *testing.T) {
	c := client(seatrial.Client{Retries: seatrial.Retries{Max: 5}, Breaker: seatrial.Breaker{Failures: 2}})
	if r, last, _ := send(c, 0, tally.Refused); r.Retried != 1 || last.Class != tally.Refused || last.Rejected {
		t.Errorf("%d retries, %+v, want one retry and then its own failure", r.Retried, last)
	}
}

func TestALimitRejectsWhatWouldBeTooMany(t *testing.T) {
	c := policy.New(seatrial.Client{Limit: 2})
	var a, b, third policy.Request
	c.Begin(&a, 0)
	c.Begin(&b, 0)
	if next := c.Begin(&third, 0); !next.Rejected || next.Class != tally.Limit {
		t.Errorf("the third: %+v", next)
	}
	c.Ended(&a, 0, tally.Reset, 0, half)
	if next := c.Begin(&third, 0); next.Do != policy.Send {
		t.Errorf("after one has ended: %+v", next)
	}
}
