package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	rate = 1000 // requests a second, where latencies are held against the truth
	pool = 50   // requests that a tool may have under way
)

// truth is a scenario in which the server knows what an open model sees: users who
// come at fixed times, each on a connection of its own.
type truth struct {
	name     string
	words    string
	duration time.Duration
	users    int           // of seatrial: sequential clients, so many that none waits for its own last answer
	timeout  time.Duration // of one request
	// hold is how long the server holds request n that comes so long after the
	// first.
	hold func(n int, at time.Duration) time.Duration
}

// forever is how long a request is held that is never answered.
const forever = time.Duration(math.MaxInt64)

// truths are the scenarios by name.
func truths(duration time.Duration) map[string]truth {
	stalled, over := duration*4/10, duration*5/10
	return map[string]truth{
		"stall": {"stall", "the server stands still for a tenth of the time", duration, 200, 30 * time.Second,
			func(_ int, at time.Duration) time.Duration {
				if at >= stalled && at < over {
					return over - at
				}
				return 0
			}},
		"lognormal": {"lognormal", "answers take a lognormal time: median 5 ms, σ = 1", duration, 400, 30 * time.Second,
			func(n int, _ time.Duration) time.Duration {
				draw := rand.New(rand.NewPCG(1, uint64(n))).NormFloat64() // by number, so that all tools get the same
				return time.Duration(math.Exp(draw) * float64(5*time.Millisecond))
			}},
		"hang": {"hang", "one request in fifty is never answered; clients give up after 1 s", duration, 1500, time.Second,
			func(n int, _ time.Duration) time.Duration {
				if n%50 == 25 {
					return forever
				}
				return 0
			}},
	}
}

// latencies are the true ones of all requests that are due, in ascending order,
// with what the server itself was late by.
func (t truth) latencies(late []time.Duration) []time.Duration {
	all := make([]time.Duration, int(t.duration.Seconds()*rate))
	for n := range all {
		all[n] = min(t.hold(n, time.Duration(n)*time.Second/rate), t.timeout)
		if n < len(late) && all[n] < t.timeout {
			all[n] += late[n]
		}
	}
	slices.Sort(all)
	return all
}

// quantile is the nearest rank of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// server holds the requests of one run as its scenario says.
type server struct {
	truth
	url    string
	http   http.Server
	served chan error

	mu    sync.Mutex
	first time.Time
	late  []time.Duration // beyond what a request was to be held, by number
}

func serve(t truth) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{truth: t, url: "http://" + listener.Addr().String() + "/", served: make(chan error, 1)}
	s.http.Handler = s
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

func (s *server) close() error {
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	came := time.Now()
	n, at := s.arrive(came)
	hold := s.hold(n, at)
	if hold > 0 {
		timer := time.NewTimer(hold)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	s.mu.Lock()
	s.late[n] = time.Since(came) - hold
	s.mu.Unlock()
}

// arrive numbers a request; the first one begins the run.
func (s *server) arrive(now time.Time) (n int, since time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first.IsZero() {
		s.first = now
	}
	s.late = append(s.late, 0)
	return len(s.late) - 1, now.Sub(s.first)
}

// result is the truth of the run that is over.
func (s *server) result() (p95, p99 time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.latencies(s.late)
	return quantile(all, 0.95), quantile(all, 0.99)
}
