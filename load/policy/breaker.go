package policy

import (
	"time"

	"github.com/seatrial/seatrial"
)

// breaker looks at the last tries, by number (as failsafe-go's
// WithFailureThresholdRatio and resilience4j's COUNT_BASED window).
type breaker struct {
	seatrial.Breaker
	state  state
	until  time.Duration // when an open one lets a probe through
	last   []bool        // whether each of the last tries failed, a ring
	next   int           // place in the ring
	failed int           // in the ring
}

type state uint8

const (
	closed state = iota
	open
	probing // open, and one request is under way to see whether it may close
)

func newBreaker(b seatrial.Breaker) breaker {
	return breaker{Breaker: b, last: make([]bool, 0, b.Of)}
}

// allow says whether a try may be sent, and whether it is the probe.
func (b *breaker) allow(now time.Duration) (ok, probe bool) {
	switch {
	case b.Failures == 0 || b.state == closed:
		return true, false
	case b.state == open && now >= b.until:
		b.state = probing
		return true, true
	}
	return false, false
}

// done counts a try. While it is open only the probe counts: the others were
// sent before.
func (b *breaker) done(now time.Duration, failed, probe bool) {
	switch {
	case b.Failures == 0:
	case probe && !failed:
		b.state, b.last, b.next, b.failed = closed, b.last[:0], 0, 0
	case probe:
		b.trip(now)
	case b.state == closed:
		b.count(failed)
		if b.failed >= b.Failures {
			b.trip(now)
		}
	}
}

func (b *breaker) trip(now time.Duration) { b.state, b.until = open, now+b.Open }

func (b *breaker) count(failed bool) {
	if len(b.last) < b.Of {
		b.last = append(b.last, failed)
	} else {
		if b.last[b.next] {
			b.failed--
		}
		b.last[b.next] = failed
		b.next = (b.next + 1) % b.Of
	}
	if failed {
		b.failed++
	}
}
