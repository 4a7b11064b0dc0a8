package virtual

import (
	"context"
	"time"
)

// timeout is a context that ends at a virtual time. It relies on its user
// asking Err, as everything that waits on a [Clock] does.
type timeout struct {
	context.Context // ends with the parent, or when this does
	parent          context.Context
	clock           *Clock
	cancel          context.CancelFunc
	passed          bool
}

// WithTimeout is [context.WithTimeout] in virtual time.
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(ctx)
	t := &timeout{Context: inner, parent: ctx, clock: c, cancel: cancel}
	c.After(max(d, 0), t, 0)
	return t, cancel
}

// Fire ends it.
func (t *timeout) Fire(uint64) {
	if t.Context.Err() != nil {
		return
	}
	t.passed = true
	t.cancel()
	t.clock.wakeEnded()
}

// Err says [context.DeadlineExceeded] also to the contexts of other clocks'
// timeouts made from this one.
func (t *timeout) Err() error {
	switch err := t.Context.Err(); {
	case err == nil:
		return nil
	case t.passed:
		return context.DeadlineExceeded
	case t.parent.Err() != nil:
		return t.parent.Err()
	default:
		return err
	}
}
