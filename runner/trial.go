package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

const (
	// startLead is how long before the first due request the agents hear of
	// it: several times the round trip through an API server under load.
	startLead = time.Second
	// armLead is how long before its time a fault begins to prepare.
	armLead = 3 * time.Second
	// steadyHold is how long the steady state must have held after the faults
	// for the trial to end before its recovery time is over.
	steadyHold = 5 * time.Second
	// reportLag is how long after its due time a quick request has surely
	// reached the runner: agents flush every second.
	reportLag = 2 * time.Second
	// settleLimit bounds deploying: image start, readiness probes, scheduling.
	settleLimit = 3 * time.Minute
	// drainLimit bounds the wait for the last results beyond the clients' own
	// timeouts.
	drainLimit = 30 * time.Second
)

// Setup is what a trial needs besides what is tried.
type Setup struct {
	// Open boots or reuses the site.
	Open func(ctx context.Context) (seatrial.Site, error)
	// Guard starts a guardian for a cluster; nil where nothing outlives the
	// runner, as in the simulator.
	Guard func(ref seatrial.Ref) (*Guardian, error)
	// Ledgers is the folder of the ledgers; empty keeps them in memory, where
	// nothing outlives the runner.
	Ledgers string
	// Journal takes everything that happens. The caller closes it.
	Journal *journal.Writer
	// Header is the journal's first line; Run adds what it knows itself.
	Header journal.Header
	// Artifacts is the folder for node logs when something fails.
	Artifacts string
	// Keep leaves the workload deployed.
	Keep bool
	// Log is progress for people.
	Log func(format string, args ...any)
	// Watch, if any, sees what the journal takes in while the load is sent.
	Watch Watcher
}

// Watcher shows a trial while it runs. It is safe for use by many at once, and
// does not keep what it is given.
type Watcher interface {
	// Begin says that load is about to be sent; now is the time since the
	// trial's start, negative in the warm-up.
	Begin(now func() time.Duration)
	seatrial.Sink
	// End says that every answer is in.
	End()
}

// trial is one run of one variant.
type trial struct {
	Setup
	spec      seatrial.Spec
	manifests func(cluster string) []byte
	site      seatrial.Site
	clock     seatrial.Clock
	held      []*held
	sink      *sink
	zero      time.Duration // the trial's start on the site's clock
	over      time.Duration // when the last fault had ended, since the trial's start
}

// held is a cluster that this trial may act on.
type held struct {
	name     string
	cluster  seatrial.Cluster
	ledger   *Ledger
	guardian *Guardian
}

// Run does one trial and writes its journal; report folds that into verdict
// and figures. The error says what kept the trial from running to its end; the
// journal says so too, and its report is invalid. Whatever happens, what was
// done to the clusters is undone before Run returns, or stays in the ledger
// and is part of the error.
func Run(ctx context.Context, t seatrial.Trial, s Setup) (err error) {
	r := &trial{Setup: s, spec: t.Spec, manifests: t.ManifestsOf}
	r.sink = newSink(s.Journal, t.Spec.Timeline.Warmup)
	r.sink.watch = s.Watch
	defer func() { err = errors.Join(err, r.finish(ctx, err)) }()
	if err := r.open(ctx); err != nil {
		return err
	}
	if err := r.deploy(ctx); err != nil {
		return err
	}
	if err := r.preflight(ctx); err != nil {
		return err
	}
	return r.attack(ctx)
}

// open brings the site up, takes the ledgers, and undoes what a dead run left.
func (r *trial) open(ctx context.Context) (err error) {
	r.Log("opening the site")
	if r.site, err = r.Open(ctx); err != nil {
		return err
	}
	r.clock = r.site.Clock()
	r.sink.clock = r.clock
	for _, c := range r.spec.Clusters {
		if err := r.hold(ctx, c.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *trial) hold(ctx context.Context, name string) error {
	cluster, err := r.site.Cluster(name)
	if err != nil {
		return err
	}
	h := &held{name: name, cluster: cluster}
	if h.ledger, err = r.ledger(cluster.Ref()); err != nil {
		return err
	}
	r.held = append(r.held, h)
	err = Recover(ctx, r.clock, cluster, h.ledger, func(e Entry) {
		r.Log("recovered: undid %s of %s, which a dead run left", e.Action.Kind(), e.Action.Target())
		r.note(seatrial.Event{Kind: seatrial.KindRevert, Subject: e.Action.Target(), Severity: seatrial.Warning,
			Message: "undid " + e.Action.Kind() + ", which a dead run left"})
	})
	if err != nil || r.Guard == nil {
		return err
	}
	h.guardian, err = r.Guard(cluster.Ref())
	return err
}

func (r *trial) ledger(ref seatrial.Ref) (*Ledger, error) {
	if r.Ledgers == "" {
		return MemoryLedger(ref), nil
	}
	return OpenLedger(r.Ledgers, ref)
}

// deploy removes what earlier trials left, and brings the workload up.
func (r *trial) deploy(ctx context.Context) error {
	r.phase("deploy", seatrial.Begin)
	defer r.phase("deploy", seatrial.End)
	ctx, cancel := r.clock.WithTimeout(ctx, settleLimit)
	defer cancel()
	for _, h := range r.held {
		r.Log("cluster %s: resetting, deploying", h.cluster.Ref().Name)
		if err := deploy(ctx, h.cluster, r.manifests(h.name)); err != nil {
			return err
		}
	}
	return nil
}

func deploy(ctx context.Context, cluster seatrial.Cluster, manifests []byte) error {
	if err := cluster.Reset(ctx); err != nil {
		return fmt.Errorf("resetting cluster %s: %w", cluster.Ref().Name, err)
	}
	if err := cluster.Apply(ctx, manifests); err != nil {
		return fmt.Errorf("deploying the workload: %w", err)
	}
	if err := cluster.Settle(ctx); err != nil {
		return fmt.Errorf("waiting for the workload: %w", err)
	}
	return nil
}

// preflight asks what the first faults would hit, so that a wrong name costs no
// warm-up. Later faults may need what earlier ones bring about.
func (r *trial) preflight(ctx context.Context) error {
	first := r.spec.Timeline.Trial
	for _, f := range r.spec.Faults {
		first = min(first, f.At)
	}
	for _, f := range r.spec.Faults {
		if f.At > first {
			continue
		}
		for _, h := range dryRun(ctx, r.env(f)) {
			if h.Refuse != nil && !errors.Is(h.Refuse, errPlanned) {
				return seatrial.Fail(seatrial.BadInput, fmt.Errorf("fault %s: %w", f.Name, h.Refuse),
					"`seatrial plan` shows what each fault would hit")
			}
		}
	}
	return nil
}

// plans gives every load the length of the whole trial; its shape begins after
// the warm-up.
func (r *trial) plans() []seatrial.LoadPlan {
	length := r.spec.Timeline.Warmup + r.spec.Timeline.Trial + r.spec.Timeline.Recovery
	var plans []seatrial.LoadPlan
	for _, l := range r.spec.Loads {
		l.Shape.Lead = r.spec.Timeline.Warmup
		plans = append(plans, seatrial.LoadPlan{Load: l, Duration: length, Hurt: r.spec.Hurt, Seed: r.Header.Seed})
	}
	return plans
}

// attack is the part under load: warm-up, faults, heal, recovery, on one
// clock.
func (r *trial) attack(ctx context.Context) error {
	r.Log("starting the agents")
	attack, err := r.site.Prepare(ctx, r.plans(), r.sink)
	if err != nil {
		return fmt.Errorf("preparing the load: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.sink.endWith(cancel)
	start := r.clock.Now() + startLead
	r.zero = start + r.spec.Timeline.Warmup
	if err := r.writeHeader(ctx, start); err != nil {
		return errors.Join(err, r.end(ctx, attack))
	}
	if r.Watch != nil {
		r.Watch.Begin(func() time.Duration { return r.clock.Now() - r.zero })
		defer r.Watch.End()
	}
	if err := attack.Start(ctx, start); err != nil {
		return errors.Join(fmt.Errorf("starting the load: %w", err), r.end(ctx, attack))
	}
	err = r.underLoad(ctx)
	return r.reason(errors.Join(err, r.heal(ctx), r.end(ctx, attack)))
}

// reason leaves out what only follows from a journal that cannot be written,
// and keeps what could not be undone.
func (r *trial) reason(err error) error {
	spoilt := r.Journal.Err()
	if spoilt != nil && !errors.Is(err, ErrInForce) {
		return spoilt
	}
	return errors.Join(spoilt, err)
}

func (r *trial) underLoad(ctx context.Context) error {
	r.Log("load begins: %s of warm-up, then the trial", r.spec.Timeline.Warmup)
	r.phaseAt(r.zero-r.spec.Timeline.Warmup, "warmup", seatrial.Begin)
	running := r.startFaults(ctx)
	if err := r.clock.Sleep(ctx, r.zero-r.clock.Now()); err != nil {
		return errors.Join(err, running.stop())
	}
	r.phaseAt(r.zero, "trial", seatrial.Begin)
	if why := r.unsteady(); why != "" {
		r.invalid("the steady state did not hold before the faults: " + why)
		return running.stop()
	}
	r.Log("trial begins: steady state holds")
	err := running.wait()
	r.over = r.clock.Now() - r.zero
	if err == nil {
		err = r.clock.Sleep(ctx, r.zero+r.spec.Timeline.Trial-r.clock.Now())
	}
	return err
}

// unsteady says why the steady state does not hold in the second half of the
// warm-up, as far as results are in; the report judges it again on all.
func (r *trial) unsteady() string {
	half := r.spec.Timeline.Warmup / 2
	if half <= reportLag {
		return ""
	}
	held, why := r.sink.holds(r.spec.SteadyState, r.spec.Loads, -half, -reportLag)
	if held {
		return ""
	}
	return why
}

// heal undoes what is still in force and waits until clusters and users are
// well again, or the recovery time is over.
func (r *trial) heal(ctx context.Context) error {
	r.phase("recovery", seatrial.Begin)
	var errs []error
	for _, h := range r.held {
		errs = append(errs, Recover(ctx, r.clock, h.cluster, h.ledger, func(e Entry) {
			r.note(seatrial.Event{Kind: seatrial.KindRevert, Subject: e.Action.Target(), Message: "undid " + e.Action.Kind()})
		}))
	}
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return err
	}
	limit := r.zero + r.spec.Timeline.Trial + r.spec.Timeline.Recovery
	r.Log("faults are over: waiting for the steady state, at most %s", r.spec.Timeline.Recovery)
	err := r.whole(ctx, limit)
	for err == nil && r.clock.Now() < limit {
		now := r.clock.Now() - r.zero - reportLag
		if now-steadyHold >= max(0, r.over) {
			if held, _ := r.sink.holds(r.spec.SteadyState, r.spec.Loads, now-steadyHold, now); held {
				return nil
			}
		}
		err = r.clock.Sleep(ctx, 500*time.Millisecond)
	}
	return err
}

// whole waits until nodes and workload are as they were. What stays broken is
// a finding about the workload, not an error of the trial.
func (r *trial) whole(ctx context.Context, limit time.Duration) error {
	for _, h := range r.held {
		bounded, cancel := r.clock.WithTimeout(ctx, limit-r.clock.Now())
		err := h.cluster.Settle(bounded)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.note(seatrial.Event{Kind: seatrial.KindSteady, Subject: h.name, Severity: seatrial.Severe,
				Message: "the cluster did not become whole again: " + err.Error()})
		}
	}
	return nil
}

// end stops the load and waits for the last results, also after an interrupt.
func (r *trial) end(ctx context.Context, attack seatrial.Attack) error {
	patience := drainLimit
	for _, l := range r.spec.Loads {
		patience = max(patience, drainLimit+l.Client.Longest())
	}
	ctx, cancel := r.clock.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := errors.Join(attack.Stop(ctx), attack.Wait(ctx))
	if err != nil {
		return fmt.Errorf("ending the load: %w", err)
	}
	return nil
}

// salvage collects the logs of a site that has some.
func (r *trial) salvage() error {
	site, ok := r.site.(interface{ CollectLogs(folder string) error })
	if !ok || r.Artifacts == "" {
		return nil
	}
	r.Log("collecting the nodes' logs in %s", r.Artifacts)
	return site.CollectLogs(r.Artifacts)
}

// finish writes the journal's last line and lets go of everything.
func (r *trial) finish(ctx context.Context, failed error) error {
	if failed != nil {
		r.invalid(failed.Error())
	}
	interrupted := ctx.Err() != nil
	var errs []error
	var known *seatrial.Error
	wrongInput := errors.As(failed, &known) && known.Class == seatrial.BadInput
	if failed != nil && !interrupted && !wrongInput {
		errs = append(errs, r.salvage())
	}
	if !r.Keep && failed == nil {
		for _, h := range r.held {
			errs = append(errs, h.cluster.Reset(ctx))
		}
	}
	r.sink.begin(r.Header)
	r.note(seatrial.Event{Kind: seatrial.KindTrial, Edge: seatrial.End,
		Data: r.sink.trailer(interrupted)})
	for _, h := range r.held {
		if h.guardian == nil || len(h.ledger.Entries()) > 0 {
			continue // a guardian that is not released undoes what is left
		}
		errs = append(errs, h.guardian.Release())
	}
	for _, h := range r.held {
		errs = append(errs, h.ledger.Close())
	}
	if r.site != nil {
		errs = append(errs, r.site.Close())
	}
	return errors.Join(errs...)
}
