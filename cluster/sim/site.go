package sim

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
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

// Site is simulated clusters and their users.
type Site struct {
	clock    *virtual.Clock
	clusters []*Cluster
}

var _ seatrial.Site = (*Site)(nil)

// Open boots the clusters of a trial. The calling goroutine is the clock's first
// task: the site is used from it, and from tasks that the clock starts, never
// from two goroutines at once. Equal spec and seed give equal trials.
func Open(spec seatrial.Spec, seed uint64) (*Site, error) {
	s := &Site{clock: virtual.NewClock()}
	if err := s.boot(spec, seed); err != nil {
		s.clock.Close()
		return nil, err
	}
	return s, nil
}

func (s *Site) boot(spec seatrial.Spec, seed uint64) error {
	var names []string
	var networks []*network.Network
	for i, shape := range spec.Clusters {
		prefix := ""
		if len(spec.Clusters) > 1 {
			prefix = shape.Name + "-"
		}
		c, err := boot(s.clock, shape, prefix, seedOf(seed, i))
		if err != nil {
			return err
		}
		s.clusters = append(s.clusters, c)
		names, networks = append(names, shape.Name), append(networks, c.network)
	}
	if spec.Front != nil {
		network.NewFront(*spec.Front, names, networks)
	}
	return nil
}

// seedOf is the seed of the n-th cluster. Two with the same would have the same
// luck; the first has the trial's, as if it were alone.
func seedOf(seed uint64, n int) virtual.Seed {
	if n == 0 {
		return virtual.Seed(seed)
	}
	return virtual.Seed(virtual.Seed(seed).Rand("cluster", strconv.Itoa(n)).Uint64())
}

func boot(clock *virtual.Clock, shape seatrial.ClusterSpec, prefix string, seed virtual.Seed) (*Cluster, error) {
	w, err := world.New(clock, world.Config{Prefix: prefix, Workers: shape.Workers, Seed: seed, Kubernetes: shape.Kubernetes,
		CPU: int64(shape.Node.CPU), Memory: int64(shape.Node.Memory), Timings: shape.Timings})
	if err == nil {
		err = w.Apply(system)
	}
	if err != nil {
		return nil, err
	}
	c := &Cluster{world: w, network: network.New(w), name: shape.Name,
		revisions: map[string]string{}, acts: map[string]int{}, losers: map[string]string{}, descheduling: map[string]*descheduling{},
		hogs: map[string]*world.Hog{}, cpuHogs: map[string]*world.CPUHog{}, kills: map[string]int{}}
	return c, c.Settle(context.Background())
}

// Clock is the site's virtual time.
func (s *Site) Clock() seatrial.Clock { return s.clock }

// Cluster finds a cluster by its name; empty is the first.
func (s *Site) Cluster(name string) (seatrial.Cluster, error) {
	var names []string
	for _, c := range s.clusters {
		if name == "" || name == c.name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no cluster %q", name), "the clusters are: "+strings.Join(names, ", "))
}

// Prepare makes the users; nothing is sent yet.
func (s *Site) Prepare(_ context.Context, loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	attack, err := s.clusters[0].network.Attack(loads, sink)
	if err != nil {
		return nil, err
	}
	for _, c := range s.clusters {
		c.world.Listen(sink)
	}
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
