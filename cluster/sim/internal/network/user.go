package network

import (
	"net/http"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/policy"
	"github.com/seatrial/seatrial/load/tally"
)

// user is one sequential client on each of its connections.
type user struct {
	id     int
	stream *stream
	pools  []*pool    // one for each host of its targets
	aims   []aim      // one for each target
	calls  []userCall // one for each connection
	free   []*userCall
	// A client with policies has requests instead of calls.
	requests []*request // that are free
	next     int64      // of its requests, the first that was not sent
	armed    bool       // its timer is set
	sending  bool       // send is at work
}

// aim is where the requests of one target go.
type aim struct {
	pool    *pool
	replays bool
	expects string
}

// at lets the call be of this target.
func (a aim) at(c *call) { c.pool, c.replays, c.expects = a.pool, a.replays, a.expects }

// userCall is a worker of a user.
type userCall struct {
	call
	due    time.Duration // since the attack's start
	passed plan.Pass     // of the load's gate
}

func (c *userCall) pass(p plan.Pass) {
	c.passed = p
	c.begin()
}

func newUser(id int, s *stream) (*user, error) {
	l := s.load
	workers := max(1, int(l.Connections))
	u := &user{id: id, stream: s}
	first := pool{route: route{network: s.network, node: s.node}, namespace: agentsNamespace,
		keepAlive: l.Connections != seatrial.PerRequest, most: workers, timeout: l.Client.Timeout, how: l.Connection,
		random: s.network.seed.Rand("user", l.Name+"/"+strconv.Itoa(id))}
	if l.Client.Active() {
		first.policies = policy.New(l.Client)
	}
	for _, t := range l.Requests() {
		p, err := u.poolFor(first, t.URL)
		if err != nil {
			return nil, err
		}
		expects := ""
		if t.Expect.Status >= http.StatusBadRequest {
			expects = tally.ClassOf(t.Expect.Status, 0)
		}
		u.aims = append(u.aims, aim{p, replayable(t.Method, t.Body != ""), expects})
	}
	if first.policies != nil {
		for range workers {
			u.requests = append(u.requests, &request{user: u, policies: first.policies})
		}
		return u, nil
	}
	u.calls = make([]userCall, workers)
	for i := range u.calls {
		c := &u.calls[i]
		c.call = call{owner: u}
		u.free = append(u.free, c)
	}
	return u, nil
}

// poolFor is the user's connections to a target's host, like those of the first.
func (u *user) poolFor(like pool, target string) (*pool, error) {
	if err := like.aim(target); err != nil {
		return nil, err
	}
	for _, p := range u.pools {
		if p.host == like.host && p.port == like.port {
			return p, nil
		}
	}
	u.pools = append(u.pools, &like)
	return &like, nil
}

// due is when its n-th request is due, since the attack's start.
func (u *user) due(n int64) time.Duration { return u.stream.plan.Due(u.stream.plan.Nth(u.id, n)) }

// Fire: a request may be due.
func (u *user) Fire(uint64) {
	u.armed = false
	u.send()
}

// send sends what is due while a worker is free, and sets the timer for the
// next.
func (u *user) send() {
	if u.sending { // a request that was rejected at once has ended in the midst of it
		return
	}
	u.sending = true
	u.sendDue()
	u.sending = false
}

func (u *user) sendDue() {
	s := u.stream
	for len(u.free) > 0 || len(u.requests) > 0 {
		due := u.due(u.next)
		if s.cut || due >= s.end {
			return
		}
		if wait := s.start + due - s.network.clock.Now(); wait > 0 {
			if !u.armed {
				u.armed = true
				s.network.clock.After(wait, u, 0)
			}
			return
		}
		number := s.plan.Nth(u.id, u.next)
		u.next++
		u.take(number, due)
	}
}

// take lets a free worker send the request that is due, once the load's gate
// lets it through.
func (u *user) take(number int64, due time.Duration) {
	if last := len(u.requests) - 1; last >= 0 {
		r := u.requests[last]
		u.requests = u.requests[:last]
		r.due, r.aim = due, u.aims[u.stream.deal.Target(number)]
		u.enter(number, r)
		return
	}
	c := u.free[len(u.free)-1]
	u.free = u.free[:len(u.free)-1]
	c.due = due
	u.aims[u.stream.deal.Target(number)].at(&c.call)
	u.enter(number, c)
}

func (u *user) enter(number int64, s sender) {
	if u.stream.gate != nil {
		u.stream.gate.enter(number, s)
		return
	}
	u.stream.inFlight++
	s.pass(plan.Pass{})
}

// returned records a request.
func (u *user) returned(c *call, class string) {
	s := u.stream
	w := u.worker(c)
	now := s.network.clock.Now()
	sample := tally.Sample{User: u.id, Due: w.due, Latency: now - s.start - w.due, Service: now - c.sent,
		Attempts: c.attempts, Class: class, Lookups: c.looked()}
	sample.Pooled, sample.Capped = w.passed.Waited()
	if c.pod != nil {
		sample.Pod = c.pod.Name
		sample.Attached = c.pool.keepAlive && c.fresh && class == ""
	}
	u.free = append(u.free, w)
	u.record(sample)
}

// record counts a request that is over, and goes on with the next.
func (u *user) record(sample tally.Sample) {
	s := u.stream
	s.recorder.Answered(sample)
	s.inFlight--
	if s.gate != nil {
		s.gate.leave()
	}
	u.send()
	s.through()
}

func (u *user) worker(c *call) *userCall {
	if len(u.calls) == 1 {
		return &u.calls[0]
	}
	for i := range u.calls {
		if &u.calls[i].call == c {
			return &u.calls[i]
		}
	}
	return nil // not reached: every call is one of its own
}

// dropRest counts what was due and never sent.
func (u *user) dropRest() {
	s := u.stream
	for planned := s.plan.CountOf(u.id, s.end); u.next < planned; u.next++ {
		s.recorder.Dropped(u.id, u.due(u.next))
	}
}
