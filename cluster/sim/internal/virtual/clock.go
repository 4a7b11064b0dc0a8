package virtual

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seatrial/seatrial"
)

// outsideEvery is after how many events the clock looks whether somebody
// outside, such as Ctrl-C, has ended a context.
const outsideEvery = 1 << 12

// Clock is virtual time. Its first task is the goroutine that made it, which
// has the baton. Make it with [NewClock], end it with [Clock.Close].
type Clock struct {
	now    time.Duration
	seq    uint64
	events heap
	fired  uint64

	current *task
	ready   []*task // can go on, first come first served
	waiting []*task // in the order in which they began to wait
	changed bool    // the conditions of Until are to be asked again

	steps    atomic.Uint64 // of anything, for the watchdog
	holder   atomic.Pointer[string]
	watchdog *watchdog
}

var _ seatrial.Clock = (*Clock)(nil)

// NewClock returns a clock at zero; the caller has the baton.
func NewClock() *Clock {
	c := &Clock{}
	c.current = newTask(c, "the trial")
	c.holder.Store(&c.current.name)
	c.watchdog = watch(c)
	return c
}

// Close ends the watchdog. The clock is not to be used after it.
func (c *Clock) Close() { c.watchdog.end() }

// Now is the virtual time since the clock was made.
func (c *Clock) Now() time.Duration { return c.now }

// At lets the handler be called at a time, which is now where that has passed.
func (c *Clock) At(at time.Duration, h Handler, code uint64) {
	c.seq++
	c.events.push(event{at: max(at, c.now), seq: c.seq, handler: h, code: code})
}

// After is [Clock.At] counted from now.
func (c *Clock) After(d time.Duration, h Handler, code uint64) { c.At(c.now+d, h, code) }

// Do calls f after d. It is for what happens now and then; each call
// allocates.
func (c *Clock) Do(d time.Duration, f func()) { c.After(d, function(f), 0) }

// function is a Handler that is one call.
type function func()

// Fire calls it.
func (f function) Fire(uint64) { f() }

// Changed lets the conditions of [Clock.Until] be asked again before the next
// event.
func (c *Clock) Changed() { c.changed = true }

// Sleep returns after d of virtual time, or with the context's error as soon
// as that ends.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := c.current
	t.turn++
	c.After(max(d, 0), t, t.turn)
	return c.wait(ctx, nil)
}

// Until returns once cond holds. It is asked again after every
// [Clock.Changed].
func (c *Clock) Until(ctx context.Context, cond func() bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if cond() {
		return nil
	}
	return c.wait(ctx, cond)
}

// wait parks the current task until its timer fires, its condition holds, or
// its context ends.
func (c *Clock) wait(ctx context.Context, cond func() bool) error {
	t := c.current
	t.ctx, t.cond, t.woken = ctx, cond, false
	c.waiting = append(c.waiting, t)
	c.wakeEnded() // this task may have ended the context of others
	c.pass(t)
	t.turn++ // a timer that is still set means nothing any more
	if t.woken {
		return nil
	}
	return ctx.Err()
}

// pass gives the baton on and returns when the task has it again.
func (c *Clock) pass(t *task) {
	next := c.next()
	if next == t {
		return
	}
	c.take(next)
	next.baton <- struct{}{}
	<-t.baton
}

func (c *Clock) take(t *task) {
	c.current = t
	c.holder.Store(&t.name)
}

// next is the task that goes on now, after as many events as it takes.
func (c *Clock) next() *task {
	for len(c.ready) == 0 {
		c.step()
		if c.changed {
			c.changed = false
			c.askAgain()
		}
		if c.fired%outsideEvery == 0 {
			c.wakeEnded()
		}
	}
	t := c.ready[0]
	c.ready = c.ready[:copy(c.ready, c.ready[1:])]
	return t
}

// step fires one event.
func (c *Clock) step() {
	if len(c.events) == 0 {
		if !c.changed {
			panic("virtual time: nothing will ever happen again, and these wait: " + c.names())
		}
		return
	}
	e := c.events.pop()
	c.now = e.at
	c.fired++
	c.steps.Store(c.fired)
	e.handler.Fire(e.code)
}

func (c *Clock) names() string {
	var names []string
	for _, t := range c.waiting {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}

// askAgain wakes the tasks whose condition holds now.
func (c *Clock) askAgain() {
	c.wakeAll(func(t *task) bool { return t.cond != nil && t.cond() })
}

// wakeEnded wakes the tasks whose context has ended.
func (c *Clock) wakeEnded() {
	kept := c.waiting[:0]
	for _, t := range c.waiting {
		if t.ctx.Err() == nil {
			kept = append(kept, t)
			continue
		}
		c.ready = append(c.ready, t)
	}
	c.forget(kept)
}

// wakeAll wakes the waiting tasks for which what they wait for has come.
func (c *Clock) wakeAll(come func(*task) bool) {
	kept := c.waiting[:0]
	for _, t := range c.waiting {
		if !come(t) {
			kept = append(kept, t)
			continue
		}
		t.woken = true
		c.ready = append(c.ready, t)
	}
	c.forget(kept)
}

// forget leaves the kept tasks waiting; they lie at the front already.
func (c *Clock) forget(kept []*task) {
	clear(c.waiting[len(kept):])
	c.waiting = kept
}

// Go runs f beside the caller, who goes on first.
func (c *Clock) Go(ctx context.Context, name string, f func(context.Context) error) seatrial.Task {
	t := newTask(c, name)
	c.ready = append(c.ready, t)
	go func() {
		<-t.baton
		t.run(ctx, f)
		c.changed = true // somebody may wait for it
		c.askAgain()
		next := c.next()
		c.take(next)
		next.baton <- struct{}{}
	}()
	return t
}
