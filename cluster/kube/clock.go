package kube

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
)

// Clock is the wall clock as a [seatrial.Clock]. Several clusters of one site
// share one. Make it with [NewClock].
type Clock struct {
	zero time.Time

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, by the next change
}

var _ seatrial.Clock = (*Clock)(nil)

// NewClock returns a clock whose zero is now.
func NewClock() *Clock {
	return &Clock{zero: time.Now(), changed: make(chan struct{})}
}

// Changed wakes everyone in [Clock.Until] to ask again. Call it after the
// change can be seen.
func (c *Clock) Changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// next is closed by the next change. Whoever takes it before looking cannot
// miss a change between the look and the wait.
func (c *Clock) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Now is the time since the clock was made. It is monotonic.
func (c *Clock) Now() time.Duration { return time.Since(c.zero) }

// Sleep returns after d, or with the context's error as soon as that ends.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Until returns once cond holds, and asks it again after every
// [Clock.Changed]. A condition that depends on time alone is not woken by
// time passing.
func (c *Clock) Until(ctx context.Context, cond func() bool) error {
	for {
		next := c.next()
		if cond() {
			return nil
		}
		if err := wait(ctx, next); err != nil {
			return err
		}
	}
}

// wait returns when next is closed, or with the context's error. A context
// that has ended wins, so that a stream of changes cannot hide it.
func wait(ctx context.Context, next <-chan struct{}) error {
	select {
	case <-ctx.Done():
	case <-next:
	}
	return ctx.Err()
}

// WithTimeout is [context.WithTimeout].
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Go runs f beside the caller. A panic in f becomes the task's error, so that
// the owner can still put the cluster back in order.
func (c *Clock) Go(ctx context.Context, name string, f func(context.Context) error) seatrial.Task {
	t := &task{done: make(chan struct{})}
	go t.run(ctx, name, f)
	return t
}

// task is one goroutine and what it returned.
type task struct {
	done chan struct{}
	err  error
}

func (t *task) run(ctx context.Context, name string, f func(context.Context) error) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			t.err = fmt.Errorf("%s: panic: %v\n%s", name, p, debug.Stack())
		} else if !returned { // runtime.Goexit, as testing's FailNow calls it
			t.err = fmt.Errorf("%s: ended without returning", name)
		}
		close(t.done)
	}()
	t.err = f(ctx)
	returned = true
}

// Wait returns what the function returned, as often as it is called.
func (t *task) Wait() error {
	<-t.done
	return t.err
}
