package network

import (
	"slices"
	"time"

	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/policy"
	"github.com/seatrial/seatrial/load/tally"
)

// request is one worker of a user with policies, and the request that it has:
// as many calls as the policies say, each on a connection of its own.
type request struct {
	user     *user
	policies *policy.Client // the user's
	aim      aim
	due      time.Duration // since the attack's start
	passed   plan.Pass     // of the load's gate
	sent     time.Duration
	did      policy.Request
	calls    []*call // under way
	spare    []*call // in no use

	attempts int64          // of calls that are over
	lookups  []tally.Lookup // of the same
	turn     uint64         // of the timer for a hedge or a retry
	number   uint64         // of the request, for its deadline
}

// The timers of a request, in the low bits of an event's code.
const (
	onHedge = iota + 1
	onRetry
	onDeadline
	requestBits = 2
)

func (r *request) pass(p plan.Pass) {
	r.passed = p
	r.begin()
}

// begin sends the request now, or does not.
func (r *request) begin() {
	now := r.now()
	r.sent, r.attempts, r.lookups = now, 0, r.lookups[:0]
	r.number++
	next := r.policies.Begin(&r.did, now)
	if at, ok := r.policies.Deadline(&r.did); ok && next.Do == policy.Send {
		r.clockAt(at, r.number<<requestBits|onDeadline)
	}
	r.do(next, nil)
}

func (r *request) now() time.Duration { return r.user.stream.network.clock.Now() }

func (r *request) clockAt(at time.Duration, code uint64) {
	r.user.stream.network.clock.At(at, r, code)
}

// do takes a step; last is the call that led to it, where one did.
func (r *request) do(next policy.Next, last *call) {
	switch next.Do {
	case policy.Send:
		r.turn++
		if next.Hedge {
			r.clockAt(r.now()+next.After, r.turn<<requestBits|onHedge)
		}
		r.call().begin()
	case policy.Pause:
		r.turn++
		r.clockAt(r.now()+next.After, r.turn<<requestBits|onRetry)
	case policy.Wait:
	case policy.Over:
		r.over(next, last)
	}
}

// call is one more attempt.
func (r *request) call() *call {
	var c *call
	if last := len(r.spare) - 1; last >= 0 {
		c, r.spare = r.spare[last], r.spare[:last]
	} else {
		c = &call{owner: r}
	}
	r.aim.at(c)
	r.calls = append(r.calls, c)
	return c
}

// Fire is one of its timers.
func (r *request) Fire(code uint64) {
	what, turn := code&(1<<requestBits-1), code>>requestBits
	policies := r.policies
	switch {
	case what == onDeadline && turn == r.number:
		r.do(policies.Expired(&r.did, r.now()), nil)
	case what == onHedge && turn == r.turn:
		r.do(policies.Hedge(&r.did), nil)
	case what == onRetry && turn == r.turn:
		r.do(policies.Retry(&r.did, r.now()), nil)
	}
}

// returned is the end of an attempt.
func (r *request) returned(c *call, class string) {
	r.end(c)
	r.do(r.policies.Ended(&r.did, r.now(), class, r.now()-c.sent, r.aim.pool.random.Float64), c)
}

// end takes a call out.
func (r *request) end(c *call) {
	r.attempts += c.attempts
	r.lookups = append(r.lookups, c.looked()...)
	r.calls = slices.DeleteFunc(r.calls, func(o *call) bool { return o == c })
	r.spare = append(r.spare, c)
}

// over gives up what is under way, and records the request; it is decided by
// the last call's answer, where one has come.
func (r *request) over(next policy.Next, last *call) {
	r.turn++
	r.number++
	for len(r.calls) > 0 {
		c := r.calls[0]
		c.giveUp()
		r.end(c)
	}
	u := r.user
	s := u.stream
	sample := tally.Sample{User: u.id, Due: r.due, Latency: r.now() - s.start - r.due, Service: r.now() - r.sent,
		Attempts: r.attempts, Retried: r.did.Retried, Hedged: r.did.Hedged, Rejected: next.Rejected, Class: next.Class,
		Lookups: r.lookups}
	sample.Pooled, sample.Capped = r.passed.Waited()
	if last != nil && last.pod != nil {
		sample.Pod = last.pod.Name
		sample.Attached = last.pool.keepAlive && last.fresh && next.Class == ""
	}
	u.requests = append(u.requests, r)
	u.record(sample)
}
