package network

import (
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/tally"
)

// user is one sequential client on each of its connections.
type user struct {
	id     int
	stream *stream
	pool   pool
	calls  []userCall // one for each connection
	free   []*userCall
	next   int64 // of its requests, the first that was not sent
	armed  bool  // its timer is set
}

// userCall is a worker of a user.
type userCall struct {
	call
	due time.Duration // since the attack's start
}

func newUser(id int, s *stream) (*user, error) {
	l := s.load
	workers := max(1, int(l.Connections))
	u := &user{id: id, stream: s, calls: make([]userCall, workers)}
	u.pool = pool{network: s.network, node: s.node, namespace: agentsNamespace,
		replays: replayable(l.Method, l.Body != ""), keepAlive: l.Connections != seatrial.PerRequest,
		most: workers, timeout: l.Client.Timeout,
		random: s.network.seed.Rand("user", l.Name+"/"+strconv.Itoa(id))}
	if err := u.pool.aim(l.Target); err != nil {
		return nil, err
	}
	for i := range u.calls {
		c := &u.calls[i]
		c.call = call{pool: &u.pool, owner: u}
		u.free = append(u.free, c)
	}
	return u, nil
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
	s := u.stream
	for len(u.free) > 0 {
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
		c := u.free[len(u.free)-1]
		u.free = u.free[:len(u.free)-1]
		c.due = due
		u.next++
		s.inFlight++
		c.begin()
	}
}

// returned records a request.
func (u *user) returned(c *call, class string) {
	s := u.stream
	w := u.worker(c)
	now := s.network.clock.Now()
	sample := tally.Sample{User: u.id, Due: w.due, Latency: now - s.start - w.due, Service: now - c.sent,
		Attempts: c.attempts, Class: class}
	if c.pod != nil {
		sample.Pod = c.pod.Name
		sample.Attached = u.pool.keepAlive && c.fresh && class == ""
	}
	s.recorder.Answered(sample)
	u.free = append(u.free, w)
	s.inFlight--
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
