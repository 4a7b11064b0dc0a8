package virtual

import (
	"fmt"
	"sync"
	"time"
)

// stuckAfter is how many looks in a row, a second apart, may find a task with
// the baton that has not let virtual time go on. Nothing that the runner does
// between two waits takes seconds; a minute allows for a starved machine.
const stuckAfter = 60

// watchdog finds a task that blocks outside the clock, which would stop virtual
// time for ever without a word.
type watchdog struct {
	over chan struct{}
	done sync.WaitGroup
}

func watch(c *Clock) *watchdog {
	w := &watchdog{over: make(chan struct{})}
	w.done.Go(func() { w.run(c, time.Second, func(said string) { panic(said) }) })
	return w
}

// run counts looks and not time, so that a machine that slept does not count
// as a task that hangs.
func (w *watchdog) run(c *Clock, every time.Duration, stuck func(string)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last, same := c.steps.Load(), 0
	for {
		select {
		case <-w.over:
			return
		case <-ticker.C:
		}
		if now := c.steps.Load(); now != last {
			last, same = now, 0
			continue
		}
		if same++; same == stuckAfter {
			stuck(fmt.Sprintf("virtual time: task %q blocks outside the clock", *c.holder.Load()))
			return
		}
	}
}

func (w *watchdog) end() {
	close(w.over)
	w.done.Wait()
}
