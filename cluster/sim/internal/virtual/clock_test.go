package virtual

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func ExampleClock() {
	clock := NewClock()
	defer clock.Close()
	clock.Do(time.Hour, func() { fmt.Println("an hour later:", clock.Now()) })
	err := clock.Sleep(context.Background(), 2*time.Hour)
	fmt.Println(clock.Now(), err)
	// Output:
	// an hour later: 1h0m0s
	// 2h0m0s <nil>
}

func newClock(t *testing.T) *Clock {
	t.Helper()
	c := NewClock()
	t.Cleanup(c.Close)
	return c
}

func TestEventsFireInTheOrderOfTheirTimesAndThenOfTheirSetting(t *testing.T) {
	c := newClock(t)
	random := rand.New(rand.NewPCG(1, 2))
	type set struct{ at, n int }
	var want, got []set
	for n := range 5000 {
		one := set{random.IntN(300), n}
		want = append(want, one)
		c.Do(time.Duration(one.at)*time.Millisecond, func() { got = append(got, one) })
	}
	slices.SortStableFunc(want, func(a, b set) int { return a.at - b.at })
	if err := c.Sleep(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("the order differs from a stable sort by time")
	}
}

func TestTasksRunOneAtATimeAndInTheSameOrderEachTime(t *testing.T) {
	run := func() (log string) {
		c := newClock(t)
		running := 0
		task := func(name string, every time.Duration) func(context.Context) error {
			return func(ctx context.Context) error {
				for range 5 {
					running++
					if running != 1 {
						t.Errorf("%d tasks run at once", running)
					}
					log += fmt.Sprintf("%s@%v ", name, c.Now())
					running--
					if err := c.Sleep(ctx, every); err != nil {
						return err
					}
				}
				return nil
			}
		}
		a := c.Go(t.Context(), "a", task("a", 2*time.Second))
		b := c.Go(t.Context(), "b", task("b", 3*time.Second))
		if err := errors.Join(a.Wait(), b.Wait()); err != nil {
			t.Error(err)
		}
		return log
	}
	first := run()
	if want := "a@0s b@0s a@2s b@3s a@4s b@6s a@6s "; !strings.HasPrefix(first, want) {
		t.Errorf("order %q, want it to begin with %q", first, want)
	}
	for range 20 {
		if again := run(); again != first {
			t.Fatalf("order %q, and then %q", first, again)
		}
	}
}

func TestCancellationWakesSleepers(t *testing.T) {
	c := newClock(t)
	ctx, cancel := context.WithCancel(t.Context())
	sleeper := c.Go(ctx, "sleeper", func(ctx context.Context) error { return c.Sleep(ctx, time.Hour) })
	waiter := c.Go(ctx, "waiter", func(ctx context.Context) error {
		return c.Until(ctx, func() bool { return false })
	})
	if err := c.Sleep(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	cancel()
	for _, task := range []interface{ Wait() error }{sleeper, waiter} {
		if err := task.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
	if c.Now() != time.Minute {
		t.Errorf("they woke at %v", c.Now())
	}
}

func TestUntilWakesWithTheChangeAndNotBefore(t *testing.T) {
	c := newClock(t)
	open := false
	c.Do(time.Second, c.Changed)
	c.Do(3*time.Second, func() { open = true; c.Changed() })
	if err := c.Until(t.Context(), func() bool { return open }); err != nil || c.Now() != 3*time.Second {
		t.Errorf("it returned %v at %v", err, c.Now())
	}
}

func TestATimeoutEndsInVirtualTimeAndSaysSo(t *testing.T) {
	c := newClock(t)
	outer, cancelOuter := c.WithTimeout(t.Context(), 5*time.Second)
	defer cancelOuter()
	inner, cancelInner := c.WithTimeout(outer, time.Minute)
	defer cancelInner()
	if err := c.Sleep(inner, time.Hour); !errors.Is(err, context.DeadlineExceeded) || c.Now() != 5*time.Second {
		t.Errorf("it ended with %v at %v", err, c.Now())
	}
	parent, cancelParent := context.WithCancel(t.Context())
	child, cancelChild := c.WithTimeout(parent, time.Minute)
	defer cancelChild()
	cancelParent()
	if err := child.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled parent gives %v", err)
	}
}

func TestAPanicInATaskIsItsOwnersError(t *testing.T) {
	c := newClock(t)
	err := c.Go(t.Context(), "careless", func(context.Context) error { panic("oops") }).Wait()
	if err == nil || !strings.Contains(err.Error(), "careless: panic: oops") {
		t.Errorf("the owner hears %v", err)
	}
}

func TestWhatWillNeverHappenIsNamed(t *testing.T) {
	c := newClock(t)
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "the trial") {
			t.Errorf("it says %q", said)
		}
	}()
	_ = c.Until(t.Context(), func() bool { return false })
	t.Error("it returned")
}

func TestTheWatchdogNamesATaskThatBlocksOutsideTheClock(t *testing.T) {
	c := newClock(t)
	w := &watchdog{over: make(chan struct{})}
	said := make(chan string, 1)
	w.done.Go(func() { w.run(c, time.Millisecond, func(what string) { said <- what }) })
	if got := <-said; !strings.Contains(got, `task "the trial" blocks`) { // this test does
		t.Errorf("it says %q", got)
	}
	w.end()
}

func TestDrawsDependOnWhatTheyAreForAndNotOnTheirOrder(t *testing.T) {
	s := Seed(7)
	first := s.Unit("lease phase", "worker", 0)
	s.Unit("lease phase", "worker2", 0)
	if s.Unit("lease phase", "worker", 0) != first {
		t.Error("another draw between changed it")
	}
	seen := map[float64]string{}
	sum := 0.0
	for _, what := range []string{"a", "b"} {
		for _, of := range []string{"x", "y", "ax"} {
			for i := range uint64(1000) {
				u := s.Unit(what, of, i)
				if before, again := seen[u]; again {
					t.Fatalf("%s and %s %s %d draw the same", before, what, of, i)
				}
				seen[u] = what + of
				sum += u
			}
		}
	}
	if mean := sum / 6000; mean < 0.48 || mean > 0.52 {
		t.Errorf("the mean of the draws is %v", mean)
	}
	if Seed(8).Unit("lease phase", "worker", 0) == first {
		t.Error("another seed draws the same")
	}
}

func BenchmarkEvents(b *testing.B) {
	c := NewClock()
	defer c.Close()
	for i := range 1000 {
		c.After(time.Duration(i)*time.Millisecond, &again{c}, 0)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := c.Sleep(b.Context(), time.Duration(b.N)*time.Millisecond); err != nil {
		b.Fatal(err)
	}
}

// again sets itself anew, a thousand of them one a millisecond.
type again struct{ clock *Clock }

func (a *again) Fire(uint64) { a.clock.After(time.Second, a, 0) }
