package journal

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
)

// Writer appends to a journal. It is a [seatrial.Sink], safe for use by many
// at once. Times come in on the site's clock; as the trial's start is known
// only after the warm-up has begun, lines wait in memory until [Writer.Zero]
// names it. Equal input gives equal bytes.
//
// Nothing that is written returns an error: ask [Writer.Err] now and then,
// because a full disk must end a trial, not spoil its record in silence.
type Writer struct {
	mu      sync.Mutex
	out     *bufio.Writer
	file    *os.File // nil for a plain io.Writer
	waiting []waiting
	known   bool // the zero is
	zero    time.Duration
	attack  time.Duration
	err     error
	closed  bool
}

// waiting is an encoded line whose time cannot be written yet.
type waiting struct {
	at     time.Duration
	attack bool // at counts from the attack's start, not on the site's clock
	rest   []byte
}

// New returns a writer of a journal that the caller keeps: Close flushes, but
// does not close w.
func New(w io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(w, 64<<10)} }

// Create makes a journal file, readable by all and writable by its owner. A
// journal is never overwritten: a file that exists is an error.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("creating the journal: %w", err),
			"choose a folder that can be written to with --out")
	}
	w := New(f)
	w.file = f
	return w, nil
}

// Event appends an event, whose At is on the site's clock, and hands it to the
// operating system as soon as the zero is known.
func (w *Writer) Event(e seatrial.Event) {
	w.append(e.At, false, body{Kind: e.Kind, Subject: e.Subject, Edge: e.Edge,
		Severity: e.Severity, Message: e.Message, Data: e.Data})
}

// Interval appends what was due in 100 ms. Intervals are buffered a little;
// the next event or Sync writes them out.
func (w *Writer) Interval(iv seatrial.Interval) {
	w.append(iv.Due, true, body{Kind: seatrial.KindLoad, Subject: iv.Load, Data: iv})
}

func (w *Writer) append(at time.Duration, attack bool, b body) {
	rest, err := b.encode() // outside the lock, and before the caller can change the data
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		err = fmt.Errorf("a %q event came after the journal was closed", b.Kind)
	}
	if err != nil {
		w.fail(err)
		return
	}
	line := waiting{at: at, attack: attack, rest: rest}
	if !w.known {
		w.waiting = append(w.waiting, line)
		return
	}
	w.write(line)
	if !attack {
		w.flush()
	}
}

// Zero names the start of the trial and of the attack on the site's clock, and
// writes what has waited for it. Only the first call counts.
func (w *Writer) Zero(trialStart, attackStart time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.known {
		w.setZero(trialStart, attackStart)
		w.flush()
	}
}

func (w *Writer) setZero(trialStart, attackStart time.Duration) {
	w.known, w.zero, w.attack = true, trialStart, attackStart
	for _, line := range w.waiting {
		w.write(line)
	}
	w.waiting = nil
}

// Sync returns once every line so far is on disk, where that is known.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	if w.file != nil {
		w.fail(writing(w.file.Sync()))
	}
	return w.err
}

// Err is the first error of writing; nil while all went well.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close writes what is left, closes the file of [Create], and returns the
// first error of all. Where the trial's start was never named, the first
// event's time stands in for it. A second Close does nothing more.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.err
	}
	w.closed = true
	if !w.known {
		first := w.firstEvent()
		w.setZero(first, first)
	}
	w.flush()
	if w.file != nil {
		w.fail(writing(w.file.Close()))
	}
	return w.err
}

func (w *Writer) firstEvent() time.Duration {
	for _, line := range w.waiting {
		if !line.attack {
			return line.at
		}
	}
	return 0
}

func (w *Writer) write(line waiting) {
	at := line.at - w.zero
	if line.attack {
		at += w.attack
	}
	// bufio keeps its first error; flush reports it.
	w.out.Write(append(appendTime(nil, at), line.rest...))
}

func (w *Writer) flush() { w.fail(writing(w.out.Flush())) }

// fail keeps the first error.
func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func writing(err error) error {
	if err == nil {
		return nil
	}
	return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("writing the journal: %w", err),
		"check the free space and the permissions of the run's folder")
}
