package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
)

// The real engine sends over loopback to a server that stands still for a time,
// the simulated users to a node that does. What a plan means must be the same
// to both: who waits in line, what is dropped, what times out, how often it was
// tried. Absolute latency is not compared: one of the two runs on a real
// machine.

// outcome is what a load came to.
type outcome struct {
	mu sync.Mutex
	seatrial.Interval
	worst time.Duration
}

func (o *outcome) add(i seatrial.Interval) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Planned += i.Planned
	o.Sent += i.Sent
	o.Succeeded += i.Succeeded
	o.Dropped += i.Dropped
	o.Attempts += i.Attempts
	o.Retried += i.Retried
	o.Hedged += i.Hedged
	o.Rejected += i.Rejected
	o.Hurt += i.Hurt
	o.Late += i.Late
	o.worst = max(o.worst, journal.Max(i.Latency))
	for class, n := range i.Errors {
		if o.Errors == nil {
			o.Errors = map[string]int64{}
		}
		o.Errors[class] += n
	}
}

// sink is an outcome as a sink.
type sink struct{ *outcome }

func (s sink) Interval(i seatrial.Interval) { s.add(i) }
func (sink) Event(seatrial.Event)           {}

// still is when the server stands still, since the attack's start.
type still struct{ from, to time.Duration }

// gate holds requests while the server stands still.
type gate struct {
	still
	start time.Time
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since := time.Since(g.start)
	wait := 5 * time.Millisecond
	if since >= g.from && since < g.to {
		wait += g.to - since
	}
	select {
	case <-time.After(wait):
		_, _ = io.WriteString(w, "ok") // what fails here is the connection
	case <-r.Context().Done():
	}
}

func onEngine(t *testing.T, p seatrial.LoadPlan, s still) *outcome {
	t.Helper()
	start := time.Now().Add(200 * time.Millisecond)
	server := httptest.NewServer(&gate{s, start})
	defer server.Close()
	p.Target = server.URL
	o := &outcome{}
	engine, err := load.NewEngine([]seatrial.LoadPlan{p}, 0, 1, o.add)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Run(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	return o
}

func onSimulator(t *testing.T, p seatrial.LoadPlan, s still) *outcome {
	t.Helper()
	site, err := Open(seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 1}}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	ctx := context.Background()
	if err := site.clusters[0].Apply(ctx, shops(1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := site.clusters[0].Settle(ctx); err != nil {
		t.Fatal(err)
	}
	p.Target = "http://" + net.JoinHostPort("shop0.default.svc.cluster.local", "80")
	o := &outcome{}
	attack, err := site.Prepare(ctx, []seatrial.LoadPlan{p}, sink{o})
	if err != nil {
		t.Fatal(err)
	}
	start := site.clock.Now() + 3*time.Second // kube-proxy knows the pod by then
	if err := attack.Start(ctx, start); err != nil {
		t.Fatal(err)
	}
	node := site.clusters[0].world.Node("worker")
	for _, step := range []struct {
		at time.Duration
		do func()
	}{{s.from, func() { node.Freeze(false) }}, {s.to, node.Thaw}} {
		if err := site.clock.Sleep(ctx, start+step.at-site.clock.Now()); err != nil {
			t.Fatal(err)
		}
		step.do()
	}
	if err := attack.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestUsersMeanTheSameOnTheEngineAndOnTheSimulator(t *testing.T) {
	base := seatrial.LoadPlan{Duration: 4 * time.Second, Hurt: 500 * time.Millisecond,
		Load: seatrial.Load{Name: "browse", Rate: 50, Users: 10, Client: seatrial.Client{Timeout: 10 * time.Second}}}
	for _, tc := range []struct {
		name   string
		change func(*seatrial.LoadPlan)
		still
	}{
		{"a server that waits", func(*seatrial.LoadPlan) {}, still{time.Second, 3 * time.Second}},
		{"a timeout", func(p *seatrial.LoadPlan) { p.Client.Timeout = time.Second }, still{time.Second, 2500 * time.Millisecond}},
		{"two connections", func(p *seatrial.LoadPlan) { p.Connections = 2 }, still{time.Second, 3 * time.Second}},
		{"a connection for each request", func(p *seatrial.LoadPlan) { p.Connections = seatrial.PerRequest }, still{time.Second, 3 * time.Second}},
		{"a retry", func(p *seatrial.LoadPlan) {
			p.Client = seatrial.Client{Timeout: 600 * time.Millisecond, Retries: seatrial.Retries{Max: 1}}
		}, still{time.Second, 3 * time.Second}},
		{"retries with pauses and a deadline", func(p *seatrial.LoadPlan) {
			p.Client = seatrial.Client{Timeout: 400 * time.Millisecond, Deadline: 1500 * time.Millisecond,
				Retries: seatrial.Retries{Max: 5, Backoff: seatrial.Backoff{Initial: 200 * time.Millisecond}}}
		}, still{time.Second, 3 * time.Second}},
		{"retries with a budget", func(p *seatrial.LoadPlan) {
			p.Client = seatrial.Client{Timeout: 400 * time.Millisecond, Retries: seatrial.Retries{Max: 2, Budget: 0.2}}
		}, still{1500 * time.Millisecond, 3500 * time.Millisecond}},
		{"a hedge", func(p *seatrial.LoadPlan) {
			p.Client.Hedge = seatrial.Hedge{After: seatrial.HedgeAfter{Time: 300 * time.Millisecond}, Max: 2}
		}, still{time.Second, 3 * time.Second}},
		{"a breaker", func(p *seatrial.LoadPlan) {
			p.Client = seatrial.Client{Timeout: 300 * time.Millisecond, Breaker: seatrial.Breaker{Failures: 2, Open: 700 * time.Millisecond}}
		}, still{time.Second, 3 * time.Second}},
		{"a limit", func(p *seatrial.LoadPlan) {
			p.Connections, p.Client.Limit = 8, 3
		}, still{time.Second, 3 * time.Second}},
		{"a server that waits to the end", func(p *seatrial.LoadPlan) { p.Client.Timeout = 5 * time.Second }, still{2 * time.Second, 12 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := base
			tc.change(&p)
			real, sim := onEngine(t, p, tc.still), onSimulator(t, p, tc.still)
			for tries := 1; real.Late > 0 && tries < 3; tries++ { // a starved generator proves nothing
				real = onEngine(t, p, tc.still)
			}
			if real.Late > 0 {
				t.Skipf("the engine sent %d requests late in each of 3 tries: this machine is too busy to compare", real.Late)
			}
			if real.Planned != sim.Planned || real.Planned != 200 {
				t.Errorf("planned: %d on the engine, %d on the simulator, want 200", real.Planned, sim.Planned)
			}
			// A request more or less per user may fall on either side of an edge.
			const edge = 20
			near := func(what string, a, b int64) {
				if a-b > edge || b-a > edge {
					t.Errorf("%s: %d on the engine, %d on the simulator", what, a, b)
				}
			}
			near("hurt", real.Hurt, sim.Hurt)
			near("dropped", real.Dropped, sim.Dropped)
			near("sent", real.Sent, sim.Sent)
			near("attempts", real.Attempts, sim.Attempts)
			near("retried", real.Retried, sim.Retried)
			near("hedged", real.Hedged, sim.Hedged)
			near("rejected", real.Rejected, sim.Rejected)
			t.Logf("attempts %d and %d, retried %d and %d, hedged %d and %d, rejected %d and %d, hurt %d and %d", real.Attempts, sim.Attempts,
				real.Retried, sim.Retried, real.Hedged, sim.Hedged, real.Rejected, sim.Rejected, real.Hurt, sim.Hurt)
			near("timeouts", real.Errors["timeout"], sim.Errors["timeout"])
			if classes := fmt.Sprint(len(real.Errors)); classes != fmt.Sprint(len(sim.Errors)) {
				t.Errorf("errors: %v on the engine, %v on the simulator", real.Errors, sim.Errors)
			}
			if sim.Hurt == 0 {
				t.Error("nobody was hurt: this compares nothing")
			}
		})
	}
}
