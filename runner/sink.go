package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/report"
)

// sink writes the journal and keeps what the runner itself must know of the
// load while it runs.
type sink struct {
	journal *journal.Writer
	watch   Watcher        // nil where nobody does
	clock   seatrial.Clock // nil until the site is open

	mu      sync.Mutex // guards what follows; never held across a wait
	window  *report.Window
	reasons []string
	warmup  time.Duration
	begun   bool             // the header is written
	early   []seatrial.Event // what came before it
	end     func()           // ends the trial under load; nil before that
}

func newSink(w *journal.Writer, warmup time.Duration) *sink {
	return &sink{journal: w, window: report.NewWindow(), warmup: warmup}
}

// Event writes an event; its time is now unless it has one.
func (s *sink) Event(e seatrial.Event) {
	if e.At == 0 && s.clock != nil {
		e.At = s.clock.Now()
	}
	if s.watch != nil {
		s.watch.Event(e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.early = append(s.early, e)
		return
	}
	s.journal.Event(e)
	s.check()
}

// endWith names what ends the trial once its journal cannot be written: what is
// not on record cannot be judged, and nothing may be in force for that.
func (s *sink) endWith(end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = end
	s.check()
}

// check ends the trial when the journal has failed; s.mu is held.
func (s *sink) check() {
	if s.end != nil && s.journal.Err() != nil {
		s.end()
	}
}

// begin writes the journal's first line, and then what happened before its
// content was known.
func (s *sink) begin(h journal.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return
	}
	s.begun = true
	s.journal.Event(seatrial.Event{Kind: seatrial.KindTrial, Subject: h.Scenario, Edge: seatrial.Begin, Data: h})
	for _, e := range s.early {
		s.journal.Event(e)
	}
	s.early = nil
}

// Interval writes load, and remembers it for [sink.holds].
func (s *sink) Interval(i seatrial.Interval) {
	s.journal.Interval(i)
	if s.watch != nil {
		s.watch.Interval(i)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.Add(i.Due-s.warmup, i)
	s.check()
}

// holds says whether the objective held for what was due between two times
// since the trial's start. A request that has no answer yet does not keep it.
func (s *sink) holds(o seatrial.Objective, loads []seatrial.Load, from, to time.Duration) (bool, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range loads {
		due := s.due(l, from, to)
		// One request may fall on either side of each end.
		if known := s.window.Planned(l.Name, from, to); known < due-2 {
			return false, fmt.Sprintf("load %s: %d requests were due and %d are accounted for", l.Name, due, known)
		}
	}
	return s.window.Holds(o, from, to)
}

// due is how many requests a load has in the intervals that begin between two
// times since the trial's start.
func (s *sink) due(l seatrial.Load, from, to time.Duration) int64 {
	l.Shape.Lead = s.warmup
	p := plan.New(l)
	before := func(t time.Duration) int64 {
		return p.Count((t + s.warmup + seatrial.Width - 1).Truncate(seatrial.Width))
	}
	return before(to) - before(from)
}

// invalid notes why the trial proves nothing.
func (s *sink) invalid(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasons = append(s.reasons, why)
}

func (s *sink) trailer(interrupted bool) journal.Trailer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return journal.Trailer{Reasons: s.reasons, Interrupted: interrupted}
}

func (r *trial) note(e seatrial.Event) { r.sink.Event(e) }

func (r *trial) invalid(why string) { r.sink.invalid(why) }

func (r *trial) phase(name string, edge seatrial.Edge) { r.phaseAt(0, name, edge) }

// phaseAt notes a phase's edge at a time of the site's clock; zero is now.
func (r *trial) phaseAt(at time.Duration, name string, edge seatrial.Edge) {
	r.note(seatrial.Event{At: at, Kind: seatrial.KindPhase, Subject: name, Edge: edge})
}

// writeHeader completes the journal's first line and sets its zero.
func (r *trial) writeHeader(ctx context.Context, start time.Duration) error {
	nodes, err := r.held[0].cluster.Nodes(ctx)
	if err != nil {
		return err
	}
	r.Header.Nodes = journal.NodesOf(nodes)
	if len(nodes) > 0 {
		r.Header.Versions.Kubernetes = nodes[0].Kubernetes
	}
	r.Journal.Zero(r.zero, start)
	r.sink.begin(r.Header)
	return r.Journal.Err()
}
