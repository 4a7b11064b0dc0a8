package load_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/tally"
)

func ExampleEngine() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	defer shop.Close()

	browse := seatrial.LoadPlan{
		Load:     seatrial.Load{Name: "browse", Target: shop.URL, Rate: 20, Users: 5},
		Duration: 500 * time.Millisecond,
	}
	var planned, succeeded int64
	engine, err := load.NewEngine([]seatrial.LoadPlan{browse}, 0, 1, func(i seatrial.Interval) {
		planned += i.Planned
		succeeded += i.Succeeded
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Run(context.Background(), time.Now()); err != nil {
		panic(err)
	}
	fmt.Println(succeeded, "of", planned)
	// Output: 10 of 10
}

// attack runs a plan from now and returns every interval that came of it. It
// fails the test where one does not balance.
func attack(t *testing.T, p seatrial.LoadPlan, during ...func(e *load.Engine, start time.Time)) []seatrial.Interval {
	t.Helper()
	var intervals []seatrial.Interval
	e, err := load.NewEngine([]seatrial.LoadPlan{p}, 0, 1, func(i seatrial.Interval) { intervals = append(intervals, i) })
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now().Add(20 * time.Millisecond)
	var beside sync.WaitGroup
	for _, f := range during {
		beside.Go(func() { f(e, start) })
	}
	if _, err := e.Run(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	beside.Wait()
	for _, i := range intervals {
		if i.Planned != i.Sent+i.Dropped || i.Sent != i.Succeeded+i.Failed || journal.Count(i.Latency) != i.Sent {
			t.Errorf("the interval at %v does not balance: %+v", i.Due, i)
		}
	}
	return intervals
}

// sum adds intervals up, whatever their time.
func sum(intervals []seatrial.Interval) seatrial.Interval {
	total := seatrial.Interval{
		Latency: seatrial.Buckets{}, Service: seatrial.Buckets{},
		Errors: map[string]int64{}, Pods: map[string]int64{}, Attached: map[int]string{},
	}
	users := map[int]bool{}
	for _, i := range intervals {
		total.Planned += i.Planned
		total.Sent += i.Sent
		total.Succeeded += i.Succeeded
		total.Failed += i.Failed
		total.Dropped += i.Dropped
		total.Attempts += i.Attempts
		total.Retried += i.Retried
		total.Hedged += i.Hedged
		total.Rejected += i.Rejected
		total.Late += i.Late
		total.Hurt += i.Hurt
		total.MaxLag = max(total.MaxLag, i.MaxLag)
		journal.Merge(total.Latency, i.Latency)
		journal.Merge(total.Service, i.Service)
		for class, n := range i.Errors {
			total.Errors[class] += n
		}
		for pod, n := range i.Pods {
			total.Pods[pod] += n
		}
		maps.Copy(total.Attached, i.Attached)
		for _, u := range i.HurtUsers {
			users[u] = true
		}
	}
	total.HurtUsers = slices.Sorted(maps.Keys(users))
	return total
}

// onTime reports whether the generator itself says that it kept up. Upper
// bounds on times hold only then: whatever else runs on the machine may have
// taken the time. Generator and server share it here.
func onTime(t *testing.T, total seatrial.Interval) bool {
	t.Helper()
	if total.MaxLag.Duration() > 2*tally.LateAfter {
		t.Logf("upper bounds were not checked: the machine is busy, the generator was late by up to %vs", total.MaxLag)
		return false
	}
	return true
}

func planFor(url string, rate seatrial.Rate, users int, d time.Duration) seatrial.LoadPlan {
	return seatrial.LoadPlan{Load: seatrial.Load{Name: "browse", Target: url, Rate: rate, Users: users}, Duration: d}
}

func TestAStallIsSeenInFullFromTheDueTime(t *testing.T) {
	const stall, begins = 1600 * time.Millisecond, 200 * time.Millisecond
	var gate sync.RWMutex
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		gate.RLock()
		defer gate.RUnlock()
	}))
	defer shop.Close()
	var frozen, thawed time.Duration
	intervals := attack(t, planFor(shop.URL, 200, 20, 2800*time.Millisecond), func(_ *load.Engine, start time.Time) {
		<-time.After(time.Until(start.Add(begins)))
		gate.Lock()
		frozen = time.Since(start)
		<-time.After(stall)
		thawed = time.Since(start)
		gate.Unlock()
	})
	total := sum(intervals)
	if total.Planned != 560 || total.Failed != 0 {
		t.Errorf("planned %d, failed %d, want 560 and 0", total.Planned, total.Failed)
	}

	longest := map[time.Duration]time.Duration{}
	for _, i := range intervals {
		longest[i.Due] = max(longest[i.Due], journal.Max(i.Latency))
	}
	quick := onTime(t, total)
	for due := (frozen + seatrial.Width).Truncate(seatrial.Width); due < thawed-seatrial.Width; due += seatrial.Width {
		// The slowest of an interval was due in its first 5 ms, and nothing
		// ends before the server goes on.
		got, want := longest[due], thawed-due-5*time.Millisecond
		if got < want || quick && got > want+400*time.Millisecond {
			t.Errorf("due at %v: longest latency %v, want a little more than %v", due, got, want)
		}
	}
	// By the due time, all that were due before the stall's last second waited
	// more than a second; by the service time only each user's first one did.
	slow := journal.CountAbove(total.Latency, time.Second)
	if least := int64((thawed-frozen).Seconds()*200) - 200; slow < least-5 || quick && slow > least+60 {
		t.Errorf("%d requests took longer than 1 s from their due time, want about %d", slow, least)
	}
	if n := journal.CountAbove(total.Service, time.Second); n != 20 {
		t.Errorf("%d requests took longer than 1 s from their sending, want one a user", n)
	}
	about := journal.CountAbove(total.Latency, 998*time.Millisecond) // a bucket below a second
	if hurt := total.Hurt - total.Dropped; hurt < slow || hurt > about || len(total.HurtUsers) != 20 {
		t.Errorf("%d requests of %d users are hurt beside %d dropped ones, between %d and %d were slow", hurt, len(total.HurtUsers), total.Dropped, slow, about)
	}
}

func TestWhatIsInLineAtTheEndIsDropped(t *testing.T) {
	shop := hang(t)
	p := planFor(shop, 100, 5, time.Second)
	p.Client.Timeout = 1800 * time.Millisecond
	total := sum(attack(t, p))
	if total.Planned != 100 || total.Sent != 5 || total.Dropped != 95 {
		t.Errorf("planned %d, sent %d, dropped %d, want 100, 5, 95", total.Planned, total.Sent, total.Dropped)
	}
	if total.Errors[tally.Timeout] != 5 || total.Hurt != 100 || len(total.HurtUsers) != 5 {
		t.Errorf("errors %v, hurt %d, users %v", total.Errors, total.Hurt, total.HurtUsers)
	}
}

func TestAStopEndsThePlan(t *testing.T) {
	shop := hang(t)
	p := planFor(shop, 100, 5, time.Hour)
	p.Client.Timeout = 1500 * time.Millisecond
	var stopped time.Duration
	total := sum(attack(t, p, func(e *load.Engine, start time.Time) {
		<-time.After(500 * time.Millisecond)
		stopped = time.Since(start)
		e.Stop()
	}))
	due := int64(stopped.Seconds() * 100)
	if total.Planned < due || total.Planned > due+10 || total.Sent != 5 {
		t.Errorf("planned %d, sent %d; stopped after %v at 100/s, while 5 users hung", total.Planned, total.Sent, stopped)
	}
}

func TestAStopBeforeTheStartPlansNothing(t *testing.T) {
	total := sum(attack(t, planFor("http://127.0.0.1:1", 100, 5, time.Hour), func(e *load.Engine, _ time.Time) { e.Stop() }))
	if total.Planned != 0 {
		t.Errorf("planned %d", total.Planned)
	}
}

func TestACancelledAttackGivesUpWhatIsInFlight(t *testing.T) {
	var planned, failed int64
	e, err := load.NewEngine([]seatrial.LoadPlan{planFor(hang(t), 100, 5, time.Hour)}, 0, 1, func(i seatrial.Interval) {
		planned += i.Planned
		failed += i.Failed
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := e.Run(ctx, time.Now()); err != context.DeadlineExceeded {
		t.Errorf("run returned %v", err)
	}
	// One of each user's; a starved machine may let a user come to send a second
	// one between the end of the context and the end of the attack.
	if failed < 5 || failed > 10 {
		t.Errorf("%d requests in flight failed, want 5", failed)
	}
}

func TestAHealthyServiceIsServedOnTime(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer shop.Close()
	total := sum(attack(t, planFor(shop.URL, 200, 50, 1500*time.Millisecond)))
	if total.Planned != 300 || total.Failed != 0 || total.Attempts != total.Sent {
		t.Errorf("planned %d, failed %d, sent %d with %d attempts, want 300, none, and one for each", total.Planned, total.Failed, total.Sent, total.Attempts)
	}
	if p50 := journal.Quantile(total.Latency, 0.5); onTime(t, total) && (total.Dropped > 0 || p50 > 20*time.Millisecond) {
		t.Errorf("the median latency is %v, and %d were dropped", p50, total.Dropped)
	}
}

func TestMoreConnectionsServeAUserInParallel(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
		}
	}))
	defer shop.Close()
	p := planFor(shop.URL, 40, 1, time.Second)
	p.Connections = 8
	total := sum(attack(t, p))
	// One after the other, ten would be sent and the median wait half a second.
	if p50 := journal.Quantile(total.Latency, 0.5); onTime(t, total) && (total.Dropped > 0 || p50 > 300*time.Millisecond) {
		t.Errorf("dropped %d, median %v: its requests waited for each other", total.Dropped, p50)
	}
}

func TestTwoAgentsSendWhatOneWould(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer shop.Close()
	planned := map[time.Duration]int64{}
	for k := range 2 {
		e, err := load.NewEngine([]seatrial.LoadPlan{planFor(shop.URL, 200, 7, 500*time.Millisecond)}, k, 2, func(i seatrial.Interval) { planned[i.Due] += i.Planned })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Run(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for due := time.Duration(0); due < 500*time.Millisecond; due += seatrial.Width {
		if planned[due] != 20 {
			t.Errorf("due at %v: %d requests, want 20", due, planned[due])
		}
	}
}

func TestALoadThatCannotBeSentIsRefused(t *testing.T) {
	for name, p := range map[string]seatrial.LoadPlan{
		"no rate":   planFor("http://shop", 0, 5, time.Second),
		"no scheme": planFor("shop:80", 5, 5, time.Second),
	} {
		if _, err := load.NewEngine([]seatrial.LoadPlan{p}, 0, 1, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := load.NewEngine(nil, 1, 1, nil); err == nil {
		t.Error("agent 1 of 1: accepted")
	}
}

// hang is a server that accepts and never answers.
func hang(t *testing.T) string {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(shop.Close)
	return shop.URL
}
