package policy

import (
	"math"
	"slices"
	"time"
)

const (
	// remembered is how many successes a running percentile is taken of: it
	// forgets a slow spell after as many.
	remembered = 128
	// enough is from how many on there is a percentile.
	enough = 20
)

// latest is the times of a client's latest successful attempts.
type latest struct {
	times  []time.Duration // a ring
	next   int
	sorted []time.Duration
}

// add takes a time in, and the oldest out.
func (l *latest) add(d time.Duration) {
	if len(l.times) < remembered {
		l.times = append(l.times, d)
	} else {
		at, _ := slices.BinarySearch(l.sorted, l.times[l.next])
		l.sorted = slices.Delete(l.sorted, at, at+1)
		l.times[l.next] = d
		l.next = (l.next + 1) % remembered
	}
	at, _ := slices.BinarySearch(l.sorted, d)
	l.sorted = slices.Insert(l.sorted, at, d)
}

// percentile is the nearest rank; false while too little is known.
func (l *latest) percentile(p float64) (time.Duration, bool) {
	n := len(l.sorted)
	if n < enough {
		return 0, false
	}
	return l.sorted[int(math.Ceil(p*float64(n)))-1], true
}
