package network

import (
	"time"

	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// Linux's times for what is not answered.
const (
	// firstSYN is TCP_TIMEOUT_INIT. The first [linearSYN] retransmissions come
	// at this interval, later ones double it (net.ipv4.tcp_syn_linear_timeouts,
	// Linux 6.5; tcp_timer.c: tcp_retransmit_timer).
	firstSYN  = time.Second
	linearSYN = 4
	// firstRTO is TCP_RTO_MIN: within a cluster the round trip adds nothing to
	// it. It doubles each time up to mostRTO: 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 s.
	firstRTO = 200 * time.Millisecond
	mostRTO  = 120 * time.Second
)

// synWait is the time from the n-th SYN (from zero) to the next.
func synWait(n int) time.Duration {
	if n <= linearSYN {
		return firstSYN
	}
	return min(firstSYN<<min(n-linearSYN, 10), mostRTO)
}

// rtoWait is the time from the n-th transmission (from zero) to the next.
func rtoWait(n int) time.Duration { return min(firstRTO<<min(n, 12), mostRTO) }

// bucket limits the ICMP errors that a kernel sends to one peer: one a second,
// six in a burst (net.ipv4.icmp_ratelimit; inetpeer.c: inet_peer_xrlim_allow).
type bucket struct {
	tokens float64
	at     time.Duration
}

const icmpBurst = 6

// unreachable says whether the node tells a client that an address is gone.
func (n *Network) unreachable(node *world.Node) bool {
	now := n.clock.Now()
	b := n.icmp[node]
	if b == nil {
		b = &bucket{tokens: icmpBurst, at: now}
		n.icmp[node] = b
	}
	b.tokens = min(icmpBurst, b.tokens+(now-b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
