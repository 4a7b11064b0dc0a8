package policy

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/tally"
)

// Client is what one client knows from its requests so far. It is for one
// goroutine at a time; make it with [New].
type Client struct {
	spec    seatrial.Client
	budget  budget
	breaker breaker
	latest  latest
	under   int // requests under way
}

// New is a client with its defaults filled in (plan.Fill) that has not sent
// anything yet.
func New(c seatrial.Client) *Client {
	return &Client{spec: c, budget: budget{share: float64(c.Retries.Budget)}, breaker: newBreaker(c.Breaker)}
}

// Request is what one request has behind it. The zero Request is ready for
// [Client.Begin].
type Request struct {
	Retried int64 // attempts that a retry began
	Hedged  int64 // attempts that were hedges

	began  time.Duration
	under  int    // attempts under way
	hedges int    // of this try
	probe  bool   // this try is a breaker's
	class  string // of the last failure
}

// Next is what to do.
type Next struct {
	Do Do
	// After is how long to pause; of Send, when to ask [Client.Hedge], if Hedge
	// says so.
	After time.Duration
	Hedge bool
	Class string // of what is Over; empty for a success
	// Rejected: it is over because its client did not send it.
	Rejected bool
}

// Do is a kind of step.
type Do uint8

// What there is to do.
const (
	Send  Do = iota // an attempt, on a connection that no other attempt of it had
	Wait            // for the attempts under way
	Pause           // and then ask [Client.Retry]
	Over            // give up what is under way
)

// Begin asks for a new request: it is sent, or rejected.
func (c *Client) Begin(r *Request, now time.Duration) Next {
	*r = Request{began: now}
	if c.spec.Limit > 0 && c.under >= c.spec.Limit {
		return Next{Do: Over, Class: tally.Limit, Rejected: true}
	}
	ok, probe := c.breaker.allow(now)
	if !ok {
		return Next{Do: Over, Class: tally.Breaker, Rejected: true}
	}
	c.budget.earn()
	c.under++
	return c.try(r, probe)
}

// try is the first attempt of a try.
func (c *Client) try(r *Request, probe bool) Next {
	r.hedges, r.probe = 0, probe
	return c.send(r)
}

func (c *Client) send(r *Request) Next {
	r.under++
	after, hedge := c.hedgeAfter(r)
	return Next{Do: Send, After: after, Hedge: hedge}
}

// Deadline is when the request ends in all; false where it has none.
func (c *Client) Deadline(r *Request) (time.Duration, bool) {
	return r.began + c.spec.Deadline, c.spec.Deadline > 0
}

// hedgeAfter is how long after this attempt a hedge follows; false for never.
func (c *Client) hedgeAfter(r *Request) (time.Duration, bool) {
	if r.hedges >= c.spec.Hedge.Max {
		return 0, false
	}
	after := c.spec.Hedge.After
	if after.Percentile > 0 {
		return c.latest.percentile(after.Percentile)
	}
	return after.Time, true
}

// Hedge asks for the hedge whose time has come.
func (c *Client) Hedge(r *Request) Next {
	r.hedges++
	r.Hedged++
	return c.send(r)
}

// Ended takes the end of an attempt: the class of its failure, empty for a
// success, how long it took, and a draw from [0, 1) for the pause.
func (c *Client) Ended(r *Request, now time.Duration, class string, took time.Duration, draw func() float64) Next {
	r.under--
	if class == "" {
		if c.spec.Hedge.After.Percentile > 0 {
			c.latest.add(took)
		}
		return c.over(r, now, "")
	}
	r.class = class
	if r.under > 0 {
		return Next{Do: Wait}
	}
	c.breaker.done(now, sick(class), r.probe)
	r.probe = false
	if !c.Retries(class) || r.Retried >= int64(c.spec.Retries.Max) {
		return c.end(class)
	}
	pause := c.pause(r.Retried, draw)
	if deadline, ok := c.Deadline(r); ok && now+pause >= deadline || !c.budget.take() {
		return c.end(class)
	}
	return Next{Do: Pause, After: pause}
}

// Retry asks, after the pause, whether the retry is still to be sent.
func (c *Client) Retry(r *Request, now time.Duration) Next {
	ok, probe := c.breaker.allow(now)
	if !ok {
		return c.end(r.class)
	}
	r.Retried++
	return c.try(r, probe)
}

// Expired takes the passing of the deadline.
func (c *Client) Expired(r *Request, now time.Duration) Next {
	if r.under == 0 { // it pauses
		return c.end(r.class)
	}
	return c.over(r, now, tally.Timeout)
}

// GiveUp ends a request that nobody wants any more.
func (c *Client) GiveUp(class string) Next { return c.end(class) }

// over ends the try, and with it the request.
func (c *Client) over(r *Request, now time.Duration, class string) Next {
	c.breaker.done(now, sick(class), r.probe)
	return c.end(class)
}

func (c *Client) end(class string) Next {
	c.under--
	return Next{Do: Over, Class: class}
}

// pause is that before the n-th retry, from zero.
func (c *Client) pause(n int64, draw func() float64) time.Duration {
	b := c.spec.Retries.Backoff
	pause := min(b.Max, b.Initial<<min(n, 30))
	if b.Jitter == 0 {
		return pause
	}
	return time.Duration(float64(pause) * (1 - float64(b.Jitter)*draw()))
}

// Retries says whether a failure of the class is one that the client retries.
// It does not keep the connection that brought it.
func (c *Client) Retries(class string) bool {
	return class != "" && slices.ContainsFunc(c.spec.Retries.On, func(f seatrial.Failure) bool { return covers(f, class) })
}

// covers says whether a kind of failure includes the class.
func covers(f seatrial.Failure, class string) bool {
	switch f {
	case seatrial.OnConnect:
		return slices.Contains([]string{tally.Refused, tally.Unreachable, tally.DNS}, class)
	case seatrial.OnError:
		return class != tally.Timeout && class != tally.Check && status(class) == 0
	case seatrial.OnTimeout:
		return class == tally.Timeout
	case seatrial.On5xx:
		return status(class) >= http.StatusInternalServerError
	}
	return class == fmt.Sprintf("http-%s", f)
}

// sick says whether a class speaks against the server: the breaker counts it.
func sick(class string) bool {
	s := status(class)
	return class != "" && class != tally.Check && (s == 0 || s >= http.StatusInternalServerError)
}

// status is that of a class such as "http-503", else zero.
func status(class string) int {
	code, ok := strings.CutPrefix(class, "http-")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		return 0
	}
	return n
}
