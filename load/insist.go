package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/seatrial/seatrial/load/policy"
	"github.com/seatrial/seatrial/load/tally"
)

// errNotSent ends a request that its client's own policy refused.
var errNotSent = errors.New("the client did not send it")

// request is one request of a user with policies while it lasts. The worker's
// goroutine alone asks the policies; each attempt has one of its own, and the
// worker waits for all of them.
type request struct {
	user *user
	x    *exchange
	http *http.Request
	ctx  context.Context // of every attempt; ends when the request is decided
	did  policy.Request

	timer   *time.Timer // of the next hedge, or of the pause before a retry
	pausing bool
	running sync.WaitGroup
	ended   chan attempt // holds as many as can be under way, so that none waits
}

// insist sends a request as often, and on as many connections, as the user's
// policies say.
func (u *user) insist(x *exchange, req *http.Request) {
	ctx, giveUp := context.WithCancel(x.lookups.within(u.ctx))
	r := &request{user: u, x: x, http: req, ctx: ctx, timer: time.NewTimer(time.Hour),
		ended: make(chan attempt, 1+u.stream.load.Client.Hedge.Max)}
	r.timer.Stop()
	next := r.ask(func(c *policy.Client) policy.Next { return c.Begin(&r.did, u.now()) })
	deadline := make(<-chan time.Time) // never
	if at, ok := u.policies.Deadline(&r.did); ok {
		timer := time.NewTimer(at - u.now())
		defer timer.Stop()
		deadline = timer.C
	}
	for r.do(next) {
		next = r.await(deadline)
	}
	giveUp()
	r.abandon()
	x.class, x.retried, x.hedged, x.rejected = next.Class, r.did.Retried, r.did.Hedged, next.Rejected
	if next.Rejected {
		x.last.err = errNotSent
	}
}

// ask lets the user's policies decide; its workers share them.
func (r *request) ask(f func(*policy.Client) policy.Next) policy.Next {
	r.user.mu.Lock()
	defer r.user.mu.Unlock()
	return f(r.user.policies)
}

// do takes a step, and says whether there is more to come.
func (r *request) do(next policy.Next) bool {
	switch next.Do {
	case policy.Send:
		r.send(next)
	case policy.Pause:
		r.pausing = true
		r.timer.Reset(next.After)
	case policy.Wait:
	case policy.Over:
		return false
	}
	return true
}

// send begins an attempt and sets the timer of the hedge that may follow.
func (r *request) send(next policy.Next) {
	lane := r.user.lanes.take(r.http.URL.Host)
	again := r.http.Clone(r.ctx)
	if r.http.GetBody != nil {
		again.Body, _ = r.http.GetBody() // Vegeta's bodies are in memory: that does not fail
	}
	r.running.Go(func() {
		a := r.user.attempt(r.ctx, lane, again, r.x.target)
		a.lane = lane
		r.ended <- a
	})
	if next.Hedge {
		r.timer.Reset(next.After)
	}
}

// await returns the next step, once something has happened.
func (r *request) await(deadline <-chan time.Time) policy.Next {
	now := r.user.now
	select {
	case a := <-r.ended:
		return r.take(a)
	case <-r.timer.C:
		if r.pausing {
			r.pausing = false
			return r.ask(func(c *policy.Client) policy.Next { return c.Retry(&r.did, now()) })
		}
		return r.ask(func(c *policy.Client) policy.Next { return c.Hedge(&r.did) })
	case <-deadline:
		next := r.ask(func(c *policy.Client) policy.Next { return c.Expired(&r.did, now()) })
		if next.Class == tally.Timeout {
			r.x.last = attempt{err: context.DeadlineExceeded}
		}
		return next
	case <-r.ctx.Done(): // the attack is given up
		return r.ask(func(c *policy.Client) policy.Next { return c.GiveUp(Classify(r.ctx.Err())) })
	}
}

// take hands an attempt's end to the policies. A connection whose answer is
// retried is not kept, so that the retry goes out on another.
func (r *request) take(a attempt) policy.Next {
	r.x.take(a)
	if r.ctx.Err() != nil {
		r.user.lanes.put(a.lane, false)
		return r.ask(func(c *policy.Client) policy.Next { return c.GiveUp(a.class) })
	}
	r.user.lanes.put(a.lane, a.err == nil && !r.user.policies.Retries(a.class))
	return r.ask(func(c *policy.Client) policy.Next {
		return c.Ended(&r.did, r.user.now(), a.class, a.took, rand.Float64)
	})
}

// abandon waits for the attempts that were given up, and closes their
// connections.
func (r *request) abandon() {
	r.timer.Stop()
	r.running.Wait()
	close(r.ended)
	for a := range r.ended {
		r.x.attempts += a.connections
		r.user.lanes.put(a.lane, false)
	}
}
