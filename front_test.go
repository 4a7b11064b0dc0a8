package seatrial_test

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestAPresetFillsInWhatIsNotSaid(t *testing.T) {
	dns := func(ttl time.Duration) *seatrial.FrontDNS {
		return &seatrial.FrontDNS{Answers: "failover", TTL: ttl}
	}
	for name, c := range map[string]struct {
		front seatrial.Front
		dns   *seatrial.FrontDNS
		lb    bool
		check seatrial.HealthCheck
	}{
		"nothing said": {seatrial.Front{DNS: &seatrial.FrontDNS{}}, dns(time.Minute), false,
			seatrial.HealthCheck{Path: "/", Interval: 10 * time.Second, Timeout: 2 * time.Second, Failures: 3, Successes: 1}},
		"Route 53": {seatrial.Front{Preset: "route53-standard"}, dns(time.Minute), false,
			seatrial.HealthCheck{Path: "/", Interval: 30 * time.Second, Timeout: 4 * time.Second, Failures: 3, Successes: 3}},
		"Route 53 with a TTL and a threshold of one's own": {
			seatrial.Front{Preset: "route53-fast", DNS: &seatrial.FrontDNS{TTL: 10 * time.Second}, Check: seatrial.HealthCheck{Failures: 5}}, dns(10 * time.Second), false,
			seatrial.HealthCheck{Path: "/", Interval: 10 * time.Second, Timeout: 4 * time.Second, Failures: 5, Successes: 3}},
		"GKE": {seatrial.Front{Preset: "gke-ingress"}, nil, true,
			seatrial.HealthCheck{Path: "/", Interval: 15 * time.Second, Timeout: 15 * time.Second, Failures: 2, Successes: 1}},
	} {
		got := c.front.Filled()
		if got.Check != c.check {
			t.Errorf("%s: checks %+v, want %+v", name, got.Check, c.check)
		}
		if (got.LoadBalancer != nil) != c.lb || (got.DNS == nil) != (c.dns == nil) || c.dns != nil && *got.DNS != *c.dns {
			t.Errorf("%s: DNS %+v, load balancer %+v", name, got.DNS, got.LoadBalancer)
		}
		if again := got.Filled(); again.Check != got.Check {
			t.Errorf("%s: filling it in twice makes %+v of %+v", name, again.Check, got.Check)
		}
	}
}

func TestWhatAClientRemembersOfAName(t *testing.T) {
	const ttl = 60 * time.Second
	for text, lasts := range map[string]time.Duration{"30s": 30 * time.Second, "honourTTL": ttl, "0s": 0} {
		var c seatrial.CacheTime
		if err := c.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if lasts > 0 && c.Over(time.Second, time.Second+lasts-1, ttl) || !c.Over(time.Second, time.Second+lasts, ttl) {
			t.Errorf("%s: is forgotten, or is not, after %s", text, lasts)
		}
		if back, err := c.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%s is written as %s, %v", text, back, err)
		}
	}
	if seatrial.Forever.Over(0, 1<<60, ttl) {
		t.Error("for ever has an end")
	}
}
