package kind

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// beat is the period of a heartbeat.
const beat = 100 * time.Millisecond

// silence proves that a node stands still: five beats in a row are missing.
const silence = 5 * beat

// heartScript beats until its input ends. A line of input makes it compute for
// a moment, which a throttle must notice.
const heartScript = `while :; do
read -r -t 0.1 line; s=$?
if [ $s -gt 128 ]; then echo beat
elif [ $s -ne 0 ]; then exit 0
else i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done
fi
done`

// heart is a process inside a node that shows from outside whether the node
// runs, by means that have nothing to do with how it is frozen: it beats, and
// the runner times the beats.
type heart struct {
	pipe *pipe
	done chan struct{}

	mu    sync.Mutex
	first chan struct{} // closed at the first beat
	last  time.Time
	beats int
}

// startHeart returns at the first beat.
func startHeart(ctx context.Context, node string) (*heart, error) {
	p, err := startPipe("exec", "--interactive", node, "bash", "-c", heartScript)
	if err != nil {
		return nil, fmt.Errorf("starting a heartbeat in %s: %w", node, err)
	}
	h := &heart{pipe: p, done: make(chan struct{}), first: make(chan struct{})}
	go h.listen()
	select {
	case <-h.first:
		return h, nil
	case <-h.done:
		err = errors.New("it ended at once")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("starting a heartbeat in %s: %w", node, err), h.close())
}

// listen times the beats; close waits for it.
func (h *heart) listen() {
	defer close(h.done)
	for lines := bufio.NewScanner(h.pipe); lines.Scan(); {
		h.mu.Lock()
		h.last = time.Now()
		h.beats++
		if h.beats == 1 {
			close(h.first)
		}
		h.mu.Unlock()
	}
}

// stale is how old the last beat before an act may be: older, and the heart
// had stopped for another reason.
const stale = time.Second

// silent is the time since the last beat. It is no evidence when the heartbeat
// ended, or had stopped before the act.
func (h *heart) silent(acted time.Time) (time.Duration, error) {
	select {
	case <-h.done:
		return 0, errors.New("the heartbeat has ended")
	default:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if early := acted.Sub(h.last); early > stale {
		return 0, fmt.Errorf("the heartbeat had stopped %v before the act", early.Round(time.Millisecond))
	}
	return time.Since(h.last), nil
}

// dead is nil when the heart has stopped since the act: it is silent, or its
// process has ended too.
func (h *heart) dead(acted time.Time) error {
	h.mu.Lock()
	last := h.last
	h.mu.Unlock()
	if early := acted.Sub(last); early > stale {
		return fmt.Errorf("the heartbeat had stopped %v before the act", early.Round(time.Millisecond))
	}
	select {
	case <-h.done:
		return nil
	default:
	}
	if silent := time.Since(last); silent < silence {
		return fmt.Errorf("the last heartbeat was %v ago", silent.Round(time.Millisecond))
	}
	return nil
}

// exert makes the node compute.
func (h *heart) exert() error {
	if _, err := io.WriteString(h.pipe, "\n"); err != nil {
		return fmt.Errorf("asking the heartbeat to compute: %w", err)
	}
	return nil
}

func (h *heart) close() error {
	err := h.pipe.Close()
	<-h.done
	return err
}
