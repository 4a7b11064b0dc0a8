package app

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// handler answers requests as its config says.
type handler struct {
	Config
	pod, node string
	ready     time.Time // from when on /readyz says yes
	draining  atomic.Bool
	upstream  *http.Client
	slots     chan struct{} // one for each request that is served; nil without limit

	mu     sync.Mutex
	random *rand.Rand
}

func newHandler(c Config, listening time.Time) *handler {
	h := &handler{
		Config:   c,
		node:     os.Getenv("NODE_NAME"),
		ready:    listening.Add(c.ReadyDelay),
		upstream: &http.Client{Timeout: c.UpstreamTimeout},
	}
	// Without a name the header is empty, and the load generator reads that as
	// "unknown".
	h.pod, _ = os.Hostname()
	if c.Concurrency > 0 {
		h.slots = make(chan struct{}, c.Concurrency)
	}
	// Replicas share their flags, and so the seed; the name makes them differ.
	stream := fnv.New64a()
	io.WriteString(stream, h.pod)
	h.random = rand.New(rand.NewPCG(c.Seed, stream.Sum64()))
	return h
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Served-By", h.pod)
	if h.node != "" {
		header.Set("X-Served-On", h.node)
	}
	if h.draining.Load() {
		header.Set("Connection", "close")
	}
	switch r.URL.Path {
	case "/livez":
	case "/readyz":
		if h.draining.Load() || time.Now().Before(h.ready) || h.touch() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	default:
		h.work(w, r)
	}
}

// work touches its data, asks the upstream, takes the service time, and
// answers. It gives up without an answer when the client does.
func (h *handler) work(w http.ResponseWriter, r *http.Request) {
	ctx, began := r.Context(), time.Now()
	if !h.acquire(ctx) {
		return
	}
	defer h.release()
	if err := h.touch(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := h.ask(ctx); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if pause[struct{}](ctx, nil, h.draw()) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// What fails here is the connection; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(answer{Pod: h.pod, Node: h.node, Path: r.URL.Path, Seconds: time.Since(began).Seconds()})
}

// answer is the body of a response.
type answer struct {
	Pod     string  `json:"pod"`
	Node    string  `json:"node,omitempty"`
	Path    string  `json:"path"`
	Seconds float64 `json:"seconds"` // from the request's arrival to the answer
}

// acquire waits for its turn. The runtime queues senders on a channel in order
// of arrival.
func (h *handler) acquire(ctx context.Context) bool {
	if h.slots == nil {
		return true
	}
	select {
	case h.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (h *handler) release() {
	if h.slots != nil {
		<-h.slots
	}
}

// ask calls the upstream, where there is one.
func (h *handler) ask(ctx context.Context) error {
	if h.Upstream == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Upstream, nil)
	if err != nil {
		return fmt.Errorf("asking the upstream: %w", err)
	}
	resp, err := h.upstream.Do(req)
	if err != nil {
		return fmt.Errorf("asking the upstream: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("reading the upstream's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the upstream answered %s", resp.Status)
	}
	return nil
}

func (h *handler) draw() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ServiceTime.Sample(h.random)
}
