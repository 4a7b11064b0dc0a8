package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
	agentimage "github.com/seatrial/seatrial/images/agent"
	"github.com/seatrial/seatrial/load"
)

// backends are the values of --on.
const backends = "kind"

// site holds what is needed to reach clusters of the chosen backend.
type site struct {
	on         string
	agentImage string
	nodeImage  string
	log        func(format string, args ...any)
}

func (s *site) check() error {
	if s.on == "kind" {
		return nil
	}
	return seatrial.Fail(seatrial.BadInput, fmt.Errorf("--on %s: there is no such backend", s.on),
		"this version runs on: "+backends)
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
		Image:     s.nodeImage,
		Log:       s.log,
		Artifacts: artifacts,
	}
}

// open boots or reuses what a trial runs on; logs go to artifacts when that
// fails.
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
		if i.Healthy && i.Workers == shape.Workers {
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
