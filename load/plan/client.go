package plan

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// DefaultOpen is how long a breaker stays open that does not say.
const DefaultOpen = 10 * time.Second

// What a client retries that does not say. A method that must not be repeated
// is sent again only where the server cannot have seen it.
var (
	repeatable = []seatrial.Failure{seatrial.OnError, seatrial.OnTimeout, "502", "503", "504"}
	unseen     = []seatrial.Failure{seatrial.OnConnect}
)

// idempotent are the methods that may be sent twice (RFC 9110, 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete}

// fillClient sets what a client leaves open, of the policies that it has.
func fillClient(c seatrial.Client, repeats bool) seatrial.Client {
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	if r := &c.Retries; r.Max > 0 {
		r.Backoff.Max = cmp.Or(r.Backoff.Max, 10*r.Backoff.Initial)
		switch {
		case len(r.On) > 0:
		case repeats:
			r.On = slices.Clone(repeatable)
		default:
			r.On = slices.Clone(unseen)
		}
	}
	if c.Hedge.After != (seatrial.HedgeAfter{}) {
		c.Hedge.Max = cmp.Or(c.Hedge.Max, 1)
	}
	if b := &c.Breaker; b.Failures > 0 {
		b.Of = cmp.Or(b.Of, b.Failures)
		b.Open = cmp.Or(b.Open, DefaultOpen)
	}
	return c
}

// Problem is what is wrong with one field of a client.
type Problem struct {
	Field []string // below the load, as in "client", "retries", "max"
	Text  string
	Hint  string // what to do about it; may be empty
}

// Error implements error.
func (p Problem) Error() string {
	text := "its " + strings.Join(p.Field, ".") + " " + p.Text
	if p.Hint != "" {
		text += ": " + p.Hint
	}
	return text
}

// The most that a client may do: beyond it a number is a slip of the pen.
const (
	mostRetries = 20
	mostHedges  = 10
	mostWindow  = 1000
)

// CheckClient lists what is impossible, or has no effect, in the client of a
// filled load.
func CheckClient(l seatrial.Load) []Problem {
	c := l.Client
	k := &checker{}
	k.unless(c.Timeout > 0, "timeout", "%v is not above 0", c.Timeout)
	k.hint("a deadline is for the request in all, timeout for each attempt").
		unless(c.Deadline == 0 || c.Deadline >= c.Timeout, "deadline", "%v is shorter than the timeout of one attempt (%v)", c.Deadline, c.Timeout)
	k.retries(c)
	k.hedge(c)
	k.breaker(c.Breaker)
	k.limit(l)
	return k.problems
}

// checker collects problems.
type checker struct {
	problems []Problem
	say      string // hint of the next one
}

// hint is for the next unless.
func (k *checker) hint(text string) *checker {
	k.say = text
	return k
}

func (k *checker) unless(ok bool, field, format string, args ...any) {
	hint := k.say
	k.say = ""
	if !ok {
		k.problems = append(k.problems, Problem{Field: append([]string{"client"}, strings.Split(field, ".")...),
			Text: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (k *checker) retries(c seatrial.Client) {
	r := c.Retries
	b := r.Backoff
	asked := len(r.On) > 0 || b != (seatrial.Backoff{}) || r.Budget > 0
	k.hint("such as retries: {max: 2}").unless(r.Max > 0 || !asked, "retries.max", "is required")
	k.unless(r.Max >= 0 && r.Max <= mostRetries, "retries.max", "%d is not between 0 and %d", r.Max, mostRetries)
	k.hint("the first pause is initial, later ones grow up to max").
		unless(b.Max >= b.Initial && b.Initial >= 0, "retries.backoff.max", "%v is below initial (%v)", b.Max, b.Initial)
	k.hint("such as backoff: {initial: 100ms, jitter: 100%}").
		unless(b.Initial > 0 || b == (seatrial.Backoff{}), "retries.backoff.initial", "is required")
	k.hint("it could never retry: raise it, or shorten the timeout").
		unless(c.Deadline == 0 || r.Max == 0 || c.Deadline > b.Initial, "deadline", "%v is over before the first retry (after %v)", c.Deadline, b.Initial)
	k.hint("a deadline no longer than one attempt leaves no time for a retry after a timeout").
		unless(c.Deadline == 0 || r.Max == 0 || !slices.Contains(r.On, seatrial.OnTimeout) || c.Deadline > c.Timeout,
			"deadline", "%v is over when the first attempt times out (%v)", c.Deadline, c.Timeout)
}

func (k *checker) hedge(c seatrial.Client) {
	h := c.Hedge
	k.hint("such as hedge: {after: 100ms} or {after: p95}").
		unless(h.After != (seatrial.HedgeAfter{}) || h.Max == 0, "hedge.after", "is required")
	k.unless(h.Max >= 0 && h.Max <= mostHedges, "hedge.max", "%d is not between 0 and %d", h.Max, mostHedges)
	k.hint("the attempt is over by then: hedge sooner, or raise the timeout").
		unless(h.After.Time < c.Timeout, "hedge.after", "%v is not below the timeout of an attempt (%v)", h.After.Time, c.Timeout)
}

func (k *checker) breaker(b seatrial.Breaker) {
	k.hint("such as breaker: {failures: 5}").
		unless(b.Failures > 0 || b == (seatrial.Breaker{}), "breaker.failures", "is required")
	k.unless(b.Failures >= 0 && b.Open >= 0, "breaker", "%+v is below zero", b)
	k.hint("so many failures never fit among so few tries").
		unless(b.Of >= b.Failures && b.Of <= mostWindow, "breaker.of", "%d is not between failures (%d) and %d", b.Of, b.Failures, mostWindow)
}

func (k *checker) limit(l seatrial.Load) {
	workers := max(1, int(l.Connections))
	k.hint("a user sends one request at a time on each of its connections: give it more, as in connections: 20").
		unless(l.Client.Limit >= 0 && l.Client.Limit < workers, "limit", "%d can never be reached with %d at once", l.Client.Limit, workers)
}
