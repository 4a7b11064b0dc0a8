package load_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

// stalled sends 300 requests a second, by 60 users, to a server that stands
// still for about a second, and returns for how long it did and how many
// requests it had at once at most.
func stalled(t *testing.T, change func(*seatrial.LoadPlan)) (total seatrial.Interval, stall time.Duration, most int64) {
	t.Helper()
	const begins, stands = 200 * time.Millisecond, time.Second
	var door sync.RWMutex
	var inside, highest atomic.Int64
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := inside.Add(1)
		for seen := highest.Load(); n > seen && !highest.CompareAndSwap(seen, n); seen = highest.Load() {
		}
		door.RLock()
		defer door.RUnlock()
		inside.Add(-1)
	}))
	t.Cleanup(shop.Close)
	p := planFor(shop.URL, 300, 60, 3*time.Second)
	change(&p)
	intervals := attack(t, p, func(_ *load.Engine, start time.Time) {
		<-time.After(time.Until(start.Add(begins)))
		door.Lock()
		frozen := time.Now()
		<-time.After(stands)
		stall = time.Since(frozen)
		door.Unlock()
	})
	for _, i := range intervals {
		total.PoolWaited += i.PoolWaited
		total.CatchUpLimited += i.CatchUpLimited
	}
	sums := sum(intervals)
	sums.PoolWaited, sums.CatchUpLimited = total.PoolWaited, total.CatchUpLimited
	if sums.Planned != 900 || sums.Failed != 0 {
		t.Errorf("planned %d, failed %d, want 900 and none", sums.Planned, sums.Failed)
	}
	return sums, stall, highest.Load()
}

// waited compares how many requests took longer than some times with what a
// stall makes of 300 a second that catch up so many times as fast as they come:
// their waits fall evenly from the stall's length to nothing. What the server had
// already when it stood still need not be sent again, and is ahead of the line.
// How soon the line is served is the machine's matter too: hence the room above.
func waited(t *testing.T, total seatrial.Interval, stall time.Duration, stretch float64, ahead int64) {
	t.Helper()
	quick := onTime(t, total)
	for _, share := range []float64{0.4, 0.6, 0.8} {
		limit := time.Duration(share * float64(stall))
		want := int64(stretch * 300 * (stall - limit).Seconds())
		got := journal.CountAbove(total.Latency, limit) + total.Dropped
		if got < want-want/20-6-ahead || quick && got > 2*want+20 {
			t.Errorf("%d requests took longer than %v (%d were dropped), the truth is %d", got, limit, total.Dropped, want)
		}
	}
}

func TestAPoolHidesNothingOfAStall(t *testing.T) {
	total, stall, most := stalled(t, func(p *seatrial.LoadPlan) { p.InFlight = 10 })
	waited(t, total, stall, 1, 0)
	if most > 10 {
		t.Errorf("%d requests were under way at once, the pool has 10 places", most)
	}
	if total.PoolWaited == 0 || total.PoolWaited < 40 && onTime(t, total) || total.CatchUpLimited != 0 {
		t.Errorf("%d are said to have waited for the pool and %d to have been held back; 50 users did wait, nobody was held back",
			total.PoolWaited, total.CatchUpLimited)
	}
}

func TestCatchingUpTwiceAsFastTakesTwiceTheStall(t *testing.T) {
	total, stall, most := stalled(t, func(p *seatrial.LoadPlan) { p.CatchUp = 2 })
	waited(t, total, stall, 2, most)
	if total.CatchUpLimited == 0 || total.CatchUpLimited < 100 && onTime(t, total) || total.PoolWaited != 0 {
		t.Errorf("%d were held back and %d waited for a pool; there was none", total.CatchUpLimited, total.PoolWaited)
	}
}

func TestWhatIsAtTheGateAtTheEndIsDropped(t *testing.T) {
	p := planFor(hang(t), 100, 50, 500*time.Millisecond)
	p.InFlight, p.Client.Timeout = 3, 1500*time.Millisecond
	total := sum(attack(t, p))
	if total.Planned != 50 || total.Sent != 3 || total.Dropped != 47 || total.Errors[tally.Timeout] != 3 {
		t.Errorf("planned %d, sent %d, dropped %d, errors %v; want 50, 3 and 47", total.Planned, total.Sent, total.Dropped, total.Errors)
	}
}

func TestAShapedLoadIsSentAsPlanned(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer shop.Close()
	p := planFor(shop.URL, 0, 20, 1500*time.Millisecond)
	p.Shape = seatrial.Shape{Spike: &seatrial.Spike{Base: 50, Peak: 400, At: 300 * time.Millisecond, For: 200 * time.Millisecond}, Lead: 200 * time.Millisecond}
	due := plan.New(p.Load)
	left := due.Count(p.Duration)
	for _, i := range attack(t, p) {
		if want := due.Count(i.Due+seatrial.Width) - due.Count(i.Due); i.Planned > want {
			t.Errorf("due at %v: %d, want %d", i.Due, i.Planned, want)
		}
		left -= i.Planned
	}
	if left != 0 || due.Count(p.Duration) != 145 {
		t.Errorf("%d of %d requests are not accounted for, of 145", left, due.Count(p.Duration))
	}
}

func TestMoreAgentsThanPlacesAreRefused(t *testing.T) {
	p := planFor("http://shop/", 1, 5, time.Second)
	p.InFlight = 2
	if _, err := load.NewEngine([]seatrial.LoadPlan{p}, 0, 3, nil); err == nil {
		t.Error("accepted")
	}
}
