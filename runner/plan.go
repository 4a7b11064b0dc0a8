package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// Hit is one action that a fault would do.
type Hit struct {
	Fault  string
	Kind   string        // of the fault
	At     time.Duration // since the trial's start
	For    time.Duration // zero: open
	Action string        // what it would do
	Target string
	Refuse error // why this backend, or the cluster as it is, does not allow it
}

// errPlanned ends a dry run where the real one would begin to act.
var errPlanned = errors.New("a dry run ends here")

// Plan runs every fault of a trial up to the point where it would begin to
// act, and lists what it would hit in its cluster, which find finds by its name. It
// touches nothing.
func Plan(ctx context.Context, t seatrial.Trial, clock seatrial.Clock, find func(name string) (seatrial.Cluster, error), seed uint64) ([]Hit, error) {
	var hits []Hit
	for _, spec := range t.Spec.Faults {
		cluster, err := find(spec.Cluster)
		if err != nil {
			return nil, fmt.Errorf("fault %s: %w", spec.Name, err)
		}
		hits = append(hits, dryRun(ctx, &env{clock: clock, cluster: cluster, spec: spec, seed: seed})...)
	}
	return hits, nil
}

// PlanOn deploys the workload of a trial on a site that nobody else uses, as
// the trial itself does, and lists what its faults would hit there. On the
// simulator these are the targets that the trial of that seed chooses, unless
// an earlier fault changes what a later one finds.
func PlanOn(ctx context.Context, t seatrial.Trial, site seatrial.Site, seed uint64) ([]Hit, error) {
	clock := site.Clock()
	bounded, cancel := clock.WithTimeout(ctx, settleLimit)
	defer cancel()
	for _, c := range t.Spec.Clusters {
		cluster, err := site.Cluster(c.Name)
		if err == nil {
			err = deploy(bounded, cluster, t.ManifestsOf(c.Name))
		}
		if err != nil {
			return nil, err
		}
	}
	return Plan(ctx, t, clock, site.Cluster, seed)
}

// dryRun lists what one fault would hit; at least one line, if only to say why
// there is nothing to hit.
func dryRun(ctx context.Context, e *env) []Hit {
	d := &dry{env: *e}
	d.note = func(seatrial.Event) {}
	err := e.spec.Fault.Run(ctx, d)
	if len(d.hits) == 0 {
		d.hits = []Hit{{Refuse: err}}
	}
	for i := range d.hits {
		h := &d.hits[i]
		h.Fault, h.Kind, h.At, h.For = e.spec.Name, e.spec.Kind, e.spec.At, e.spec.For
	}
	return d.hits
}

// dry is an env that arms nothing.
type dry struct {
	env
	hits []Hit
}

func (d *dry) Arm(_ context.Context, actions ...seatrial.Action) (seatrial.Effect, error) {
	for _, a := range actions {
		d.hits = append(d.hits, Hit{Action: a.Kind(), Target: a.Target(), Refuse: d.cluster.Supports(a)})
	}
	return noEffect{}, nil
}

func (d *dry) Begin(context.Context) error { return errPlanned }

// noEffect is what a dry run arms; nobody gets past Begin to use it but a
// fault's deferred revert.
type noEffect struct{}

func (noEffect) Act(context.Context) error    { return errPlanned }
func (noEffect) Prove(context.Context) error  { return errPlanned }
func (noEffect) Revert(context.Context) error { return nil }
