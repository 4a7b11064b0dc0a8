package load

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seatrial/seatrial"
)

// newTransport is one user's connections, as many as c says. No proxy, nothing
// that closes an idle connection but the server.
func newTransport(how seatrial.Connection, c seatrial.Connections, d *dialer) *http.Transport {
	t := &http.Transport{
		DialContext:         d.dial,
		TLSHandshakeTimeout: 10 * time.Second, // as http.DefaultTransport
		DisableCompression:  true,
	}
	if how.TLS != (seatrial.TLS{}) {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: how.TLS.Insecure, ServerName: how.TLS.ServerName}
	}
	if how.HTTP2 != nil {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP2(true)
		t.Protocols.SetUnencryptedHTTP2(true)
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: how.HTTP2.Ping, PingTimeout: how.HTTP2.PingTimeout}
	}
	if c == seatrial.PerRequest {
		t.DisableKeepAlives = true
		return t
	}
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost = int(c), int(c)
	return t
}

// lane is one connection to one host, in a transport of its own.
type lane struct {
	*http.Transport
	host string
	born atomic.Int64 // when its connection was opened, on the attack's clock
}

// lanes are the connections of a user who must be able to choose one: net/http
// lets nobody do that, and would send a retry on the one that just failed, or
// use one for as long as it lives. Their number is that of idle connections, as
// many to a host as the user may keep; hedges and retries open further ones.
type lanes struct {
	connections seatrial.Connections
	how         seatrial.Connection
	names       *names
	now         func() time.Duration // since the attack's start

	mu   sync.Mutex
	idle map[string][]*lane // by host; the last used last
}

func newLanes(l seatrial.Load, names *names, now func() time.Duration) *lanes {
	return &lanes{connections: l.Connections, how: l.Connection, names: names, now: now, idle: map[string][]*lane{}}
}

// take is the connection to a host that was used last and is not too old, or a
// new one. Its resolver is its own, too, so that a hedge does not wait for the
// same query.
func (l *lanes) take(host string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := l.idle[host]
	for len(idle) > 0 {
		last := idle[len(idle)-1]
		idle = idle[:len(idle)-1]
		l.idle[host] = idle
		if l.how.Age == 0 || l.now()-time.Duration(last.born.Load()) < l.how.Age {
			return last
		}
		last.CloseIdleConnections()
	}
	fresh := &lane{host: host}
	d := newDialer(l.how, l.names)
	d.dialled = func() { fresh.born.Store(int64(l.now())) }
	fresh.Transport = newTransport(l.how, min(l.connections, 1), d) // PerRequest stays that
	return fresh
}

// put keeps a connection for later requests where there is room, else closes
// it.
func (l *lanes) put(t *lane, keep bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if keep && len(l.idle[t.host]) < int(l.connections) {
		l.idle[t.host] = append(l.idle[t.host], t)
		return
	}
	t.CloseIdleConnections()
}

// close closes all; nothing may be under way.
func (l *lanes) close() {
	for _, idle := range l.idle {
		for _, t := range idle {
			t.CloseIdleConnections()
		}
	}
}

// dialer opens connections of one user. It has a resolver of its own: one merges
// concurrent lookups of a name, and users who have nothing to do with each other
// would share the fate of one query.
type dialer struct {
	net.Dialer
	names   *names // nil: every dial looks up
	dialled func() // told of each connection; nil for nobody
}

func newDialer(how seatrial.Connection, names *names) *dialer {
	return &dialer{Dialer: net.Dialer{Resolver: new(net.Resolver), Control: userTimeout(how.UserTimeout)}, names: names}
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dial(timed(ctx), d, network, address)
	if err == nil && d.dialled != nil {
		d.dialled()
	}
	return conn, err
}

// DialContext asks the user's own memory for the name, where that has one.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if d.names == nil || err != nil || net.ParseIP(host) != nil {
		return d.Dialer.DialContext(ctx, network, address)
	}
	addresses, err := d.names.of(ctx, d.Resolver, host)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, a := range addresses {
		if conn, err = d.Dialer.DialContext(ctx, network, net.JoinHostPort(a, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// asker is the key under which a request's own context hides in the context
// that net/http dials with.
type asker struct{}

// dial opens a connection and gives up with the request that asked for it.
// net/http would go on dialling for later requests, and because the user has
// no second connection these would wait for an address that does not answer
// instead of trying another.
func dial(ctx context.Context, d interface {
	DialContext(context.Context, string, string) (net.Conn, error)
}, network, address string) (net.Conn, error) {
	if request, ok := ctx.Value(asker{}).(context.Context); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(request, cancel)()
	}
	return d.DialContext(ctx, network, address)
}
