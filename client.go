package seatrial

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Client is how a user's client behaves: how long it waits, and what it does
// about failures. Every user is a client of its own, with a budget, a breaker
// and a memory of its own; `connections: N` makes it a service that sends N
// requests at once.
//
// An attempt is one request on one connection. A try is an attempt with its
// hedges; a request is its first try with its retries.
type Client struct {
	// Timeout ends one attempt, counted from when it is sent. Zero means 30 s.
	// A client without retries has one attempt, so that it ends the request.
	Timeout time.Duration `yaml:"timeout"`
	// Deadline ends a request in all, with its retries, hedges and pauses,
	// counted from when it is first sent. Zero means that nothing but the
	// timeout of every attempt does.
	Deadline time.Duration `yaml:"deadline"`
	Retries  Retries       `yaml:"retries"`
	Hedge    Hedge         `yaml:"hedge"`
	Breaker  Breaker       `yaml:"breaker"`
	// Limit is how many requests a user has under way at once; a further one
	// fails at once, instead of waiting. Zero means as many as connections.
	Limit int `yaml:"limit"`
}

// Active says whether the client does more than send and wait.
func (c *Client) Active() bool {
	return c.Deadline > 0 || c.Retries.Max > 0 || c.Hedge.Max > 0 || c.Breaker.Failures > 0 || c.Limit > 0
}

// Longest is the most that a request takes from when it is first sent.
func (c *Client) Longest() time.Duration {
	wait := c.Timeout // before a hedge, at most: one is sent while another attempt is under way
	if c.Hedge.After.Time > 0 {
		wait = c.Hedge.After.Time
	}
	try := c.Timeout + time.Duration(c.Hedge.Max)*wait
	longest := try + time.Duration(c.Retries.Max)*(try+c.Retries.Backoff.Max)
	if c.Deadline > 0 {
		return min(c.Deadline, longest)
	}
	return longest
}

// Retries sends a failed request again, on another connection. Without Max
// there are none.
type Retries struct {
	Max int `yaml:"max"` // beside the first try
	// On lists the failures that are worth another try. Empty means error,
	// timeout, 502, 503 and 504 for a method that may be repeated (RFC 9110,
	// 9.2.2), else connect alone.
	On      []Failure `yaml:"on"`
	Backoff Backoff   `yaml:"backoff"`
	// Budget is the share of requests that may be retried: each request earns
	// that much of a token, a retry takes a whole one, and at most
	// ten are saved up. Zero means no budget: every request may be retried.
	Budget Ratio `yaml:"budget"`
}

// Backoff is the pause before a retry: Initial before the first, twice as long
// before each further one, up to Max. Zero means no pause.
type Backoff struct {
	Initial time.Duration `yaml:"initial"`
	Max     time.Duration `yaml:"max"` // zero means ten times Initial
	// Jitter is the share of each pause that chance may take away: 100% draws
	// between nothing and the whole pause. Zero means none.
	Jitter Ratio `yaml:"jitter"`
}

// Failure is a kind of failure that a client retries: an HTTP status such as
// 503, or one of the words below.
type Failure string

// The kinds of failures beside single statuses.
const (
	OnConnect Failure = "connect" // no connection came about: the server has seen nothing
	OnError   Failure = "error"   // the same, or the connection broke
	OnTimeout Failure = "timeout" // the attempt took too long
	On5xx     Failure = "5xx"     // any answer of 500 or above
)

// UnmarshalText reads one of the words, or a status of 400 or above.
func (f *Failure) UnmarshalText(text []byte) error {
	word := Failure(text)
	status, err := strconv.Atoi(string(text))
	isStatus := err == nil && status >= 400 && status <= 599
	if !isStatus && !slices.Contains([]Failure{OnConnect, OnError, OnTimeout, On5xx}, word) {
		return fmt.Errorf("%q is no failure: write connect, error, timeout, 5xx, or a status such as 503", text)
	}
	*f = word
	return nil
}

// Hedge sends a request again, on another connection, while the first is not
// answered; the first success counts, and the others are given up. A failure
// ends a try only when no other attempt of it is under way.
type Hedge struct {
	// After is the wait before each hedge. Zero means no hedges.
	After HedgeAfter `yaml:"after"`
	Max   int        `yaml:"max"` // hedges of one try; zero means 1
}

// HedgeAfter is a time, or a percentile of the user's own latest successes. In
// YAML it is "100ms" or "p95".
type HedgeAfter struct {
	Time       time.Duration
	Percentile float64 // between 0 and 1; zero where Time counts
}

// UnmarshalText reads "100ms", "p95" or "p99.9"; nothing is the zero value.
func (h *HedgeAfter) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = HedgeAfter{}
		return nil
	}
	if number, ok := strings.CutPrefix(string(text), "p"); ok {
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n >= 1 && n <= 99.9) {
			return fmt.Errorf("%q is no percentile: write p1 to p99.9", text)
		}
		*h = HedgeAfter{Percentile: n / 100}
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is neither a time nor a percentile: write such as 100ms or p95", text)
	}
	*h = HedgeAfter{Time: d}
	return nil
}

// MarshalText is the inverse of [HedgeAfter.UnmarshalText]; the zero value,
// which stands for no hedges, is empty.
func (h HedgeAfter) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// String is the form that a scenario has.
func (h HedgeAfter) String() string {
	switch {
	case h.Percentile > 0:
		return "p" + strconv.FormatFloat(h.Percentile*100, 'g', 6, 64)
	case h.Time > 0:
		return h.Time.String()
	}
	return ""
}

// Breaker stops sending while tries fail: when Failures of the last Of tries
// failed it opens, and requests fail at once; after Open a single request goes
// through, whose success closes it and whose failure opens it anew. Failures
// are errors, timeouts and answers of 500 or above. Without Failures there is
// no breaker.
type Breaker struct {
	Failures int           `yaml:"failures"`
	Of       int           `yaml:"of"`   // zero means Failures: in a row
	Open     time.Duration `yaml:"open"` // zero means 10 s
}
