package sim

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/network"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// system is what every cluster runs of its own.
//
//go:embed system.yaml
var system []byte

// Site is one simulated cluster and its users.
type Site struct {
	clock   *virtual.Clock
	cluster *Cluster
}

var _ seatrial.Site = (*Site)(nil)

// Open boots the cluster of a trial. The calling goroutine is the clock's first
// task: the site is used from it, and from tasks that the clock starts, never
// from two goroutines at once. Equal spec and seed give equal trials.
func Open(spec seatrial.Spec, seed uint64) (*Site, error) {
	if len(spec.Clusters) != 1 {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("the simulator runs one cluster, not %d", len(spec.Clusters)),
			"give every cluster a scenario of its own")
	}
	shape := spec.Clusters[0]
	clock := virtual.NewClock()
	w, err := world.New(clock, world.Config{Workers: shape.Workers, Seed: virtual.Seed(seed), Kubernetes: shape.Kubernetes,
		CPU: int64(shape.Node.CPU), Memory: int64(shape.Node.Memory), Timings: shape.Timings})
	if err == nil {
		err = w.Apply(system)
	}
	if err != nil {
		clock.Close()
		return nil, err
	}
	s := &Site{clock: clock, cluster: &Cluster{world: w, network: network.New(w), name: shape.Name,
		revisions: map[string]string{}, acts: map[string]int{}, losers: map[string]string{}, descheduling: map[string]*descheduling{},
		hogs: map[string]*world.Hog{}, cpuHogs: map[string]*world.CPUHog{}, kills: map[string]int{}}}
	if err := s.cluster.Settle(context.Background()); err != nil {
		clock.Close()
		return nil, err
	}
	return s, nil
}

// Clock is the site's virtual time.
func (s *Site) Clock() seatrial.Clock { return s.clock }

// Cluster finds the cluster by its name; empty is the first.
func (s *Site) Cluster(name string) (seatrial.Cluster, error) {
	if name != "" && name != s.cluster.name {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no cluster %q", name), "the cluster is "+s.cluster.name)
	}
	return s.cluster, nil
}

// Prepare makes the users; nothing is sent yet.
func (s *Site) Prepare(_ context.Context, loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	attack, err := s.cluster.network.Attack(loads, sink)
	if err != nil {
		return nil, err
	}
	s.cluster.world.Listen(sink)
	return attack, nil
}

// Close ends the site.
func (s *Site) Close() error {
	s.clock.Close()
	return nil
}

// unsettled puts in words what is missing.
func unsettled(missing []string) string {
	const most = 5
	if len(missing) > most {
		missing = append(missing[:most:most], fmt.Sprintf("and %d more", len(missing)-most))
	}
	return strings.Join(missing, "; ")
}
