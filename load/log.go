package load

import (
	"context"
	"errors"
	"sync"
)

// recordLog keeps lines until their reader says that it has them.
type recordLog struct {
	mu      sync.Mutex
	base    int // number of the first line that is kept
	lines   [][]byte
	closed  bool          // no line will follow
	changed chan struct{} // closed, and replaced, at every change
	done    chan struct{} // closed when the log is and all of it is acknowledged
}

var (
	errAcknowledged = errors.New("that record was acknowledged and is gone")
	errAhead        = errors.New("that record was never written: another agent may have been here before")
)

func newRecordLog() *recordLog {
	return &recordLog{changed: make(chan struct{}), done: make(chan struct{})}
}

func (l *recordLog) append(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.wake()
}

// close says that no line will follow.
func (l *recordLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// wake tells waiting readers; the caller holds the lock.
func (l *recordLog) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// acknowledge forgets all lines before number from.
func (l *recordLog) acknowledge(from int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case from < l.base:
		return errAcknowledged
	case from > l.base+len(l.lines):
		return errAhead
	}
	l.lines = append([][]byte(nil), l.lines[from-l.base:]...) // the old array goes
	l.base = from
	if l.closed && len(l.lines) == 0 {
		l.finish()
	}
	return nil
}

// finish closes done once; the caller holds the lock.
func (l *recordLog) finish() {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
}

// next returns the lines from number from on, as soon as there is one, and
// whether they are the last. It returns the context's error when that ends.
func (l *recordLog) next(ctx context.Context, from int) (lines [][]byte, last bool, err error) {
	for {
		lines, last, changed, err := l.look(from)
		if len(lines) > 0 || last || err != nil {
			return lines, last, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

func (l *recordLog) look(from int) (lines [][]byte, last bool, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.base {
		return nil, false, nil, errAcknowledged // by another reader, meanwhile
	}
	return l.lines[from-l.base:], l.closed, l.changed, nil
}
