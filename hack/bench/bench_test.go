package main

import (
	"testing"
	"time"
)

func TestAStallsTruthIsThatOfAnOpenModel(t *testing.T) {
	stall := truths(20 * time.Second)["stall"]
	all := stall.latencies(nil)
	// 2,000 of 20,000 requests wait, evenly between 0 and 2 s: p95 is the middle
	// of them, and p99 the 1,800th.
	for q, want := range map[float64]time.Duration{0.89: 0, 0.95: time.Second, 0.99: 1800 * time.Millisecond, 1: 2 * time.Second} {
		if got := quantile(all, q); got < want-time.Millisecond || got > want+time.Millisecond {
			t.Errorf("q %v: %v, want %v", q, got, want)
		}
	}
}

func TestRequestsThatHangAreInTheTruthWithTheirTimeout(t *testing.T) {
	hang := truths(20 * time.Second)["hang"]
	all := hang.latencies(make([]time.Duration, 10))
	if p95, p99 := quantile(all, 0.95), quantile(all, 0.99); p95 != 0 || p99 != time.Second {
		t.Errorf("p95 %v, p99 %v, want 0 and 1s", p95, p99)
	}
}

func TestTheServersOwnDelaysAreInTheTruth(t *testing.T) {
	quick := truth{duration: time.Second, timeout: time.Minute, hold: func(int, time.Duration) time.Duration { return 0 }}
	late := make([]time.Duration, rate)
	for n := range late {
		late[n] = 3 * time.Millisecond
	}
	if got := quantile(quick.latencies(late), 0.5); got != 3*time.Millisecond {
		t.Errorf("%v, want 3ms", got)
	}
}

func TestWhatToolsSayIsRead(t *testing.T) {
	want := figures{p95: 1200 * time.Microsecond, p99: 1800 * time.Millisecond, sent: 100, failed: 2}
	for name, test := range map[string]struct {
		output string
		read   func([]byte, job) (figures, error)
	}{
		"vegeta": {`{"latencies":{"95th":1200000,"99th":1800000000},"requests":100,"status_codes":{"0":2,"200":98}}`, readVegeta},
		"k6": {`{"http_req_duration":{"values":{"p(95)":1.2,"p(99)":1800}},"http_reqs":{"values":{"count":100}},"http_req_failed":{"values":{"passes":2}}}`,
			readK6},
		"fortio": {`{"DurationHistogram":{"Count":100,"Percentiles":[{"Percentile":95,"Value":0.0012},{"Percentile":99,"Value":1.8}]},"RetCodes":{"200":98,"-1":2}}`,
			readFortio},
		"wrk": {"Running\nseatrial p95=1200 p99=1800000 requests=100 failed=2\n", readWrk},
	} {
		if got, err := test.read([]byte(test.output), job{}); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	if _, err := readWrk([]byte("no such file"), job{}); err == nil {
		t.Error("wrk without figures is no error")
	}
}
