package virtual

import "time"

// Handler takes events. It is an interface on purpose: a handler is an object
// of the model that exists anyway, so that setting a timer allocates nothing.
type Handler interface {
	// Fire is called at the event's time. code is what [Clock.At] was given;
	// a handler that sets timers again and again puts a generation in it to
	// tell the timers that it no longer wants.
	Fire(code uint64)
}

// event is one entry of the heap.
type event struct {
	at      time.Duration
	seq     uint64 // events of one time fire in the order in which they were set
	handler Handler
	code    uint64
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// heap is a 4-ary heap of values: flatter than a binary one, and without the
// interface calls of container/heap.
type heap []event

const arity = 4

func (h *heap) push(e event) {
	*h = append(*h, e)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(&s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = e
}

func (h *heap) pop() event {
	s := *h
	top := s[0]
	last := s[len(s)-1]
	s[len(s)-1] = event{} // the handler may go
	s = s[:len(s)-1]
	*h = s
	if len(s) > 0 {
		s.sink(last)
	}
	return top
}

// sink puts e in at the root and lets it find its place.
func (h heap) sink(e event) {
	i := 0
	for {
		first := arity*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(h)); c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if !h[least].before(&e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}
