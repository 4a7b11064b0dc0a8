package plan_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

func shopLoad(targets ...seatrial.Target) seatrial.Load {
	return plan.Fill(seatrial.Load{Name: "browse", Target: "http://shop/items", Rate: 1, Headers: map[string]string{"A": "1"},
		Expect: seatrial.Expect{Status: 200}, Targets: targets})
}

func TestTargetsInheritWhatTheyLeaveOut(t *testing.T) {
	list := shopLoad(seatrial.Target{}, seatrial.Target{URL: "/cart", Method: "POST", Weight: 3, Expect: seatrial.Expect{Status: 201}},
		seatrial.Target{URL: "https://other/x", Headers: map[string]string{}}).Requests()
	if a := list[0]; a.URL != "http://shop/items" || a.Method != "GET" || a.Weight != 1 || a.Headers["A"] != "1" || a.Expect.Status != 200 {
		t.Errorf("the first is %+v", a)
	}
	if b := list[1]; b.URL != "http://shop/cart" || b.Method != "POST" || b.Weight != 3 || b.Expect.Status != 201 {
		t.Errorf("the second is %+v", b)
	}
	if c := list[2]; c.URL != "https://other/x" || len(c.Headers) != 0 {
		t.Errorf("the third is %+v", c)
	}
}

func TestTargetsAreDealtByWeightAndSeedAlone(t *testing.T) {
	l := shopLoad(seatrial.Target{Weight: 6}, seatrial.Target{URL: "/b", Weight: 3}, seatrial.Target{URL: "/c"})
	deal := func(seed uint64) plan.Deal { return plan.NewDeal(seatrial.LoadPlan{Load: l, Seed: seed}) }
	seven, eight := deal(7), deal(8)
	const n = 100_000
	counts, perUser, same := [3]int{}, [3]int{}, 0
	for i := range int64(n) {
		k := seven.Target(i)
		counts[k]++
		if i%50 == 11 { // those of one user of 50
			perUser[k]++
		}
		if eight.Target(i) == k {
			same++
		}
		if i%1000 == 0 && deal(7).Target(i) != k {
			t.Fatal("the same seed deals in another way")
		}
	}
	for k, share := range []float64{0.6, 0.3, 0.1} {
		// Five standard deviations of a binomial count.
		if off := math.Abs(float64(counts[k]) - share*n); off > 5*math.Sqrt(n*share*(1-share)) {
			t.Errorf("target %d has %d of %d requests, want %v", k, counts[k], n, share*n)
		}
		if off := math.Abs(float64(perUser[k]) - share*n/50); off > 5*math.Sqrt(n/50*share*(1-share)) {
			t.Errorf("target %d has %d of a user's %d requests", k, perUser[k], n/50)
		}
	}
	if same > n/2+n/20 { // 0.6² + 0.3² + 0.1²
		t.Errorf("another seed deals %d of %d requests alike", same, n)
	}
}

func TestALoadWithoutTargetsHasOne(t *testing.T) {
	if got := plan.NewDeal(seatrial.LoadPlan{Load: shopLoad()}).Target(99); got != 0 {
		t.Errorf("target %d", got)
	}
}

func TestTargetsThatCannotBeAreRefused(t *testing.T) {
	for want, target := range map[string]seatrial.Target{
		"targets.0.weight -1 is not between":              {Weight: -1},
		`targets.0.url "ftp://x/" is not an absolute`:     {URL: "ftp://x/"},
		`targets.0.method "GE T"`:                         {Method: "GE T"},
		"targets.0.expect.status 20 is not an HTTP statu": {Expect: seatrial.Expect{Status: 20}},
	} {
		if err := plan.Check(shopLoad(target)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", target, err, want)
		}
	}
	l := shopLoad(seatrial.Target{URL: "/cart"})
	if l.Target = ""; plan.Check(l) == nil {
		t.Error("a path without a target to be on was accepted")
	}
}

// What one request may not do, none of the load does of itself.
func TestOnePOSTAmongTheTargetsMakesRetriesCareful(t *testing.T) {
	l := seatrial.Load{Client: seatrial.Client{Timeout: time.Second, Retries: seatrial.Retries{Max: 1}},
		Targets: []seatrial.Target{{URL: "/a"}, {URL: "/b", Method: "POST"}}}
	if on := plan.Fill(l).Client.Retries.On; len(on) != 1 || on[0] != seatrial.OnConnect {
		t.Errorf("retries on %v", on)
	}
}

func TestConnectionsThatCannotBeAreRefused(t *testing.T) {
	for want, change := range map[string]func(*seatrial.Load){
		"connectionAge means nothing where every request": func(l *seatrial.Load) { l.Connections, l.Connection.Age = seatrial.PerRequest, time.Second },
		"connectionAge means nothing where HTTP/2":        func(l *seatrial.Load) { l.Connections, l.Connection.Age, l.HTTP2 = 2, time.Second, &seatrial.HTTP2{} },
		"tcpUserTimeout is below the kernel's unit":       func(l *seatrial.Load) { l.UserTimeout = time.Microsecond },
		"http2.pingTimeout asks for no ping":              func(l *seatrial.Load) { l.HTTP2 = &seatrial.HTTP2{PingTimeout: time.Second} },
	} {
		l := shopLoad()
		change(&l)
		if err := plan.Check(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
