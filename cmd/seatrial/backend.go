package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
	"github.com/seatrial/seatrial/cluster/sim"
	agentimage "github.com/seatrial/seatrial/images/agent"
	"github.com/seatrial/seatrial/images/descheduler"
	"github.com/seatrial/seatrial/load"
)

// The values of --on.
const (
	onSim  = "sim"
	onKind = "kind"
)

// backends lists them for people.
const backends = onSim + ", " + onKind

// site holds what is needed to reach clusters of the chosen backend.
type site struct {
	on         string
	agentImage string
	nodeImage  string
	log        func(format string, args ...any)
	live       io.Writer // for the figures of a trial that runs in real time; nil for none
	// simulate opens a simulated site; nil means [openSim].
	simulate simulator
}

// simulator opens a site in virtual time, on which everything that is left to
// chance follows from the seed.
type simulator func(spec seatrial.Spec, seed uint64) (seatrial.Site, error)

// check refuses what is no backend.
func (s *site) check() error {
	if s.on == onSim || s.on == onKind {
		return nil
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("--on %s: there is no such backend", s.on),
		"this version runs on: "+backends)
}

// checkKind refuses what is not kind, for commands that are about clusters
// which outlive a run.
func (s *site) checkKind(command string) error {
	if s.on != onSim {
		return s.check()
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s is for kind: a simulated cluster ends with its trial and leaves nothing", command),
		"leave out --on "+onSim)
}

// openSim opens a site on the simulator.
func openSim(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
	site, err := sim.Open(spec, seed)
	if err != nil {
		return nil, err // not a nil *sim.Site in an interface that is not nil
	}
	return site, nil
}

// openSimulated opens the simulator for one trial; nothing is reused.
func (s *site) openSimulated(spec seatrial.Spec, seed uint64) (seatrial.Site, error) {
	if s.simulate != nil {
		return s.simulate(spec, seed)
	}
	return openSim(spec, seed)
}

// agents joins the agent's image with the client that speaks to it.
type agents struct{ *agentimage.Provider }

func (agents) Connect(ctx context.Context, clock seatrial.Clock, at []seatrial.Endpoint,
	loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	return load.Connect(ctx, clock, at, loads, sink)
}

func (s *site) options(artifacts string) kind.Options {
	return kind.Options{
		Agents:    agents{&agentimage.Provider{Binary: s.agentImage, Log: s.log}},
		Images:    map[string]func(context.Context) (seatrial.AgentImage, error){seatrial.ImageDescheduler: (&descheduler.Provider{Log: s.log}).Image},
		Image:     s.nodeImage,
		Log:       s.log,
		Artifacts: artifacts,
	}
}

// open boots or reuses the kind cluster that a trial runs on; logs go to
// artifacts when that fails.
func (s *site) open(ctx context.Context, spec seatrial.Spec, artifacts string) (seatrial.Site, error) {
	site, err := kind.Open(ctx, spec, s.options(artifacts))
	if err != nil {
		return nil, err // not a nil *kind.Site in an interface that is not nil
	}
	return site, nil
}

// attach finds a cluster that exists.
func (s *site) attach(ctx context.Context, name string) (*kind.Cluster, error) {
	return kind.Attach(ctx, name, s.options(""))
}

// find looks for a cluster of that shape which runs already; [kind.ErrGone]
// says that there is none.
func (s *site) find(ctx context.Context, shape seatrial.ClusterSpec) (*kind.Cluster, error) {
	all, err := kind.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if i.Healthy && i.Workers == shape.Workers && i.Spares >= shape.Spares {
			return s.attach(ctx, i.Name)
		}
	}
	return nil, kind.ErrGone
}

// stateFolder is where ledgers lie: the user's state folder, so that any later
// run of any folder finds them.
func stateFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "seatrial"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("finding the state folder: %w", err),
			"set HOME or XDG_STATE_HOME")
	}
	return filepath.Join(home, ".local", "state", "seatrial"), nil
}

func ledgerFolder() (string, error) {
	state, err := stateFolder()
	return filepath.Join(state, "ledgers"), err
}
