package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

// Connect gives each agent its share of the loads and compares clocks with it.
// Nothing is sent until the returned attack is started.
//
// Intervals reach the sink with the agent's name, at the end an event of
// [seatrial.KindAgent] with each agent's report. An agent that is not heard of
// for a while keeps its records and is asked again, for as long as the
// context of [seatrial.Attack.Wait] lasts.
func Connect(ctx context.Context, clock seatrial.Clock, agents []seatrial.Endpoint, loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	if len(agents) == 0 {
		return nil, errors.New("connecting to the load agents: there is none")
	}
	a := &attack{clock: clock, sink: sink}
	for _, endpoint := range agents {
		a.agents = append(a.agents, newRemote(endpoint, clock))
	}
	filled := make([]seatrial.LoadPlan, len(loads))
	for i, l := range loads {
		l.Load = plan.Fill(l.Load)
		filled[i] = l
	}
	err := a.each(ctx, func(ctx context.Context, i int, r *remote) error {
		if err := r.call(ctx, http.MethodPost, "/prepare", Order{Loads: filled, Index: i, Of: len(a.agents)}, nil); err != nil {
			return err
		}
		return r.measure(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the load agents: %w", err)
	}
	return a, nil
}

// attack is the agents of one trial.
type attack struct {
	clock  seatrial.Clock
	sink   seatrial.Sink
	agents []*remote

	mu     sync.Mutex         // of Start; what it guards does not change after that
	pulls  []seatrial.Task    // one an agent
	giveUp context.CancelFunc // ends the pulls; nil until started
}

// each does f for all agents at once.
func (a *attack) each(ctx context.Context, f func(context.Context, int, *remote) error) error {
	var tasks []seatrial.Task
	for i, r := range a.agents {
		tasks = append(tasks, a.clock.Go(ctx, "agent "+r.Name, func(ctx context.Context) error { return f(ctx, i, r) }))
	}
	return wait(tasks)
}

func wait(tasks []seatrial.Task) error {
	var all error
	for _, t := range tasks {
		all = errors.Join(all, t.Wait())
	}
	return all
}

// Start implements [seatrial.Attack]. The time must be far enough ahead for
// the agents to hear of it: they refuse a start that has passed. When one
// refuses, the others are stopped.
func (a *attack) Start(ctx context.Context, at time.Duration) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.giveUp != nil {
		return errors.New("starting the load: it was started before")
	}
	err := a.each(ctx, func(ctx context.Context, _ int, r *remote) error {
		return r.call(ctx, http.MethodPost, "/start", Start{At: int64(at + r.offset.site)}, nil)
	})
	if err != nil {
		// Those that agreed would send alone. That the others refuse to stop
		// what they never began is no news.
		_ = a.each(context.WithoutCancel(ctx), stop)
		return fmt.Errorf("starting the load: %w", err)
	}
	// Results are fetched even when the trial is cut short.
	pulling, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	a.giveUp = giveUp
	for _, r := range a.agents {
		pull := func(ctx context.Context) error { return a.pull(ctx, r) }
		a.pulls = append(a.pulls, a.clock.Go(pulling, "records of agent "+r.Name, pull))
	}
	return nil
}

// Stop implements [seatrial.Attack]. It is no error when there is nothing to
// stop: before the start, or when an agent is through.
func (a *attack) Stop(ctx context.Context) error {
	if !a.started() {
		return nil
	}
	if err := a.each(ctx, stop); err != nil {
		return fmt.Errorf("stopping the load: %w", err)
	}
	return nil
}

// stop tells one agent, unless it is through, or is so before it could be
// told: it ends itself then. That one is lost is for Wait to say.
func stop(ctx context.Context, _ int, r *remote) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.over, cancel)()
	err := r.call(ctx, http.MethodPost, "/stop", nil, nil)
	if r.over.Err() != nil {
		return nil
	}
	return err
}

func (a *attack) started() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.giveUp != nil
}

// Wait implements [seatrial.Attack]. When ctx ends, the agents that are not
// through count as lost. A started attack must be waited for: that ends its
// tasks. One that was not started has nothing to wait for.
func (a *attack) Wait(ctx context.Context) error {
	if !a.started() {
		return nil
	}
	defer context.AfterFunc(ctx, a.giveUp)()
	defer a.giveUp()
	if err := wait(a.pulls); err != nil {
		return fmt.Errorf("collecting the load's records: %w", err)
	}
	return nil
}
