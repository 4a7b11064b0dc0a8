package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
	"github.com/seatrial/seatrial/cluster/kube"
	"github.com/seatrial/seatrial/cluster/sim"
	agentimage "github.com/seatrial/seatrial/images/agent"
	"github.com/seatrial/seatrial/images/descheduler"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/runner"
)

// The backends.
const (
	Sim  = "sim"  // in this process, in virtual time; nothing outlives a trial
	Kind = "kind" // clusters of kind on this machine's Docker, which are kept and reused
)

// Names lists the backends for people.
const Names = Sim + ", " + Kind

// Backend is a place for trials. Set its fields before the first call of a
// method; it is then safe for several goroutines.
type Backend struct {
	// On is Sim or Kind.
	On string
	// AgentImage is a seatrial-agent for Linux to make the agent's image of; empty
	// is a release's, or one that is built. On Kind alone.
	AgentImage string
	// NodeImage is kind's node image; empty is the local seatrial/node, or else
	// kindest/node. On Kind alone.
	NodeImage string
	// Log is told how it goes; nil is nobody.
	Log func(format string, args ...any)
	// Watch, if not nil, makes what sees the load of a trial while it is sent, and
	// what messages go through meanwhile. Not on Sim, which is over too soon.
	Watch func(timeline seatrial.Timeline) (runner.Watcher, func(format string, args ...any))
	// Arguments are more of those that repeat a trial's command, quoted for a shell.
	Arguments string
	// Simulate opens a simulated site; nil is the simulator.
	Simulate Simulator
}

// Simulator opens a site in virtual time, on which everything that is left to
// chance follows from the seed.
type Simulator func(spec seatrial.Spec, seed uint64) (seatrial.Site, error)

// Check refuses what is no backend.
func (b *Backend) Check() error {
	if b.On == Sim || b.On == Kind {
		return nil
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no backend %q", b.On), "this version runs on: "+Names)
}

// Available says why trials cannot run here at all; nil where they can.
func (b *Backend) Available(ctx context.Context) error {
	if b.On == Kind {
		return kind.Available(ctx)
	}
	return b.Check()
}

// Busy says whether a trial failed for nothing but that somebody else has its
// cluster. Nothing was done then.
func Busy(err error) bool { return errors.Is(err, kind.ErrInUse) || errors.Is(err, runner.ErrHeld) }

func (b *Backend) log(format string, args ...any) {
	if b.Log != nil {
		b.Log(format, args...)
	}
}

// OpenSim opens a site on the simulator.
func OpenSim(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
	site, err := sim.Open(spec, seed)
	if err != nil {
		return nil, err // not a nil *sim.Site in an interface that is not nil
	}
	return site, nil
}

// openSim opens the simulator for one trial; nothing is reused.
func (b *Backend) openSim(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
	if b.Simulate != nil {
		return b.Simulate(spec, seed)
	}
	return OpenSim(spec, seed)
}

// openKind boots or reuses the kind cluster that a trial runs on; logs go to
// artifacts when that fails.
func (b *Backend) openKind(ctx context.Context, spec seatrial.Spec, artifacts string) (seatrial.Site, error) {
	site, err := kind.Open(ctx, spec, b.options(artifacts))
	if err != nil {
		return nil, err // not a nil *kind.Site in an interface that is not nil
	}
	return site, nil
}

// agents joins the agent's image with the client that speaks to it.
type agents struct{ *agentimage.Provider }

func (agents) Connect(ctx context.Context, clock seatrial.Clock, at []seatrial.Endpoint,
	loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	return load.Connect(ctx, clock, at, loads, sink)
}

// Create boots the cluster of a shape on [Kind], or finds it.
func (b *Backend) Create(ctx context.Context, shape seatrial.ClusterSpec) (kind.Info, error) {
	return kind.Create(ctx, shape, b.options(""))
}

// options are what package kind needs. Logs of nodes go to the folder artifacts
// when something fails; empty is nowhere.
func (b *Backend) options(artifacts string) kind.Options {
	return kind.Options{
		Agents:    agents{&agentimage.Provider{Binary: b.AgentImage, Log: b.log}},
		Images:    map[string]func(context.Context) (seatrial.AgentImage, error){seatrial.ImageDescheduler: (&descheduler.Provider{Log: b.log}).Image},
		Image:     b.NodeImage,
		Log:       b.log,
		Artifacts: artifacts,
	}
}

// attach finds a cluster that exists.
func (b *Backend) attach(ctx context.Context, name string) (*kind.Cluster, error) {
	return kind.Attach(ctx, name, b.options(""))
}

// find looks for a cluster of that shape which runs already; [kind.ErrGone]
// says that there is none.
func (b *Backend) find(ctx context.Context, shape seatrial.ClusterSpec) (*kind.Cluster, error) {
	all, err := kind.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if i.Healthy && i.Workers == shape.Workers && i.Spares >= shape.Spares {
			return b.attach(ctx, i.Name)
		}
	}
	return nil, kind.ErrGone
}

// Hits lists what the faults of a trial would hit, and touches nothing.
// [kind.ErrGone] says that no cluster runs to look at.
func (b *Backend) Hits(ctx context.Context, t seatrial.Trial, seed uint64) ([]runner.Hit, error) {
	if b.On == Sim {
		site, err := b.openSim(t.Spec, seed)
		if err != nil {
			return nil, err
		}
		hits, err := runner.PlanOn(ctx, t, site, seed)
		return hits, errors.Join(err, site.Close())
	}
	cluster, err := b.find(ctx, t.Spec.Clusters[0])
	if err != nil {
		return nil, err
	}
	hits, err := runner.Plan(ctx, t, kube.NewClock(), func(string) (seatrial.Cluster, error) { return cluster, nil }, seed)
	return hits, errors.Join(err, cluster.Close())
}
