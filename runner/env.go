package runner

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/seatrial/seatrial"
)

// env is what one fault of a running trial may use.
type env struct {
	clock   seatrial.Clock
	cluster seatrial.Cluster
	ledger  *Ledger
	spec    seatrial.FaultSpec
	at      time.Duration // planned begin on the site's clock
	seed    uint64
	note    func(seatrial.Event)
}

// proofLimit bounds the wait for a proof of a fault without a `for`; one that
// has some may need all of it.
const proofLimit = 30 * time.Second

// revertLimit bounds one attempt to undo an action; [Recover] repeats it.
const revertLimit = 90 * time.Second

func (e *env) Clock() seatrial.Clock     { return e.clock }
func (e *env) Cluster() seatrial.Cluster { return e.cluster }
func (e *env) Span() time.Duration       { return e.spec.For }
func (e *env) Note(ev seatrial.Event)    { e.note(ev) }

// Rand is keyed by the fault's name, so that one fault more in a scenario does
// not change what the others pick.
func (e *env) Rand() *rand.Rand {
	key := fnv.New64a()
	key.Write([]byte(e.spec.Name))
	return rand.New(rand.NewPCG(e.seed, key.Sum64()))
}

func (e *env) Begin(ctx context.Context) error {
	return e.clock.Sleep(ctx, e.at-e.clock.Now())
}

func (e *env) Arm(ctx context.Context, actions ...seatrial.Action) (seatrial.Effect, error) {
	effect := &effect{env: e}
	for _, a := range actions {
		if err := e.cluster.Supports(a); err != nil {
			return nil, fmt.Errorf("%s on %s: %w", a.Kind(), a.Target(), err)
		}
		prior, err := e.cluster.Observe(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("observing %s before %s: %w", a.Target(), a.Kind(), err)
		}
		entry, err := e.ledger.Arm(e.spec.Name, a, prior)
		if err != nil {
			return nil, err
		}
		effect.entries = append(effect.entries, entry)
	}
	return effect, nil
}

// mark writes a step of the fault to the journal.
func (e *env) mark(at time.Duration, m seatrial.FaultMark, severity seatrial.Severity, message string) {
	m.Kind = e.spec.Kind
	e.note(seatrial.Event{At: at, Kind: seatrial.KindFault, Subject: e.spec.Name,
		Severity: severity, Message: message, Data: m})
}

// effect is a set of armed actions of one fault.
type effect struct {
	env     *env
	entries []Entry
	acted   bool // perhaps in part
}

func (f *effect) targets() []string {
	var targets []string
	for _, e := range f.entries {
		targets = append(targets, e.Action.Target())
	}
	return targets
}

// Act does all actions side by side. The fault counts as injected when the
// first of them is in force, not when it was asked for.
func (f *effect) Act(ctx context.Context) error {
	f.acted = true
	done := make([]time.Duration, len(f.entries))
	err := f.each(ctx, "act", func(ctx context.Context, i int, e Entry) error {
		err := f.env.cluster.Act(ctx, e.Action)
		done[i] = f.env.clock.Now()
		return err
	})
	if err != nil {
		return err
	}
	first := done[0]
	for _, at := range done {
		first = min(first, at)
	}
	f.env.mark(first, seatrial.FaultMark{Step: seatrial.Injected, Targets: f.targets()}, seatrial.Warning, "")
	return nil
}

func (f *effect) Prove(ctx context.Context) error {
	ctx, cancel := f.env.clock.WithTimeout(ctx, max(proofLimit, f.env.Span()))
	defer cancel()
	proofs := make([]seatrial.Proof, len(f.entries))
	err := f.each(ctx, "prove", func(ctx context.Context, i int, e Entry) (err error) {
		proofs[i], err = f.env.cluster.Prove(ctx, e.Action)
		return err
	})
	if err != nil {
		f.env.mark(f.env.clock.Now(), seatrial.FaultMark{Step: seatrial.Unproven, Targets: f.targets()},
			seatrial.Severe, err.Error())
		return err
	}
	proof := merge(f.targets(), proofs)
	f.env.mark(f.env.clock.Now(), seatrial.FaultMark{Step: seatrial.Proven, Targets: f.targets(), Proof: &proof}, "", "")
	return nil
}

// merge makes one proof of many; evidence is kept by target.
func merge(targets []string, proofs []seatrial.Proof) seatrial.Proof {
	if len(proofs) == 1 {
		return proofs[0]
	}
	all := seatrial.Proof{Method: proofs[0].Method, Evidence: map[string]string{}}
	for i, p := range proofs {
		for what, seen := range p.Evidence {
			all.Evidence[targets[i]+": "+what] = seen
		}
	}
	return all
}

func (f *effect) Revert(ctx context.Context) error {
	err := revert(ctx, f.env.clock, f.env.cluster, f.env.ledger, f.entries, func(Entry) {})
	if err != nil || !f.acted {
		return err
	}
	f.env.mark(f.env.clock.Now(), seatrial.FaultMark{Step: seatrial.Reverted, Targets: f.targets()}, "", "")
	return nil
}

// each runs a step for every entry side by side and joins the errors.
func (f *effect) each(ctx context.Context, step string, do func(context.Context, int, Entry) error) error {
	var tasks []seatrial.Task
	for i, e := range f.entries {
		name := step + " " + e.Action.Kind() + " " + e.Action.Target()
		tasks = append(tasks, f.env.clock.Go(ctx, name, func(ctx context.Context) error {
			if err := do(ctx, i, e); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}))
	}
	return wait(tasks)
}

func wait(tasks []seatrial.Task) error {
	var errs []error
	for _, t := range tasks {
		errs = append(errs, t.Wait())
	}
	return errors.Join(errs...)
}
