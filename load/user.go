package load

import (
	"context"
	"net/http"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/policy"
	"github.com/seatrial/seatrial/load/tally"
)

// user is one sequential client: a Vegeta attacker with as many workers as the
// user has connections, paced by the plan. Requests that are due while all of
// its workers hang wait in line.
type user struct {
	id        int
	stream    *stream
	attacker  *vegeta.Attacker
	transport *http.Transport // of a user who need not choose a connection, else nil
	lanes     *lanes          // of one who must
	policies  *policy.Client  // guarded by mu; nil for none
	keptAlive bool
	timer     *time.Timer // of the pacer

	ctx  context.Context // of the attack: ends requests in flight; set by run
	free chan time.Time  // since when each idle worker has been idle, longest first

	mu       sync.Mutex
	inFlight map[uint64]*exchange // by Vegeta's sequence number
}

func newUser(id int, s *stream) *user {
	workers := max(1, int(s.load.Connections))
	u := &user{
		id:        id,
		stream:    s,
		keptAlive: s.load.Connections != seatrial.PerRequest,
		free:      make(chan time.Time, workers),
		inFlight:  make(map[uint64]*exchange, workers),
		timer:     time.NewTimer(time.Hour),
	}
	u.timer.Stop()
	if client := s.load.Client; client.Active() {
		u.policies = policy.New(client)
	}
	names := newNames(s.load.DNS, u.now)
	if u.policies != nil || s.load.Connection.Age > 0 {
		u.lanes = newLanes(s.load.Load, names, u.now)
	} else {
		u.transport = newTransport(s.load.Connection, s.load.Connections, newDialer(s.load.Connection, names))
	}
	for range workers {
		u.free <- time.Time{}
	}
	// Client comes alone: Vegeta's other options for the transport panic when
	// it is not an *http.Transport. It has no timeout because RoundTrip sets
	// one for each request. The limit of 0 bytes throws bodies away unread by
	// anyone but the exchange, without closing the connection.
	u.attacker = vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: u, CheckRedirect: keepRedirect}),
		vegeta.Workers(uint64(workers)),
		vegeta.MaxWorkers(uint64(workers)),
		vegeta.MaxBody(0),
	)
	return u
}

// keepRedirect makes a redirect an answer like any other.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// run sends this user's requests and records them; what it never came to send
// is dropped.
func (u *user) run(ctx context.Context) {
	u.ctx = ctx
	taken := int64(0)
	for result := range u.attacker.Attack(u.stream.target(), u, 0, "") {
		u.record(result)
		taken++
	}
	planned := u.stream.plan.CountOf(u.id, u.stream.end())
	for n := taken; n < planned; n++ {
		u.stream.recorder.Dropped(u.id, u.due(n))
	}
	if u.transport != nil {
		u.transport.CloseIdleConnections()
		return
	}
	u.lanes.close()
}

// now is the time since the attack's start.
func (u *user) now() time.Duration { return time.Since(u.stream.start) }

// due is when this user's n-th request is due, since the attack's start.
func (u *user) due(n int64) time.Duration { return u.stream.plan.Due(u.stream.plan.Nth(u.id, n)) }

// Pace implements [vegeta.Pacer]. It ignores the time that Vegeta thinks has
// passed and waits here until the next request is due by the plan, because
// Vegeta's own waiting could not be interrupted.
func (u *user) Pace(_ time.Duration, hits uint64) (wait time.Duration, stop bool) {
	due := u.due(int64(hits))
	for {
		select {
		case <-u.stream.cut:
			return 0, true
		default:
		}
		wait := time.Until(u.stream.start.Add(due))
		if due >= u.stream.end() || wait <= 0 {
			return 0, due >= u.stream.end()
		}
		u.timer.Reset(wait)
		select {
		case <-u.timer.C:
		case <-u.stream.cut:
		case <-u.stream.halt.done:
		}
	}
}

// Rate implements [vegeta.Pacer]; Vegeta does not ask for it in an attack. That
// of a shaped load is its highest.
func (u *user) Rate(time.Duration) float64 {
	return float64(u.stream.load.Rate) / float64(u.stream.load.Users)
}

// record counts a request that a worker took up.
func (u *user) record(r *vegeta.Result) {
	x := u.take(r.Seq)
	if x.unsent {
		u.stream.recorder.Dropped(u.id, u.due(int64(r.Seq)))
		return
	}
	u.stream.recorder.Answered(u.sample(r, x))
}

// sample is what becomes of a request in the journal.
func (u *user) sample(r *vegeta.Result, x *exchange) tally.Sample {
	due := u.due(int64(r.Seq))
	dueAt := u.stream.start.Add(due)
	ready := dueAt
	if x.free.After(ready) {
		ready = x.free
	}
	s := tally.Sample{
		User:     u.id,
		Due:      due,
		Latency:  r.End().Sub(dueAt),
		Service:  r.Latency,
		Lag:      max(0, r.Timestamp.Sub(ready)),
		Attempts: x.attempts,
		Retried:  x.retried,
		Hedged:   x.hedged,
		Rejected: x.rejected,
		Lookups:  x.lookups.take(),
		Class:    x.class,
		Pod:      x.last.pod,
		Attached: u.keptAlive && x.last.fresh && x.last.pod != "",
	}
	if !x.sent.IsZero() {
		s.Service = r.End().Sub(x.sent)
		s.Lag += max(0, x.sent.Sub(u.stream.start.Add(x.pass.Ready)))
		s.Pooled, s.Capped = x.pass.Waited()
	}
	if s.Class == "" && r.Code == 0 {
		s.Class = tally.Other // the http client refused what the transport took
	}
	return s
}

// take removes and returns the exchange of Vegeta's request seq. It is never
// nil, even if the http client never came to send.
func (u *user) take(seq uint64) *exchange {
	u.mu.Lock()
	defer u.mu.Unlock()
	x, ok := u.inFlight[seq]
	if !ok {
		return &exchange{class: tally.Other}
	}
	delete(u.inFlight, seq)
	return x
}
