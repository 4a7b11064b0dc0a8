package load_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load/tally"
)

// counting is a server that answers at once and counts connections and requests
// of HTTP/2.
type counting struct {
	*httptest.Server
	conns, second atomic.Int64
}

func newCounting(t *testing.T, start func(*httptest.Server)) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			c.second.Add(1)
		}
	}))
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			c.conns.Add(1)
		}
	}
	start(c.Server)
	t.Cleanup(c.Close)
	return c
}

func TestAnOldConnectionIsNotUsedAgain(t *testing.T) {
	for _, retries := range []int{0, 1} { // with a plain client, and with one that has policies
		for _, age := range []time.Duration{0, 200 * time.Millisecond} {
			shop := newCounting(t, (*httptest.Server).Start)
			p := planFor(shop.URL, 50, 2, 1200*time.Millisecond)
			p.Connection.Age, p.Client.Retries.Max = age, retries
			total := sum(attack(t, p))
			if total.Succeeded != total.Sent || total.Attempts != total.Sent {
				t.Errorf("%d of %d succeeded in %d attempts", total.Succeeded, total.Sent, total.Attempts)
			}
			// A user sends every 40 ms, and so has a new one after 200 to 240 ms.
			n := shop.conns.Load()
			if age == 0 && n > 2 || age > 0 && n > 12 || age > 0 && n < 4 && onTime(t, total) {
				t.Errorf("two users opened %d connections with an age of %v", n, age)
			}
		}
	}
}

func TestARememberedNameIsNotLookedUp(t *testing.T) {
	shop := newCounting(t, (*httptest.Server).Start)
	for _, cache := range []seatrial.CacheTime{0, seatrial.Forever} {
		p := planFor(strings.Replace(shop.URL, "127.0.0.1", "localhost", 1), 100, 4, 400*time.Millisecond)
		p.Connections, p.DNS.Cache = seatrial.PerRequest, cache
		var sent, succeeded, lookups int64
		for _, i := range attack(t, p) {
			sent += i.Sent
			succeeded += i.Succeeded
			lookups += journal.Count(i.Lookups)
		}
		if succeeded != sent || cache == 0 && lookups != sent || cache != 0 && (lookups > 4 || lookups == 0) {
			t.Errorf("cache %v: %d of %d requests of 4 users succeeded with %d lookups", cache, succeeded, sent, lookups)
		}
	}
}

func TestHTTP2IsSpokenWithTLSAndWithout(t *testing.T) {
	plain := func(s *httptest.Server) {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	secure := func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }
	for _, start := range []func(*httptest.Server){plain, secure} {
		for _, retries := range []int{0, 1} {
			shop := newCounting(t, start)
			p := planFor(shop.URL, 100, 4, 400*time.Millisecond)
			p.HTTP2, p.TLS.Insecure, p.Client.Retries.Max = &seatrial.HTTP2{Ping: time.Second}, true, retries
			total := sum(attack(t, p))
			if total.Sent == 0 || total.Succeeded != total.Sent || shop.second.Load() != total.Sent || shop.conns.Load() > 4 {
				t.Errorf("%s: %d of %d succeeded, %d by HTTP/2, over %d connections of 4 users; %v",
					shop.URL, total.Succeeded, total.Sent, shop.second.Load(), shop.conns.Load(), total.Errors)
			}
		}
	}
}

func TestACertificateIsJudgedUnlessToldNotTo(t *testing.T) {
	shop := newCounting(t, func(s *httptest.Server) {
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would complain of every handshake
		s.StartTLS()
	})
	for _, insecure := range []bool{false, true} {
		p := planFor(shop.URL, 20, 2, 200*time.Millisecond)
		p.TLS.Insecure = insecure
		total := sum(attack(t, p))
		// A handshake that takes its 10 s on a starved machine times out.
		fine := total.Errors[tally.Timeout] + total.Errors[tally.TLS]
		if insecure {
			fine = total.Errors[tally.Timeout] + total.Succeeded
		}
		if total.Sent == 0 || fine != total.Sent {
			t.Errorf("insecure %v: %d of %d succeeded, %v", insecure, total.Succeeded, total.Sent, total.Errors)
		}
	}
}
