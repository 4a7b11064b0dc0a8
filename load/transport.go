package load

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
)

// newTransport is one user's connections. No proxy, no HTTP/2, nothing that
// closes an idle connection but the server.
func newTransport(c seatrial.Connections) *http.Transport {
	t := &http.Transport{
		DialContext:         dialWith(new(net.Resolver)),
		TLSHandshakeTimeout: 10 * time.Second, // as http.DefaultTransport
		DisableCompression:  true,
	}
	if c == seatrial.PerRequest {
		t.DisableKeepAlives = true
		return t
	}
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = int(c), int(c)
	return t
}

// lanes are the connections of a user with policies, each in a transport of its
// own: net/http lets nobody choose a connection, and would send a retry on the
// one that just failed. Their number is that of idle connections, as many as
// the user may keep; hedges and retries open further ones.
type lanes struct {
	connections seatrial.Connections

	mu   sync.Mutex
	idle []*http.Transport // the last used last
}

// take is the connection that was used last, or a new one. Its resolver is its
// own, too, so that a hedge does not wait for the same query.
func (l *lanes) take() *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.idle) - 1; last >= 0 {
		t := l.idle[last]
		l.idle = l.idle[:last]
		return t
	}
	return newTransport(min(l.connections, 1)) // PerRequest stays that
}

// put keeps a connection for later requests where there is room, else closes
// it.
func (l *lanes) put(t *http.Transport, keep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if keep && len(l.idle) < int(l.connections) {
		l.idle = append(l.idle, t)
		return
	}
	t.CloseIdleConnections()
}

// close closes all; nothing may be under way.
func (l *lanes) close() {
	for _, t := range l.idle {
		t.CloseIdleConnections()
	}
}

// asker is the key under which a request's own context hides in the context
// that net/http dials with.
type asker struct{}

// dialWith dials with the user's own resolver: one resolver merges concurrent
// lookups of a name, and users who have nothing to do with each other would
// share the fate of one query.
func dialWith(r *net.Resolver) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(timed(ctx), &net.Dialer{Resolver: r}, network, address)
	}
}

// dial opens a connection and gives up with the request that asked for it.
// net/http would go on dialling for later requests, and because the user has
// no second connection these would wait for an address that does not answer
// instead of trying another.
func dial(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	if request, ok := ctx.Value(asker{}).(context.Context); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(request, cancel)()
	}
	return d.DialContext(ctx, network, address)
}
