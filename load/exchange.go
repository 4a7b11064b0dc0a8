package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
)

// ServedBy is the response header in which a workload names the pod that
// answers; the sample application does.
const ServedBy = "X-Served-By"

// seqHeader is how Vegeta tells its requests apart. It is not sent.
const seqHeader = "X-Vegeta-Seq"

// exchange is what is known of one request beside Vegeta's result. One worker
// after the other has it, never two at once.
type exchange struct {
	free     time.Time // when the worker that took it became idle; zero for its first
	attempts int64     // connections asked for: one for each time it was tried
	fresh    bool      // the connection had carried nothing before
	status   int       // 0 without an answer
	pod      string
	failure  string // class of the error; empty when it was answered in full
}

// class is empty for a success, which is any answer below 400.
func (x *exchange) class() string {
	switch {
	case x.failure != "":
		return x.failure
	case x.status < 200 || x.status >= 400:
		return fmt.Sprintf("http-%d", x.status)
	}
	return ""
}

// RoundTrip sends one request of this user within its client's timeout and
// notes what Vegeta does not tell: typed errors, attempts, connection and pod.
func (u *user) RoundTrip(req *http.Request) (*http.Response, error) {
	x, err := u.begin(req)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(u.ctx, u.stream.load.Client.Timeout)
	done := func() {
		cancel()
		u.free <- time.Now()
	}
	resp, err := u.send(req.WithContext(x.traced(ctx)))
	if err != nil {
		x.fail(ctx, err)
		done()
		return nil, err
	}
	x.status, x.pod = resp.StatusCode, resp.Header.Get(ServedBy)
	resp.Body = &body{ReadCloser: resp.Body, fail: func(err error) { x.fail(ctx, err) }, done: done}
	return resp, nil
}

// send is the place for what a client does beyond one plain request: retries,
// hedging and breakers wrap this call, inside the request's timeout, and count
// their tries by its trace.
func (u *user) send(req *http.Request) (*http.Response, error) {
	return u.transport.RoundTrip(req)
}

// begin notes that a worker took Vegeta's next request. The request is
// Vegeta's and made for this one call, so its header may be changed.
func (u *user) begin(req *http.Request) (*exchange, error) {
	seq, err := strconv.ParseUint(req.Header.Get(seqHeader), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("telling Vegeta's requests apart: %w", err)
	}
	req.Header.Del(seqHeader)
	x := &exchange{free: <-u.free}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.inFlight[seq] = x
	return x, nil
}

// traced counts attempts: net/http itself resends a request when a kept-alive
// connection turns out to be dead, and asks for a connection each time.
func (x *exchange) traced(ctx context.Context) context.Context {
	asking := context.WithValue(ctx, asker{}, ctx)
	return httptrace.WithClientTrace(asking, &httptrace.ClientTrace{
		GetConn: func(string) { x.attempts++ },
		GotConn: func(info httptrace.GotConnInfo) { x.fresh = !info.Reused },
	})
}

// fail notes the class of the error that ended the exchange. Whatever the
// error is: when the timeout has passed, that was the reason.
func (x *exchange) fail(ctx context.Context, err error) {
	if ctx.Err() == context.DeadlineExceeded {
		err = ctx.Err()
	}
	x.failure = Classify(err)
}

// body notes the error that ends reading, and that the exchange is over when
// Vegeta closes it, as it always does.
type body struct {
	io.ReadCloser
	fail func(error)
	done func()
}

// Read notes an error other than the regular end.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.fail(err)
	}
	return n, err
}

// Close ends the exchange.
func (b *body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

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

// asker is the key under which a request's own context hides in the context
// that net/http dials with.
type asker struct{}

// dialWith dials with the user's own resolver: one resolver merges concurrent
// lookups of a name, and users who have nothing to do with each other would
// share the fate of one query.
func dialWith(r *net.Resolver) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, &net.Dialer{Resolver: r}, network, address)
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
