package report

import (
	"bytes"
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// play is a synthetic trial: 30 users on three pods send 50 requests a second;
// the fault holds up every request that is due to a third of the users until
// it is reverted.
type play struct {
	header   journal.Header
	injected time.Duration // below zero: never
	reverted time.Duration // below zero: never
	end      time.Duration // of the load
	slow     time.Duration // how long a request of the warm-up takes
	late     int64         // in every interval
	pooled   int64         // in every interval: waited for the pool
	capped   int64         // in every interval: held back
	failing  bool          // the fault fails requests instead of holding them up
	unproven bool
	agent    seatrial.AgentReport
	trailer  *journal.Trailer
	more     []seatrial.Event // at times since the trial's start
	class    string           // of failed requests; empty is "refused"
}

const (
	warmup  = 4 * time.Second
	healthy = 3 * time.Millisecond
	crowd   = 30
)

func frozen() play {
	return play{
		header: journal.Header{
			Schema: journal.Schema, ID: "20260101T000000Z-abc/as-is-1", Scenario: "live-migration", Variant: "as-is",
			Description: "One node's VM is moved <b>to another</b> host.", Backend: "kind", Seed: 7, Expect: seatrial.Failed,
			Started:     "2026-01-01T00:00:00Z",
			Timeline:    journal.Timeline{Warmup: 4, Trial: 15, Recovery: 5},
			Hurt:        1,
			SteadyState: journal.Objective{Availability: 0.999, Latency: journal.Latency{P99: 0.2}},
			SLO:         journal.Objective{Availability: 0.995, Latency: journal.Latency{P99: 0.5}},
			Loads:       []journal.Load{{Name: "browse", Target: "http://shop/items", Rate: 50, Users: crowd, Connections: 1, Timeout: 30}},
			Faults:      []journal.Fault{{Name: "migrate", Kind: "liveMigration", At: 5, For: 8}},
			Nodes:       []journal.Node{{Name: "worker"}, {Name: "worker2"}},
			Versions:    journal.Versions{Seatrial: "v0.1.0", Go: "go1.26", Kubernetes: "v1.37.1"},
			Source:      "kind: Scenario # </pre><script>alert(1)</script>\n", SourceSHA256: "5e1f",
			Command:  "seatrial run --on kind live-migration --variant as-is --seed 7",
			Warnings: []string{"load generator and cluster share the same cores"},
		},
		injected: 5*time.Second + 12*time.Millisecond,
		reverted: 13 * time.Second,
		end:      20 * time.Second,
		slow:     healthy,
		agent:    seatrial.AgentReport{ClockOffset: 0.0004, OffsetBound: 0.001, CPU: 3, Cores: 1, Wall: 24},
		trailer:  &journal.Trailer{},
	}
}

// journal writes the trial as a runner would.
func (p play) journal(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := journal.New(&out)
	w.Zero(warmup, 0)
	w.Event(seatrial.Event{Kind: seatrial.KindTrial, Subject: p.header.Scenario, Edge: seatrial.Begin, Data: p.header})
	for i, node := range []string{"worker", "worker2", "worker3"} {
		w.Event(seatrial.Event{Kind: seatrial.KindPod, Subject: fmt.Sprintf("default/shop-%d", i),
			Data: journal.PodChange{Node: node, Ready: true, Phase: "Running"}})
	}
	for _, e := range p.more {
		e.At += warmup
		w.Event(e)
	}
	p.faultEvents(w)
	for at := -warmup; at < p.end; at += seatrial.Width {
		w.Interval(p.interval(at))
	}
	w.Event(seatrial.Event{At: warmup + p.end, Kind: seatrial.KindAgent, Subject: "agent-0", Data: p.agent})
	if p.trailer != nil {
		w.Event(seatrial.Event{At: warmup + p.end, Kind: seatrial.KindTrial, Edge: seatrial.End, Data: p.trailer})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (p play) faultEvents(w *journal.Writer) {
	step := func(at time.Duration, m seatrial.FaultMark) {
		m.Kind, m.Targets = "liveMigration", []string{"node/worker2"}
		if at >= 0 {
			w.Event(seatrial.Event{At: warmup + at, Kind: seatrial.KindFault, Subject: "migrate", Data: m})
		}
	}
	step(p.injected, seatrial.FaultMark{Step: seatrial.Injected})
	if p.injected >= 0 && !p.unproven {
		step(p.injected+200*time.Millisecond, seatrial.FaultMark{Step: seatrial.Proven,
			Proof: &seatrial.Proof{Method: "every process of the node is stopped", Evidence: map[string]string{"stopped": "31 of 31", "state": "T"}}})
		w.Event(seatrial.Event{At: warmup + p.injected + 1500*time.Millisecond, Kind: seatrial.KindNode, Subject: "worker2",
			Severity: seatrial.Warning, Message: "not ready: the kubelet stopped posting", Data: journal.NodeChange{}})
	}
	step(p.reverted, seatrial.FaultMark{Step: seatrial.Reverted})
}

// interval has five requests, 20 ms apart; they go to the users in turn.
func (p play) interval(at time.Duration) seatrial.Interval {
	iv := seatrial.Interval{Load: "browse", Agent: "agent-0", Due: warmup + at, Planned: 5, Sent: 5, Attempts: 5, Late: p.late,
		PoolWaited: p.pooled, CatchUpLimited: p.capped,
		MaxLag: 0.0004, Latency: seatrial.Buckets{}, Service: seatrial.Buckets{}}
	for i := range 5 {
		due := at + time.Duration(i)*20*time.Millisecond
		user := int((due+warmup)/(20*time.Millisecond)) % crowd
		p.request(&iv, due, user)
	}
	if at < -warmup+600*time.Millisecond {
		iv.Attached = map[int]string{}
		for user := range crowd {
			iv.Attached[user] = fmt.Sprintf("shop-%d", user%3)
		}
	}
	return iv
}

// lookUp lets every request look a name up where it is DNS that fails.
func (p play) lookUp(iv *seatrial.Interval, held bool) {
	if p.class != "dns" {
		return
	}
	if iv.Lookups == nil {
		iv.Lookups = seatrial.Buckets{}
	}
	if held {
		journal.Record(iv.Lookups, 10*time.Second)
		iv.LookupsFailed++
		return
	}
	journal.Record(iv.Lookups, time.Millisecond)
}

func (p play) request(iv *seatrial.Interval, due time.Duration, user int) {
	latency := healthy + time.Duration(user)*100*time.Microsecond
	if due < 0 {
		latency = max(latency, p.slow)
	}
	held := p.injected >= 0 && user%3 == 1 && due >= p.injected && (p.reverted < 0 || due < p.reverted)
	if held {
		latency = min(max(p.reverted, 0)-due+latency, 30*time.Second)
	}
	journal.Record(iv.Latency, latency)
	journal.Record(iv.Service, latency)
	p.lookUp(iv, held)
	if held && p.failing {
		iv.Failed++
		iv.Errors = map[string]int64{cmp.Or(p.class, "refused"): iv.Failed}
	} else {
		iv.Succeeded++
	}
	if held && (p.failing || latency > time.Second) {
		iv.Hurt++
		iv.HurtUsers = append(iv.HurtUsers, user)
	}
}
