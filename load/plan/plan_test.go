package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

func Example() {
	p := plan.New(seatrial.Load{Rate: 200, Users: 50})
	fmt.Println("request 61 is due at", p.Due(61), "and is user", p.User(61))
	fmt.Println("which is the user's second:", p.Nth(11, 1))
	fmt.Println("a minute has", p.Count(time.Minute), "requests")
	// Output:
	// request 61 is due at 305ms and is user 11
	// which is the user's second: 61
	// a minute has 12000 requests
}

func TestRequestsAreSpreadEvenlyFromZero(t *testing.T) {
	for _, rate := range []seatrial.Rate{0.5, 1, 3, 7, 200, 333, 5000} {
		p := plan.New(seatrial.Load{Rate: rate, Users: 10})
		if p.Due(0) != 0 {
			t.Errorf("%v: the first request is due at %v", rate, p.Due(0))
		}
		for i := range int64(10_000) {
			want := float64(i) / float64(rate) * 1e9
			if got := float64(p.Due(i)); got < want-1 || got > want+1 {
				t.Fatalf("%v: request %d is due at %v ns, want %v", rate, i, got, want)
			}
		}
	}
}

func TestAnHourAtRateHasRateTimes3600Requests(t *testing.T) {
	for rate, want := range map[seatrial.Rate]int64{1: 3600, 200: 720_000, 5000: 18_000_000, 1. / 60: 60, 0.3: 1080} {
		if got := plan.New(seatrial.Load{Rate: rate}).Count(time.Hour); got != want {
			t.Errorf("%v for an hour: %d requests, want %d", rate, got, want)
		}
	}
}

func FuzzCountIsTheNumberOfRequestsDueBefore(f *testing.F) {
	f.Add(200.0, int64(60*time.Second))
	f.Add(3.0, int64(time.Second))
	f.Add(333.3, int64(1))
	f.Fuzz(func(t *testing.T, rate float64, d int64) {
		if !(rate > 1e-3 && rate < 1e6) || d < 0 || d > int64(1000*time.Hour) {
			t.Skip("not a load")
		}
		p := plan.New(seatrial.Load{Rate: seatrial.Rate(rate), Users: 7})
		n := p.Count(time.Duration(d))
		if n > 0 && p.Due(n-1) >= time.Duration(d) || p.Due(n) < time.Duration(d) {
			t.Errorf("rate %v: %d requests before %v, but they are due at %v and %v", rate, n, time.Duration(d), p.Due(n-1), p.Due(n))
		}
		sum := int64(0)
		for u := range 7 {
			sum += p.CountOf(u, time.Duration(d))
		}
		if sum != n {
			t.Errorf("rate %v: the users have %d of %d requests", rate, sum, n)
		}
	})
}

func TestEveryRequestBelongsToOneUser(t *testing.T) {
	p := plan.New(seatrial.Load{Rate: 100, Users: 7})
	for i := range int64(100) {
		if got := p.Nth(p.User(i), i/7); got != i {
			t.Errorf("request %d is request %d of its user", i, got)
		}
	}
}

func TestAgentsShareTheUsersWithoutOverlap(t *testing.T) {
	p := plan.New(seatrial.Load{Rate: 100, Users: 10})
	if got := p.Share(0, 1); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("a single agent takes %v", got)
	}
	var all []int
	for k := range 3 {
		all = append(all, p.Share(k, 3)...)
	}
	slices.Sort(all)
	if !slices.Equal(all, p.Share(0, 1)) {
		t.Errorf("three agents take %v", all)
	}
}

func TestFillLeavesWhatIsSet(t *testing.T) {
	got := plan.Fill(seatrial.Load{Users: 3, Connections: seatrial.PerRequest})
	if got.Users != 3 || got.Connections != seatrial.PerRequest || got.Method != "GET" || got.Client.Timeout != 30*time.Second {
		t.Errorf("filled: %+v", got)
	}
	if got := plan.Fill(seatrial.Load{}); got.Users != 50 || got.Connections != 1 {
		t.Errorf("filled: %+v", got)
	}
}

func TestCheckNamesEverythingThatIsWrong(t *testing.T) {
	good := plan.Fill(seatrial.Load{Name: "browse", Target: "http://shop/items", Rate: 1})
	if err := plan.Check(good); err != nil {
		t.Errorf("a good load: %v", err)
	}
	bad := good
	bad.Rate, bad.Users, bad.Target = 0, -1, "shop/items"
	err := plan.Check(bad)
	for _, part := range []string{`"browse"`, "rate", "users", `"shop/items"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not name %s", err, part)
		}
	}
	bad = good
	bad.Method = "GE T"
	if plan.Check(bad) == nil {
		t.Error("a method with a space passed")
	}
}
