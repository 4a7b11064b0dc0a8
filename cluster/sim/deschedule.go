package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// deschedule runs the descheduler, as a Job beside the workload would.
type deschedule struct {
	cluster *Cluster
	action  seatrial.Deschedule
}

// descheduling is a run, from its act to its revert.
type descheduling struct {
	task    seatrial.Task
	cancel  context.CancelFunc
	over    bool
	evicted []*world.Pod
	refused int
	next    time.Duration // when the client may ask again, with all of its burst used
}

func (*deschedule) observe() (any, error) { return struct{}{}, nil }

func (d *deschedule) act(ctx context.Context) error {
	if err := d.cluster.ask(ctx, d.action.Target()); err != nil {
		return err
	}
	if d.cluster.descheduling[d.action.Run] != nil {
		return fmt.Errorf("%s runs already", d.action.Target())
	}
	clock := d.cluster.world.Clock
	run := &descheduling{next: clock.Now()}
	// The run is the cluster's, not the caller's: it ends by itself, or when it
	// is taken away.
	ctx, run.cancel = clock.WithTimeout(context.WithoutCancel(ctx), d.action.Expires)
	d.cluster.descheduling[d.action.Run] = run
	run.task = clock.Go(ctx, d.action.Target(), func(ctx context.Context) error { return d.run(ctx, run) })
	return nil
}

func (d *deschedule) run(ctx context.Context, run *descheduling) error {
	w := d.cluster.world
	if err := w.Clock.Sleep(ctx, w.Draw(w.Timings.Descheduler, "descheduler", d.action.Run)); err != nil {
		return err
	}
	w.Deschedule(d.action, func(p *world.Pod) error { return d.evict(ctx, run, p) })
	run.over = ctx.Err() == nil
	return ctx.Err()
}

// evict asks once: a refusal is not asked again in this run.
func (d *deschedule) evict(ctx context.Context, run *descheduling, p *world.Pod) error {
	w := d.cluster.world
	if err := w.Clock.Sleep(ctx, run.pace(w)+w.Draw(w.Timings.Control, "evict", p.UID)); err != nil {
		return err
	}
	if !w.Up() {
		return errors.New("the API server does not answer")
	}
	if p.Gone {
		return fmt.Errorf("pod %s is not there any more", p.Key())
	}
	err := w.Evict(p)
	var refusal *world.Refusal
	if errors.As(err, &refusal) {
		run.refused++
		d.cluster.tellEviction(p.Key(), seatrial.EvictionRefused, seatrial.Warning, refusal.Reason)
		return err
	}
	run.evicted = append(run.evicted, p)
	d.cluster.tellEviction(p.Key(), seatrial.EvictionAccepted, seatrial.Info, "evicted by the descheduler")
	return nil
}

// pace is how long the client waits, as its rate is limited: a token bucket.
func (r *descheduling) pace(w *world.World) time.Duration {
	t := w.Timings
	now, each := w.Clock.Now(), time.Duration(float64(time.Second)/t.EvictionQPS)
	r.next = max(r.next, now-time.Duration(t.EvictionBurst)*each) + each
	return max(0, r.next-now)
}

func (d *deschedule) prove(context.Context) (seatrial.Proof, error) {
	run := d.cluster.descheduling[d.action.Run]
	if run == nil || !run.over {
		return seatrial.Proof{}, errors.New("the descheduler has not run to its end")
	}
	from := map[string][]string{}
	for _, p := range run.evicted {
		if !p.Deleting && !p.Gone {
			return seatrial.Proof{}, fmt.Errorf("pod %s was evicted and is neither terminating nor gone", p.Key())
		}
		from[p.Node.Name] = append(from[p.Node.Name], p.Name)
	}
	proof := seatrial.Proof{Method: "the descheduler has run to its end, and each pod that it evicted is terminating or gone in the API",
		Evidence: map[string]string{"pods evicted": fmt.Sprint(len(run.evicted)), "evictions refused": fmt.Sprint(run.refused)}}
	for node, pods := range from {
		proof.Evidence["from node "+node] = strings.Join(pods, ", ")
	}
	if len(run.evicted) == 0 {
		proof.Method = "the descheduler has run to its end, and has moved nothing"
	}
	return proof, nil
}

// revert takes away what is left of the run.
func (d *deschedule) revert(ctx context.Context, _ seatrial.Prior) error {
	run := d.cluster.descheduling[d.action.Run]
	if run == nil {
		return nil
	}
	run.cancel()
	if err := run.task.Wait(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("ending the descheduler: %w", err)
	}
	delete(d.cluster.descheduling, d.action.Run)
	return d.cluster.confirm(ctx, d.action.Target())
}
