package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

func TestAClientThatCannotWorkIsRefusedWithAHint(t *testing.T) {
	retries := seatrial.Retries{Max: 2}
	hedge := seatrial.Hedge{After: seatrial.HedgeAfter{Time: 100 * time.Millisecond}}
	for want, c := range map[string]seatrial.Client{
		"client.deadline 1s is shorter than the timeout of one attempt (5s)":              {Timeout: 5 * time.Second, Deadline: time.Second},
		"client.deadline 5s is over when the first attempt times out (5s)":                {Timeout: 5 * time.Second, Deadline: 5 * time.Second, Retries: retries},
		"client.retries.max is required: such as retries: {max: 2}":                       {Retries: seatrial.Retries{Budget: 0.2}},
		"client.retries.max 21 is not between 0 and 20":                                   {Retries: seatrial.Retries{Max: 21}},
		"client.retries.backoff.initial is required":                                      {Retries: seatrial.Retries{Max: 1, Backoff: seatrial.Backoff{Jitter: 1}}},
		"client.retries.backoff.max 1ms is below initial (1s)":                            {Retries: seatrial.Retries{Max: 1, Backoff: seatrial.Backoff{Initial: time.Second, Max: time.Millisecond}}},
		"client.hedge.after is required":                                                  {Hedge: seatrial.Hedge{Max: 2}},
		"client.hedge.max 11 is not between 0 and 10":                                     {Hedge: seatrial.Hedge{After: hedge.After, Max: 11}},
		"client.hedge.after 100ms is not below the timeout of an attempt (50ms)":          {Timeout: 50 * time.Millisecond, Hedge: hedge},
		"client.breaker.failures is required: such as breaker: {failures: 5}":             {Breaker: seatrial.Breaker{Open: time.Second}},
		"client.breaker.of 3 is not between failures (5) and 1000":                        {Breaker: seatrial.Breaker{Failures: 5, Of: 3}},
		"client.limit 1 can never be reached with 1 at once: a user sends one request at": {Limit: 1},
	} {
		l := plan.Fill(seatrial.Load{Name: "l", Rate: 1, Target: "http://shop/", Client: c})
		if err := plan.Check(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

func TestAClientThatWorksIsAcceptedWithItsDefaults(t *testing.T) {
	for name, c := range map[string]seatrial.Client{
		"none":    {},
		"retries": {Timeout: 500 * time.Millisecond, Retries: seatrial.Retries{Max: 2, Budget: 0.2}},
		"hedge":   {Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Percentile: 0.95}}},
		"breaker": {Breaker: seatrial.Breaker{Failures: 5}},
	} {
		l := plan.Fill(seatrial.Load{Name: "l", Rate: 1, Target: "http://shop/", Client: c})
		if err := plan.Check(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if l.Client.Active() != (name != "none") {
			t.Errorf("%s: active %v", name, l.Client.Active())
		}
	}
	l := plan.Fill(seatrial.Load{Client: seatrial.Client{Retries: seatrial.Retries{Max: 1, Backoff: seatrial.Backoff{Initial: time.Second}},
		Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: time.Second}}, Breaker: seatrial.Breaker{Failures: 5}}})
	c := l.Client
	if c.Retries.Backoff.Max != 10*time.Second || c.Hedge.Max != 1 || c.Breaker.Of != 5 || c.Breaker.Open != plan.DefaultOpen ||
		!slices.Contains(c.Retries.On, seatrial.OnTimeout) {
		t.Errorf("defaults %+v", c)
	}
}

func TestTheLongestARequestTakes(t *testing.T) {
	second := time.Second
	for _, tc := range []struct {
		seatrial.Client
		want time.Duration
	}{
		{seatrial.Client{}, 30 * second},
		{seatrial.Client{Timeout: second, Retries: seatrial.Retries{Max: 2}}, 3 * second},
		{seatrial.Client{Timeout: second, Retries: seatrial.Retries{Max: 2, Backoff: seatrial.Backoff{Initial: second, Max: 2 * second}}}, 7 * second},
		{seatrial.Client{Timeout: 2 * second, Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: second}, Max: 3}}, 5 * second},
		{seatrial.Client{Timeout: second, Deadline: 2 * second, Retries: seatrial.Retries{Max: 9}}, 2 * second},
	} {
		c := plan.Fill(seatrial.Load{Client: tc.Client}).Client
		if got := c.Longest(); got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.Client, got, tc.want)
		}
	}
}
