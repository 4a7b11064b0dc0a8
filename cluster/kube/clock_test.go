package kube_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial/cluster/kube"
)

func ExampleClock() {
	clock := kube.NewClock()
	var ready atomic.Bool
	watcher := clock.Go(context.Background(), "watcher", func(context.Context) error {
		ready.Store(true)
		clock.Changed()
		return nil
	})
	err := clock.Until(context.Background(), ready.Load)
	fmt.Println(ready.Load(), err, watcher.Wait())
	// Output: true <nil> <nil>
}

// A change may fall between the question and the wait: with a wake that is
// only sent to those who already wait, this test hangs.
func TestUntilNeverMissesAChange(t *testing.T) {
	const rounds, waiters = 2000, 4
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	clock := kube.NewClock()
	for range rounds {
		var state atomic.Int64
		var all sync.WaitGroup
		for range waiters {
			all.Go(func() {
				err := clock.Until(ctx, func() bool {
					now := state.Load()
					runtime.Gosched() // widen the gap
					return now == 1
				})
				if err != nil {
					t.Errorf("Until: %v", err)
				}
			})
		}
		state.Store(1)
		clock.Changed() // the only one
		all.Wait()
	}
}

func TestUntilAsksOnceWhenItHoldsAlready(t *testing.T) {
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := kube.NewClock().Until(ctx, func() bool { asked++; return true })
	if err != nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestUntilEndsWithItsContextEvenWhileChangesStream(t *testing.T) {
	clock := kube.NewClock()
	ctx, cancel := context.WithCancel(t.Context())
	err := clock.Until(ctx, func() bool {
		cancel()
		clock.Changed()
		return false
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Until returned %v", err)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	clock := kube.NewClock()
	ctx, cancel := clock.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Sleep returned %v", err)
	}
	before := clock.Now()
	if err := clock.Sleep(t.Context(), 2*time.Millisecond); err != nil {
		t.Error(err)
	}
	if slept := clock.Now() - before; slept < 2*time.Millisecond {
		t.Errorf("slept %v", slept)
	}
	if err := clock.Sleep(t.Context(), -time.Second); err != nil {
		t.Errorf("what is due already: %v", err)
	}
}

func TestATaskThatPanicsIsAnErrorOfItsOwner(t *testing.T) {
	clock := kube.NewClock()
	task := clock.Go(t.Context(), "freeze worker", func(context.Context) error { panic("no hands") })
	for range 2 {
		err := task.Wait()
		if err == nil || !strings.Contains(err.Error(), "freeze worker: panic: no hands") {
			t.Errorf("Wait returned %v", err)
		}
	}
	task = clock.Go(t.Context(), "quitter", func(context.Context) error { runtime.Goexit(); return nil })
	if err := task.Wait(); err == nil {
		t.Error("a task that never returned looks done")
	}
}
