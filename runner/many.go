package runner

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Each calls do for 0 … n-1 on at most workers goroutines and hands what each
// returned to took, in ascending order and one at a time: whichever trial ends
// first, results come out as if they had run one after another. It waits for
// all of them. The first error ends the rest: their contexts are cancelled, no
// new ones begin, and took is not called any more.
//
// A result is kept until those before it are in, so at most n of them are held
// at once; they should be small.
func Each[R any](ctx context.Context, n, workers int, do func(ctx context.Context, i int) (R, error), took func(i int, r R) error) error {
	group, bound := errgroup.WithContext(ctx)
	group.SetLimit(max(1, workers))
	line := &inOrder[R]{early: map[int]R{}, took: took}
	for i := 0; i < n && bound.Err() == nil; i++ {
		group.Go(func() error {
			if err := bound.Err(); err != nil {
				return err
			}
			r, err := do(bound, i)
			if err != nil {
				return fmt.Errorf("trial %d of %d: %w", i+1, n, err)
			}
			return line.add(i, r)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// inOrder holds results back until those before them are in.
type inOrder[R any] struct {
	mu    sync.Mutex // held while took runs: results are taken one at a time
	early map[int]R
	next  int
	err   error
	took  func(int, R) error
}

func (o *inOrder[R]) add(i int, r R) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.early[i] = r
	for o.err == nil {
		r, here := o.early[o.next]
		if !here {
			break
		}
		delete(o.early, o.next)
		o.err = o.took(o.next, r)
		o.next++
	}
	return o.err
}
