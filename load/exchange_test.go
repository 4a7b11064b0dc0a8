package load_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/tally"
)

// listen hands each connection, after its first request was read, to answer.
func listen(t *testing.T, answer func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				answer(conn.(*net.TCPConn))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func TestErrorsAreToldApart(t *testing.T) {
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(sick.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for class, target := range map[string]string{
		tally.Refused: gone.URL,
		tally.Reset:   listen(t, func(c *net.TCPConn) { c.SetLinger(0) }),
		tally.EOF:     listen(t, func(*net.TCPConn) {}),
		tally.Timeout: hang(t),
		tally.TLS:     strings.Replace(sick.URL, "http:", "https:", 1),
		"http-503":    sick.URL,
	} {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			p := planFor(target, 20, 5, 250*time.Millisecond)
			if class == tally.Timeout {
				p.Client.Timeout = 200 * time.Millisecond
			}
			total := sum(attack(t, p))
			if total.Sent != 5 || total.Errors[class] != 5 || total.Attempts != 5 {
				t.Errorf("sent %d, errors %v, attempts %d, want 5 of class %s", total.Sent, total.Errors, total.Attempts, class)
			}
		})
	}
}

func TestErrorsInTheBodyCount(t *testing.T) {
	half := func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") }
	for class, target := range map[string]string{
		tally.EOF:     listen(t, half),
		tally.Timeout: listen(t, func(c *net.TCPConn) { half(c); io.Copy(io.Discard, c) }),
	} {
		p := planFor(target, 10, 1, 50*time.Millisecond)
		p.Client.Timeout = 200 * time.Millisecond
		if total := sum(attack(t, p)); total.Failed != 1 || total.Errors[class] != 1 {
			t.Errorf("failed %d, errors %v, want class %s", total.Failed, total.Errors, class)
		}
	}
}

func TestClassifyKnowsErrorsByTheirType(t *testing.T) {
	for want, err := range map[string]error{
		tally.DNS:         &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsTimeout: true}},
		tally.Unreachable: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
		tally.Reset:       fmt.Errorf("write: %w", syscall.EPIPE),
		tally.Timeout:     &net.OpError{Op: "read", Err: syscall.ETIMEDOUT},
		tally.Other:       fmt.Errorf("connection refused, it says"),
	} {
		if got := load.Classify(err); got != want {
			t.Errorf("%v: class %s, want %s", err, got, want)
		}
	}
	if got := load.Classify(context.DeadlineExceeded); got != tally.Timeout {
		t.Errorf("a passed deadline is %s", got)
	}
}

func TestARedirectIsAnAnswer(t *testing.T) {
	var followed atomic.Int64
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/new" {
			followed.Add(1)
		}
		http.Redirect(w, r, "/new", http.StatusFound)
	}))
	defer shop.Close()
	if total := sum(attack(t, planFor(shop.URL, 50, 5, 100*time.Millisecond))); total.Succeeded != 5 || followed.Load() != 0 {
		t.Errorf("succeeded %d, followed %d, want 5 and 0", total.Succeeded, followed.Load())
	}
}

func TestTheRequestIsAsTheScenarioSays(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.Host != "shop.example" || r.Header.Get("X-Team") != "blue" || string(body) != "hello" ||
			r.Header.Get("X-Vegeta-Seq") != "" || r.Header.Get("X-Vegeta-Attack") != "" {
			t.Errorf("got %s %s %v %q", r.Method, r.Host, r.Header, body)
		}
	}))
	defer shop.Close()
	p := planFor(shop.URL, 50, 2, 40*time.Millisecond)
	p.Method, p.Body, p.Headers = "POST", "hello", map[string]string{"X-Team": "blue", "host": "shop.example"}
	if total := sum(attack(t, p)); total.Succeeded != 2 {
		t.Errorf("succeeded %d, errors %v", total.Succeeded, total.Errors)
	}
}

func TestConnectionsAreAsTheLoadSays(t *testing.T) {
	for _, connections := range []seatrial.Connections{1, seatrial.PerRequest} {
		var opened atomic.Int64
		shop := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		shop.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
		shop.Start()
		p := planFor(shop.URL, 100, 4, 400*time.Millisecond)
		p.Connections = connections
		total := sum(attack(t, p))
		want := int64(4)
		if connections == seatrial.PerRequest {
			want = total.Sent
		}
		if total.Sent < 20 || total.Failed != 0 || opened.Load() != want {
			t.Errorf("connections %d: %d opened for %d requests of 4 users, %d failed, want %d", connections, opened.Load(), total.Sent, total.Failed, want)
		}
		shop.Close()
	}
}

// connKey finds how many requests came on a connection, in the request's context.
type connKey struct{}

// forgetful serves two requests a connection and hangs up on the second, as a
// server does whose idle timeout passes just then.
func forgetful(t *testing.T, pod func() string) string {
	t.Helper()
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(connKey{}).(*atomic.Int64).Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set(load.ServedBy, pod())
	}))
	shop.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, new(atomic.Int64))
	}
	shop.Start()
	t.Cleanup(shop.Close)
	return shop.URL
}

func TestRequestsThatGoResendsAreAttempts(t *testing.T) {
	total := sum(attack(t, planFor(forgetful(t, func() string { return "a" }), 40, 2, 250*time.Millisecond)))
	// Of each user's five requests, all but the first are sent twice.
	if total.Succeeded != 10 || total.Attempts != 18 {
		t.Errorf("succeeded %d with %d attempts, want 10 with 18", total.Succeeded, total.Attempts)
	}
}

func TestUsersAreAttachedWhereTheirConnectionLeads(t *testing.T) {
	var n atomic.Int64
	target := forgetful(t, func() string { return fmt.Sprint("pod-", n.Add(1)) })
	intervals := attack(t, planFor(target, 10, 1, 450*time.Millisecond))
	total := sum(intervals)
	if total.Attached[0] != "pod-5" || total.Pods["pod-1"] != 1 || len(total.Pods) != 5 {
		t.Errorf("attached %v after answers of %v", total.Attached, total.Pods)
	}
	p := planFor(target, 10, 1, 250*time.Millisecond)
	p.Connections = seatrial.PerRequest
	if total := sum(attack(t, p)); len(total.Attached) != 0 || total.Succeeded != 3 {
		t.Errorf("a connection for one request attached its user: %v", total.Attached)
	}
}

func TestEveryConnectionToANameIsOneLookup(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer shop.Close()
	name := strings.Replace(shop.URL, "127.0.0.1", "localhost", 1)
	for what, c := range map[string]struct {
		target      string
		connections seatrial.Connections
		fits        func(lookups, sent int64) bool
	}{
		"kept alive":    {name, 1, func(lookups, _ int64) bool { return lookups > 0 && lookups <= 4 }},
		"one a request": {name, seatrial.PerRequest, func(lookups, sent int64) bool { return lookups > 0 && lookups == sent }},
		"an address":    {shop.URL, seatrial.PerRequest, func(lookups, sent int64) bool { return lookups == 0 && sent > 0 }},
	} {
		p := planFor(c.target, 100, 4, 200*time.Millisecond)
		p.Connections = c.connections
		var lookups, failed, sent int64
		for _, i := range attack(t, p) {
			lookups += journal.Count(i.Lookups)
			failed += i.LookupsFailed
			sent += i.Sent
		}
		if !c.fits(lookups, sent) || failed != 0 {
			t.Errorf("%s: %d lookups for %d requests of 4 users, %d failed", what, lookups, sent, failed)
		}
	}
}
