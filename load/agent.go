package load

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
)

// PollFor is how long an agent answers one request for records. The client
// then asks again, which acknowledges what it has.
const PollFor = 10 * time.Second

// Agent sends one attack on behalf of a client elsewhere, and keeps what it
// counted until the client has it: the way between them may be away for a
// while. Make it with [NewAgent].
type Agent struct {
	token string
	log   *recordLog
	begun chan struct{} // closed at the start
	now   func() time.Time

	mu     sync.Mutex
	engine *Engine // nil until prepared
	start  int64   // Unix nanoseconds; zero until started
}

// NewAgent is an agent without an order. It takes requests that carry the token
// in [seatrial.AgentTokenHeader] only; an empty one, from everybody.
func NewAgent(token string) *Agent {
	return &Agent{token: token, log: newRecordLog(), begun: make(chan struct{}), now: time.Now}
}

// Serve answers on the listener until ctx ends, or until the agent's attack is
// over and its client has acknowledged every record. Either is a nil error.
func (a *Agent) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	attacked := make(chan error, 1)
	go func() { attacked <- a.attack(ctx) }()

	select {
	case err := <-served:
		cancel()
		return errors.Join(fmt.Errorf("serving the agent's API: %w", err), <-attacked)
	case err := <-attacked:
		// The answer that ended the waiting is still on its way.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, server.Shutdown(closing))
		<-served
		return err
	}
}

// attack waits for its start, runs the engine, and returns when every record
// is acknowledged or ctx ends.
func (a *Agent) attack(ctx context.Context) error {
	select {
	case <-a.begun:
	case <-ctx.Done():
		return nil
	}
	report, err := a.engine.Run(ctx, a.startTime())
	if err != nil {
		return nil // told to end; nobody will come for the rest
	}
	line, err := encodeRecord(record{Report: &report})
	if err != nil {
		return err
	}
	a.log.append(line)
	a.log.close()
	select {
	case <-a.log.done:
	case <-ctx.Done():
	}
	return nil
}

// startTime carries the agreed time over to the monotonic clock.
func (a *Agent) startTime() time.Time {
	now := a.now()
	return now.Add(time.Duration(a.start - now.UnixNano()))
}

// keep writes an interval to the log.
func (a *Agent) keep(i seatrial.Interval) {
	line, err := encodeInterval(i)
	if err != nil {
		panic(err) // every value of an Interval has a JSON form
	}
	a.log.append(line)
}

// Handler is the agent's API, as described in wire.go. [Agent.Serve] must run
// for an attack to happen.
func (a *Agent) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clock", a.serveClock)
	mux.HandleFunc("POST /prepare", a.servePrepare)
	mux.HandleFunc("POST /start", a.serveStart)
	mux.HandleFunc("POST /stop", a.serveStop)
	mux.HandleFunc("GET /records", a.serveRecords)
	all := http.NewServeMux()
	all.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {}) // of the kubelet, which has no token
	all.Handle("/", a.guarded(mux))
	return all
}

// guarded refuses requests without the token, in a time that does not tell how
// much of one was right.
func (a *Agent) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := r.Header.Get(seatrial.AgentTokenHeader)
		if a.token != "" && subtle.ConstantTimeCompare([]byte(got), []byte(a.token)) != 1 {
			refuse(w, http.StatusForbidden, errors.New("this agent takes orders from the run that started it alone"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *Agent) serveClock(w http.ResponseWriter, _ *http.Request) {
	received := a.now().UnixNano()
	answer(w, http.StatusOK, Reading{Received: received, Sent: a.now().UnixNano()})
}

func (a *Agent) servePrepare(w http.ResponseWriter, r *http.Request) {
	var order Order
	if err := read(w, r, &order); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("reading the order: %w", err))
		return
	}
	engine, err := NewEngine(order.Loads, order.Index, order.Of, a.keep)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.start != 0 {
		refuse(w, http.StatusConflict, errors.New("this agent's one attack has begun: start another agent"))
		return
	}
	a.engine = engine
	answer(w, http.StatusOK, struct{}{})
}

// serveStart may be asked twice for the same start: the first answer may have
// been lost.
func (a *Agent) serveStart(w http.ResponseWriter, r *http.Request) {
	var start Start
	if err := read(w, r, &start); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("reading the start: %w", err))
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	behind := time.Duration(a.now().UnixNano() - start.At)
	switch {
	case a.engine == nil:
		refuse(w, http.StatusConflict, errors.New("this agent was given nothing to send"))
	case a.start == start.At:
		answer(w, http.StatusOK, struct{}{})
	case a.start != 0:
		refuse(w, http.StatusConflict, errors.New("this agent's attack has another start"))
	case behind > 0:
		refuse(w, http.StatusConflict, fmt.Errorf("the start was %v ago", behind.Round(time.Millisecond)))
	default:
		a.start = start.At
		close(a.begun)
		answer(w, http.StatusOK, struct{}{})
	}
}

func (a *Agent) serveStop(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.start == 0 {
		refuse(w, http.StatusConflict, errors.New("this agent's attack has not begun"))
		return
	}
	a.engine.Stop()
	answer(w, http.StatusOK, struct{}{})
}

// read decodes a request's body, up to 16 MiB: a recorded rate has up to 10,000
// points.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	return json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20)).Decode(into)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// What fails here is the connection, and the client sees that itself.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, refusal{Error: err.Error()})
}
