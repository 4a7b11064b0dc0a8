package virtual

import (
	"context"
	"fmt"
	"runtime/debug"
)

// task is one goroutine of blocking code.
type task struct {
	clock *Clock
	name  string
	baton chan struct{} // receives when it is this task's turn

	ctx   context.Context // while it waits
	cond  func() bool     // of Until; nil in Sleep
	woken bool            // by what it waited for, not by its context
	turn  uint64          // of its timer: an older one means nothing

	done bool
	err  error
}

func newTask(c *Clock, name string) *task {
	return &task{clock: c, name: name, baton: make(chan struct{}, 1)}
}

// Fire is the end of a Sleep.
func (t *task) Fire(turn uint64) {
	if turn == t.turn {
		t.clock.wakeAll(func(o *task) bool { return o == t })
	}
}

// run calls f. A panic becomes the task's error, so that its owner can still
// put things back in order.
func (t *task) run(ctx context.Context, f func(context.Context) error) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			t.err = fmt.Errorf("%s: panic: %v\n%s", t.name, p, debug.Stack())
		} else if !returned { // runtime.Goexit, as testing's FailNow calls it
			t.err = fmt.Errorf("%s: ended without returning", t.name)
		}
		t.done = true
	}()
	t.err = f(ctx)
	returned = true
}

// Wait returns what the function returned, as often as it is called.
func (t *task) Wait() error {
	// It cannot fail: the context does not end.
	_ = t.clock.Until(context.Background(), func() bool { return t.done })
	return t.err
}
