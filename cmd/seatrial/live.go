package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// live shows how a load fares while it is sent: on a terminal in one line that is
// written over every second, elsewhere a line for every five seconds, and one for
// each fault that begins or ends. It is for backends in real time: the simulator
// is through before anyone could read a line.
type live struct {
	to       io.Writer
	terminal bool

	mu      sync.Mutex
	figures *report.Live
	now     func() time.Duration // nil while no load is sent
	open    bool                 // a line that is still to be written over
	ticks   int

	over    chan struct{} // closed by End
	ticking sync.WaitGroup
}

// watch makes what shows each trial of a command.
func watch(c *cobra.Command) func(seatrial.Timeline) (runner.Watcher, func(string, ...any)) {
	return func(timeline seatrial.Timeline) (runner.Watcher, func(string, ...any)) {
		l := newLive(c.ErrOrStderr(), report.NewLive("trial", timeline))
		return l, l.log
	}
}

func newLive(to io.Writer, figures *report.Live) *live {
	return &live{to: to, terminal: isTerminal(to), figures: figures, over: make(chan struct{})}
}

// Begin implements [runner.Watcher].
func (l *live) Begin(now func() time.Duration) {
	l.mu.Lock()
	l.now = now
	l.mu.Unlock()
	l.ticking.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				l.tick()
			case <-l.over:
				return
			}
		}
	})
}

// End implements [runner.Watcher].
func (l *live) End() {
	close(l.over)
	l.ticking.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = nil
	l.clear()
}

// Interval implements [seatrial.Sink].
func (l *live) Interval(iv seatrial.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Add(iv)
}

// Event implements [seatrial.Sink].
func (l *live) Event(e seatrial.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.figures.Event(e) && l.now != nil {
		l.draw()
	}
}

// log prints a message for people, above the line.
func (l *live) log(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintf(l.to, format+"\n", args...)
}

func (l *live) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticks++
	if l.terminal || l.ticks%report.LiveSpan == 0 {
		l.draw()
	}
	l.figures.Tick(l.now())
}

func (l *live) draw() {
	line := l.figures.Line(l.now())
	if !l.terminal {
		fmt.Fprintln(l.to, line)
		return
	}
	fmt.Fprint(l.to, "\r\x1b[K"+cut(line, l.width()))
	l.open = true
}

func (l *live) clear() {
	if l.open {
		fmt.Fprint(l.to, "\r\x1b[K")
		l.open = false
	}
}

// width is that of the terminal: a longer line would break, and only its second
// half would be written over.
func (l *live) width() int {
	if f, ok := l.to.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 1 {
			return columns - 1
		}
	}
	return 79
}

func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}

// isTerminal says whether somebody is looking at what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
