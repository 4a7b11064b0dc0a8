package load

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// Two users look a name up at once: the query of one is not the other's.
func TestUsersDoNotShareTheFateOfALookup(t *testing.T) {
	both, ask := make(chan struct{}), errors.New("no DNS server here")
	var asking atomic.Int32
	resolver := func() *net.Resolver {
		var first sync.Once
		return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			first.Do(func() {
				if asking.Add(1) == 2 {
					close(both)
				}
			})
			select {
			case <-both:
			case <-ctx.Done():
			}
			return nil, ask
		}}
	}
	var users sync.WaitGroup
	for range 2 {
		dial := withResolver(resolver())
		users.Go(func() {
			if _, err := dial(t.Context(), "tcp", "shop.invalid.:80"); err == nil {
				t.Error("a name without a server was found")
			}
		})
	}
	users.Wait()
	if asking.Load() != 2 {
		t.Errorf("%d of 2 users asked", asking.Load())
	}
}

func withResolver(r *net.Resolver) func(context.Context, string, string) (net.Conn, error) {
	d := newDialer(seatrial.Connection{}, nil)
	d.Resolver = r
	return d.dial
}

// failing is a resolver whose every question fails, once it may.
func failing(may <-chan struct{}) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case <-may:
		case <-ctx.Done():
		}
		return nil, errors.New("no DNS server here")
	}}
}

func TestALookupIsTimedApartFromItsRequest(t *testing.T) {
	may := make(chan struct{})
	time.AfterFunc(100*time.Millisecond, func() { close(may) })
	var l lookups
	dial := withResolver(failing(may))
	if _, err := dial(l.within(t.Context()), "tcp", "shop.invalid.:80"); err == nil {
		t.Error("a name without a server was found")
	}
	if _, err := dial(l.within(t.Context()), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("somebody listens on port 1")
	}
	all := l.take()
	if len(all) != 1 || !all[0].Failed || all[0].Took < 90*time.Millisecond {
		t.Errorf("lookups %v; want the one of the name, which failed after 100 ms, and none of an address", all)
	}
}

func TestALookupThatIsGivenUpHasFailedAfterTheTimeItTook(t *testing.T) {
	request, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var l lookups
	dialled := make(chan error, 1)
	go func() {
		_, err := withResolver(failing(nil))(l.within(request), "tcp", "shop.invalid.:80")
		dialled <- err
	}()
	<-request.Done()
	all := l.take() // whether or not the resolver has heard of it
	if len(all) != 1 || !all[0].Failed || all[0].Took < 90*time.Millisecond || all[0].Took > 5*time.Second {
		t.Errorf("lookups %v; want one that failed after 100 ms", all)
	}
	if err := <-dialled; err == nil {
		t.Error("a name without a server was found")
	}
	if again := l.take(); len(again) != 1 || again[0] != all[0] {
		t.Errorf("lookups %v, and %v once the resolver had heard", all, again)
	}
}
