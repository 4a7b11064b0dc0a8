package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/load/tally"
)

// ServedBy is the response header in which a workload names the pod that
// answers; the sample application does.
const ServedBy = "X-Served-By"

// seqHeader is how Vegeta tells its requests apart. It is not sent.
const seqHeader = "X-Vegeta-Seq"

// exchange is what is known of one request beside Vegeta's result. One worker
// after the other has it, never two at once.
type exchange struct {
	number   int64 // of the load's requests
	target   *target
	free     time.Time // when the worker that took it became idle; zero for its first
	attempts int64     // connections asked for, over all attempts
	retried  int64     // attempts that a retry began
	hedged   int64     // attempts that were hedges
	rejected bool      // the client did not send it
	unsent   bool      // it was still at the gate when the sending ended
	sent     time.Time // when the gate had let it through; zero for a load without one
	pass     plan.Pass // of the gate
	class    string    // of the failure; empty for a success
	last     attempt   // the one that decided
	lookups  lookups   // over all attempts
}

// attempt is one request on one connection, until its answer is read in full.
type attempt struct {
	connections int64          // asked for: net/http itself resends a request when a kept-alive connection turns out to be dead
	fresh       bool           // the connection had carried nothing before
	response    *http.Response // nil without an answer in full
	pod         string
	err         error
	class       string        // of the failure; empty for a success
	took        time.Duration // from the sending
	lane        *lane         // of a user with policies
}

// RoundTrip sends one request of this user, as its client would, and notes what
// Vegeta does not tell: typed errors, attempts, connection and pod.
func (u *user) RoundTrip(req *http.Request) (*http.Response, error) {
	x, err := u.begin(req)
	if err != nil {
		return nil, err
	}
	defer func() { u.free <- time.Now() }()
	if req, err = u.aim(x, req); err != nil {
		return nil, err
	}
	if !u.pass(x) {
		x.unsent = true
		return nil, errNotSent
	}
	defer u.leave()
	if u.policies == nil {
		u.once(x, req)
	} else {
		u.insist(x, req)
	}
	return x.last.response, x.last.err
}

// once sends a request without policies.
func (u *user) once(x *exchange, req *http.Request) {
	ctx := x.lookups.within(u.ctx)
	if u.lanes == nil {
		x.take(u.attempt(ctx, u.transport, req, x.target))
	} else {
		lane := u.lanes.take(req.URL.Host)
		x.take(u.attempt(ctx, lane, req, x.target))
		u.lanes.put(lane, x.last.err == nil)
	}
	x.class = x.last.class
}

// aim makes the request that x is dealt, unless it is Vegeta's own.
func (u *user) aim(x *exchange, req *http.Request) (*http.Request, error) {
	k := u.stream.deal.Target(x.number)
	x.target = u.stream.targets[k]
	if k == 0 {
		return req, nil
	}
	other, err := x.target.sent.Request()
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	return other.WithContext(req.Context()), nil
}

// take counts an attempt, and makes it the one that decides.
func (x *exchange) take(a attempt) {
	x.attempts += a.connections
	x.last = a
}

// begin notes that a worker took Vegeta's next request. The request is
// Vegeta's and made for this one call, so its header may be changed.
func (u *user) begin(req *http.Request) (*exchange, error) {
	seq, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("telling Vegeta's requests apart: %w", err)
	}
	req.Header.Del(seqHeader)
	x := &exchange{number: u.stream.plan.Nth(u.id, int64(seq)), free: <-u.free}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.inFlight[seq] = x
	return x, nil
}

// attempt sends a request within the timeout of one attempt, and throws the
// answer's body away.
func (u *user) attempt(ctx context.Context, transport http.RoundTripper, req *http.Request, t *target) attempt {
	ctx, cancel := context.WithTimeout(ctx, u.stream.load.Client.Timeout)
	defer cancel()
	var a attempt
	began := time.Now()
	resp, err := transport.RoundTrip(req.WithContext(a.traced(ctx)))
	if err == nil {
		a.class, err = t.finish(resp)
	}
	a.took, a.err = time.Since(began), err
	if err != nil {
		a.class = broken(ctx, err)
	} else {
		resp.Body = http.NoBody
		a.response, a.pod = resp, resp.Header.Get(ServedBy)
	}
	return a
}

// traced counts the connections that net/http asks for.
func (a *attempt) traced(ctx context.Context) context.Context {
	asking := context.WithValue(ctx, asker{}, ctx)
	return httptrace.WithClientTrace(asking, &httptrace.ClientTrace{
		GetConn: func(string) { a.connections++ },
		GotConn: func(info httptrace.GotConnInfo) { a.fresh = !info.Reused },
	})
}

// broken says why an attempt had no answer. Whatever the error is: when the
// timeout has passed, that was the reason.
func broken(ctx context.Context, err error) string {
	if ctx.Err() == context.DeadlineExceeded {
		return tally.Timeout
	}
	return Classify(err)
}
