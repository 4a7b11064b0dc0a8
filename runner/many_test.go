package runner

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachTakesResultsInOrderWhicheverEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		var got []int
		err := Each(t.Context(), 20, 4, func(_ context.Context, i int) (int, error) {
			now := running.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			time.Sleep(time.Duration(20-i) * time.Second) // the last would end first
			running.Add(-1)
			return i * i, nil
		}, func(i, r int) error {
			if r != i*i {
				t.Errorf("result %d of %d, want %d", r, i, i*i)
			}
			got = append(got, i)
			return nil
		})
		if err != nil || len(got) != 20 || !slices.IsSorted(got) {
			t.Errorf("took %v, %v; want 0 to 19 in order", got, err)
		}
		if most.Load() != 4 {
			t.Errorf("%d ran at once, want the 4 workers", most.Load())
		}
	})
}

func TestEachStopsAtTheFirstError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no disk")
		var begun atomic.Int32
		err := Each(t.Context(), 100, 2, func(ctx context.Context, i int) (int, error) {
			begun.Add(1)
			if i == 3 {
				return 0, broken
			}
			time.Sleep(time.Second)
			return i, ctx.Err()
		}, func(int, int) error { return nil })
		if !errors.Is(err, broken) {
			t.Errorf("error %v, want the first", err)
		}
		if n := begun.Load(); n > 6 {
			t.Errorf("%d trials began, want none after the error", n)
		}
	})
}

func TestEachEndsWhenWhatItTakesCannotBeKept(t *testing.T) {
	full := errors.New("disk full")
	calls := 0
	err := Each(t.Context(), 50, 3, func(_ context.Context, i int) (int, error) { return i, nil }, func(int, int) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("error %v after %d calls, want the first to end it", err, calls)
	}
}

func TestEachEndsWhenItIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var took []int
	err := Each(ctx, 50, 1, func(_ context.Context, i int) (int, error) { return i, nil }, func(i, _ int) error {
		took = append(took, i)
		if i == 4 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(took) != 5 {
		t.Errorf("took %v, %v; want what was done before the interrupt", took, err)
	}
}
