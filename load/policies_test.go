package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/tally"
)

// door is a server that treats a connection by its number, from 1, and a
// request on it by its own.
type door struct {
	url    string
	opened atomic.Int64
	open   atomic.Int64 // connections that are not closed
}

type numbers struct {
	conn     int64
	requests atomic.Int64
}

func newDoor(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, conn, request int64)) *door {
	t.Helper()
	d := &door{}
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.Context().Value(connKey{}).(*numbers)
		answer(w, r, n.conn, n.requests.Add(1))
	}))
	shop.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, &numbers{conn: d.opened.Add(1)})
	}
	shop.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			d.open.Add(1)
		case http.StateClosed:
			d.open.Add(-1)
		}
	}
	shop.Start()
	t.Cleanup(shop.Close)
	d.url = shop.URL
	return d
}

// stall holds a request until its client gives up.
func stall(r *http.Request) { <-r.Context().Done() }

func with(p seatrial.LoadPlan, c seatrial.Client) seatrial.LoadPlan {
	p.Client = c
	return p
}

func TestARetryGoesOutOnAnotherConnectionWhichBecomesTheUsers(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter, *http.Request){
		"stall":  func(_ http.ResponseWriter, r *http.Request) { stall(r) },
		"503":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"broken": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, func(w http.ResponseWriter, r *http.Request, conn, _ int64) {
				w.Header().Set(load.ServedBy, "pod")
				if conn == 1 {
					fail(w, r)
				}
			})
			p := with(planFor(d.url, 10, 1, 1500*time.Millisecond), seatrial.Client{Timeout: 700 * time.Millisecond, Retries: seatrial.Retries{Max: 2}})
			total := sum(attack(t, p))
			if total.Sent < 3 || total.Failed != 0 || total.Retried != 1 || total.Attempts != total.Sent+1 || d.opened.Load() != 2 {
				t.Errorf("%d of %d succeeded, %d retries, %d attempts on %d connections; want one retry, on a second connection that is kept",
					total.Succeeded, total.Sent, total.Retried, total.Attempts, d.opened.Load())
			}
		})
	}
}

func TestAPostIsRetriedWithItsBodyAndOnlyWhereItSays(t *testing.T) {
	sick := newDoor(t, func(w http.ResponseWriter, r *http.Request, conn, _ int64) {
		body := make([]byte, 10)
		if n, _ := r.Body.Read(body); string(body[:n]) != "hello" {
			t.Errorf("body %q on connection %d", body[:n], conn)
		}
		if conn == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	for on, want := range map[seatrial.Failure]int64{"": 0, "503": 1} {
		sick.opened.Store(0)
		p := with(planFor(sick.url, 20, 1, 40*time.Millisecond), seatrial.Client{Retries: seatrial.Retries{Max: 1}})
		p.Method, p.Body = http.MethodPost, "hello"
		if on != "" {
			p.Client.Retries.On = []seatrial.Failure{on}
		}
		if total := sum(attack(t, p)); total.Succeeded != want || total.Retried != want {
			t.Errorf("on %q: %d succeeded after %d retries, want %d", on, total.Succeeded, total.Retried, want)
		}
	}
}

func TestAHedgeWinsAndTheLoserLetsGo(t *testing.T) {
	d := newDoor(t, func(_ http.ResponseWriter, r *http.Request, conn, _ int64) {
		if conn == 1 {
			stall(r)
		}
	})
	const after = 400 * time.Millisecond
	p := with(planFor(d.url, 10, 1, 1500*time.Millisecond), seatrial.Client{Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: after}}})
	total := sum(attack(t, p))
	if total.Sent < 3 || total.Failed != 0 || total.Hedged != 1 || total.Attempts != total.Sent+1 || d.opened.Load() != 2 {
		t.Errorf("%d of %d succeeded, %d hedges, %d attempts on %d connections; want one hedge whose connection is kept",
			total.Succeeded, total.Sent, total.Hedged, total.Attempts, d.opened.Load())
	}
	if worst := journal.Max(total.Latency); worst < after || onTime(t, total) && worst > 2*after {
		t.Errorf("the longest took %v, want the hedge's %v and a little", worst, after)
	}
	limit := time.After(5 * time.Second)
	for d.open.Load() > 0 {
		select {
		case <-limit:
			t.Fatalf("%d connections are open after the attack", d.open.Load())
		case <-time.After(time.Millisecond):
		}
	}
}

func TestABodyThatStallsIsHedgedToo(t *testing.T) {
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request, conn, _ int64) {
		w.Header().Set("Content-Length", "4")
		_, _ = w.Write([]byte("ha"))
		_ = http.NewResponseController(w).Flush()
		if conn == 1 {
			stall(r)
		}
		_, _ = w.Write([]byte("lf"))
	})
	p := with(planFor(d.url, 20, 1, 100*time.Millisecond), seatrial.Client{Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: 50 * time.Millisecond}}})
	if total := sum(attack(t, p)); total.Failed != 0 || total.Hedged < 1 {
		t.Errorf("%d of %d succeeded with %d hedges, errors %v", total.Succeeded, total.Sent, total.Hedged, total.Errors)
	}
}

func TestABudgetCapsTheAttemptsOfATotalFailure(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	p := with(planFor(gone.URL, 200, 4, time.Second), seatrial.Client{Retries: seatrial.Retries{Max: 3, Budget: 0.2}})
	total := sum(attack(t, p))
	// A fifth of each user's requests, whole ones.
	if total.Sent == 0 || total.Retried > total.Sent/5 || total.Retried < total.Sent/5-4 || total.Attempts != total.Sent+total.Retried {
		t.Errorf("sent %d, %d retries, %d attempts, want a fifth more than were sent", total.Sent, total.Retried, total.Attempts)
	}
	p.Client.Retries.Budget = 0
	if total := sum(attack(t, p)); total.Attempts != 4*total.Sent {
		t.Errorf("without a budget: sent %d in %d attempts, want four for each", total.Sent, total.Attempts)
	}
}

func TestABreakerSparesTheServerAndFindsItWell(t *testing.T) {
	var sick atomic.Bool
	sick.Store(true)
	var asked atomic.Int64
	d := newDoor(t, func(w http.ResponseWriter, _ *http.Request, _, _ int64) {
		if asked.Add(1); sick.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	p := with(planFor(d.url, 100, 1, 2*time.Second), seatrial.Client{Breaker: seatrial.Breaker{Failures: 3, Open: 300 * time.Millisecond}})
	total := sum(attack(t, p, func(_ *load.Engine, start time.Time) {
		<-time.After(time.Until(start.Add(time.Second)))
		sick.Store(false)
	}))
	// Three failures open it, a probe fails every 300 ms, until one does not.
	failures := total.Errors["http-500"]
	if failures < 4 || failures > 7 || total.Rejected != total.Errors[tally.Breaker] || total.Rejected <= failures {
		t.Errorf("errors %v, %d rejected, want some four answers of 500 and the rest not sent", total.Errors, total.Rejected)
	}
	if total.Succeeded == 0 || asked.Load() != total.Succeeded+failures || total.Attempts != asked.Load() {
		t.Errorf("%d succeeded, %d attempts, the server saw %d requests", total.Succeeded, total.Attempts, asked.Load())
	}
}

func TestALimitFailsWhatItWouldHaveToHold(t *testing.T) {
	p := with(planFor(hang(t), 40, 1, 500*time.Millisecond), seatrial.Client{Timeout: 3 * time.Second, Limit: 2})
	p.Connections = 10
	total := sum(attack(t, p))
	if total.Rejected == 0 || total.Errors[tally.Limit] != total.Rejected || total.Errors[tally.Timeout] != 2 || total.Attempts != 2 {
		t.Errorf("errors %v, %d rejected, %d attempts, want 2 timeouts and the rest rejected", total.Errors, total.Rejected, total.Attempts)
	}
}

func TestADeadlineEndsARequestInAll(t *testing.T) {
	p := with(planFor(hang(t), 10, 1, 50*time.Millisecond),
		seatrial.Client{Timeout: 300 * time.Millisecond, Deadline: 700 * time.Millisecond, Retries: seatrial.Retries{Max: 9}})
	total := sum(attack(t, p))
	if total.Failed != 1 || total.Attempts < 2 || total.Attempts > 3 || total.Errors[tally.Timeout] != 1 {
		t.Errorf("failed %d in %d attempts, errors %v, want one timeout, in the third attempt", total.Failed, total.Attempts, total.Errors)
	}
	if took := journal.Max(total.Service); took < 700*time.Millisecond || onTime(t, total) && took > 850*time.Millisecond {
		t.Errorf("it took %v, want 700 ms", took)
	}
}

func TestAPolicyForFreshConnectionsKeepsNone(t *testing.T) {
	d := newDoor(t, func(http.ResponseWriter, *http.Request, int64, int64) {})
	p := with(planFor(d.url, 50, 2, 400*time.Millisecond), seatrial.Client{Retries: seatrial.Retries{Max: 2}})
	p.Connections = seatrial.PerRequest
	if total := sum(attack(t, p)); total.Failed != 0 || d.opened.Load() != total.Sent || len(total.Attached) != 0 {
		t.Errorf("%d of %d succeeded on %d connections, attached %v, want as many", total.Succeeded, total.Sent, d.opened.Load(), total.Attached)
	}
}

func TestACancelledAttackGivesUpItsRetriesAndHedges(t *testing.T) {
	var failed int64
	p := with(planFor(hang(t), 100, 5, time.Hour), seatrial.Client{Timeout: time.Hour,
		Retries: seatrial.Retries{Max: 2}, Hedge: seatrial.Hedge{After: seatrial.HedgeAfter{Time: 20 * time.Millisecond}, Max: 2}})
	e, err := load.NewEngine([]seatrial.LoadPlan{p}, 0, 1, func(i seatrial.Interval) { failed += i.Failed })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := e.Run(ctx, time.Now()); err != context.DeadlineExceeded {
		t.Errorf("run returned %v", err)
	}
	if failed < 5 || failed > 10 {
		t.Errorf("%d requests failed, want one of each of 5 users", failed)
	}
}
