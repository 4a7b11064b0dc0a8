package network

import "time"

// Linux's times for what is not answered.
const (
	// firstSYN is TCP_TIMEOUT_INIT. The first [linearSYN] retransmissions come
	// at this interval, later ones double it (net.ipv4.tcp_syn_linear_timeouts,
	// Linux 6.5; tcp_timer.c: tcp_retransmit_timer).
	firstSYN  = time.Second
	linearSYN = 4
	// firstRTO is TCP_RTO_MIN, to which the smoothed round trip comes. It doubles
	// each time up to mostRTO: 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 s and a little.
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

// rtoWait is the time from the n-th transmission (from zero) to the next, on a
// connection with that smoothed round-trip time (tcp_input.c: tcp_set_rto).
func rtoWait(n int, roundTrip time.Duration) time.Duration {
	return min((firstRTO+roundTrip)<<min(n, 12), mostRTO)
}

// granule is how coarse the kernel's timer wheel is for a wait: a timer fires
// at the next multiple of it. 64 jiffies are exact; every further level covers
// eight times the time with an eighth of the precision (kernel/time/timer.c).
func granule(wait time.Duration) time.Duration {
	g := jiffy
	for exact := 64 * jiffy; wait >= exact; exact *= 8 {
		g *= 8
	}
	return g
}

// jiffy is that of HZ=250, the default of Debian, Ubuntu and Container-Optimized
// OS.
const jiffy = 4 * time.Millisecond
