package load

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

const (
	// FlushEvery is how often an engine emits what it has counted since.
	FlushEvery = time.Second
	// Grace is how long after the end a request that was due before it may
	// still be sent. It keeps a generator that is a little behind from dropping
	// the last requests of users who are free.
	Grace = 200 * time.Millisecond
)

// Engine sends the requests of some plans once.
type Engine struct {
	streams []*stream
	emit    func(seatrial.Interval)
	halt    *halt
}

// NewEngine readies everything that can be ready before the first request.
// Names are not looked up yet and no connection is opened.
//
// The engine sends for the users that agent index of so many agents has; a
// single one is agent 0 of 1. It hands its counts to emit about once a second
// and at the end, never two at once; counts for the same interval add up. Their
// Agent is empty.
func NewEngine(plans []seatrial.LoadPlan, index, agents int, emit func(seatrial.Interval)) (*Engine, error) {
	if index < 0 || index >= agents {
		return nil, fmt.Errorf("preparing load: agent %d of %d does not exist", index, agents)
	}
	e := &Engine{emit: emit, halt: &halt{done: make(chan struct{})}}
	for _, p := range plans {
		p.Load = plan.Fill(p.Load)
		p.Hurt = cmp.Or(p.Hurt, plan.DefaultHurt)
		if err := plan.Check(p.Load); err != nil {
			return nil, fmt.Errorf("preparing load: %w", err)
		}
		if err := plan.CheckAgents(p.Load, agents); err != nil {
			return nil, fmt.Errorf("preparing load: %w", err)
		}
		if p.UserTimeout > 0 && !userTimeoutHere {
			return nil, fmt.Errorf("preparing load: load %q: its tcpUserTimeout is an option of Linux: run the load there, or leave it out", p.Name)
		}
		s, err := newStream(p, index, agents, e.halt)
		if err != nil {
			return nil, fmt.Errorf("preparing load: %w", err)
		}
		e.streams = append(e.streams, s)
	}
	return e, nil
}

// Run sends until the plans are over or [Engine.Stop] is called, and returns
// when the last answer is in or has timed out. The first request is due at
// start. When ctx ends, requests in flight are given up and counted as failed,
// and Run returns the context's error.
//
// Of every emitted interval, planned = sent + dropped.
func (e *Engine) Run(ctx context.Context, start time.Time) (seatrial.AgentReport, error) {
	cpu := cpuTime()
	var flusher, streams sync.WaitGroup
	over := make(chan struct{})
	flusher.Go(func() { e.flushUntil(over) })
	for _, s := range e.streams {
		streams.Go(func() { s.run(ctx, start) })
	}
	streams.Wait()
	report := seatrial.AgentReport{
		CPU:   seatrial.InSeconds(cpuTime() - cpu),
		Cores: runtime.GOMAXPROCS(0),
		Wall:  seatrial.InSeconds(max(0, time.Since(start))),
	}
	close(over)
	flusher.Wait()
	return report, ctx.Err()
}

// Stop ends the sending now: what is due later was never planned, and what
// waits in line counts as dropped. It does not wait; Run returns soon.
func (e *Engine) Stop() { e.halt.call() }

// flushUntil emits what was counted, every second and once more at the end.
func (e *Engine) flushUntil(over <-chan struct{}) {
	ticker := time.NewTicker(FlushEvery)
	defer ticker.Stop()
	for last := false; !last; {
		select {
		case <-ticker.C:
		case <-over:
			last = true
		}
		for _, s := range e.streams {
			for _, interval := range s.recorder.Take() {
				e.emit(interval)
			}
		}
	}
}

// halt is a stop that happens at most once, at a time that is on record.
type halt struct {
	once sync.Once
	done chan struct{}
	at   time.Time // to be read only after done is closed
}

func (h *halt) call() {
	h.once.Do(func() {
		h.at = time.Now()
		close(h.done)
	})
}
