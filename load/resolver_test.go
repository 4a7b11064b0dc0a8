package load

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
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
		dial := dialWith(resolver())
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
