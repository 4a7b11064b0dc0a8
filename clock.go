package seatrial

import (
	"context"
	"time"
)

// Clock is the one time of a site, real or virtual. Runner and faults wait
// only through it.
type Clock interface {
	// Now is the time since the clock's own zero.
	Now() time.Duration
	// Sleep returns after d, or with the context's error as soon as that ends.
	Sleep(ctx context.Context, d time.Duration) error
	// Until returns once cond holds. It is asked again after every change that
	// the site sees.
	Until(ctx context.Context, cond func() bool) error
	// WithTimeout is context.WithTimeout on this clock.
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Go runs f beside the caller, who owns the task and waits for it.
	Go(ctx context.Context, name string, f func(context.Context) error) Task
}

// Task is work that runs beside its owner.
type Task interface {
	// Wait returns what the task's function returned.
	Wait() error
}
