package load

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
)

// names are the addresses that a user remembers. A lookup that failed is not.
type names struct {
	keep seatrial.CacheTime
	now  func() time.Duration // since the attack's start

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	addresses []string
	learnt    time.Duration
}

// newNames is the memory of a user; nil for one that has none.
func newNames(d seatrial.DNS, now func() time.Duration) *names {
	if d.Cache == 0 {
		return nil
	}
	return &names{keep: d.Cache, now: now, known: map[string]known{}}
}

// of is a name's addresses, from the resolver where they are not known.
func (n *names) of(ctx context.Context, r *net.Resolver, host string) ([]string, error) {
	n.mu.Lock()
	k, ok := n.known[host]
	n.mu.Unlock()
	if ok && !n.keep.Over(k.learnt, n.now(), 0) {
		return k.addresses, nil
	}
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	k = known{learnt: n.now()}
	for _, a := range found {
		k.addresses = append(k.addresses, a.Unmap().String())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[host] = k
	return k.addresses, nil
}
