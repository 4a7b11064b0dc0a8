package kind

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
)

// Options are what a user or a command may choose.
type Options struct {
	// Agents gives the agent's image, which is also the guardian's, and its
	// client. Nil is enough where neither an agent nor a new guardian is
	// needed.
	Agents seatrial.Agents
	// Images make what else faults run in a cluster, see [seatrial.Imager].
	Images map[string]func(context.Context) (seatrial.AgentImage, error)
	// Image is the node image. Empty takes seatrial/node of the version that
	// the scenario asks for, or the newest, where that was built; otherwise
	// kindest/node.
	Image string
	// Log takes messages for people; nil drops them.
	Log func(format string, args ...any)
	// Artifacts is the folder for the nodes' logs when a boot fails; empty
	// collects none.
	Artifacts string
	// KeepOnFailure leaves a cluster that did not boot as it is.
	KeepOnFailure bool
}

func (o Options) log(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

// Site is one or more kind clusters and the agents in the first.
type Site struct {
	opts     Options
	clock    *kube.Clock
	names    []string
	clusters []*Cluster
	locks    []*lock
}

var _ seatrial.Site = (*Site)(nil)

// Open finds the clusters of a spec among those that seatrial keeps, heals
// what a dead run left on them, and boots what is missing. Until Close no
// other process can open them: it is told who has them. Failures have a class
// and a hint.
func Open(ctx context.Context, spec seatrial.Spec, o Options) (*Site, error) {
	s := &Site{opts: o, clock: kube.NewClock()}
	if err := s.open(ctx, spec); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Site) open(ctx context.Context, spec seatrial.Spec) error {
	if spec.Front != nil {
		return seatrial.Fail(seatrial.BadInput, errors.New("kind has no front: its load agents run in the cluster"), "run it with --on sim")
	}
	d, err := askDaemon(ctx)
	if err != nil {
		return err
	}
	wanted := spec.Clusters
	if len(wanted) == 0 {
		wanted = []seatrial.ClusterSpec{{Name: "main"}}
	}
	same := map[string]int{}
	for _, w := range wanted {
		shape, err := resolve(ctx, d, w, s.opts)
		if err != nil {
			return err
		}
		first, err := shape.name(1)
		if err != nil {
			return err
		}
		same[first]++
		if err := s.add(ctx, w.Name, shape, same[first]); err != nil {
			return err
		}
	}
	return s.bring(ctx, spec.Faults)
}

// bring has the images that faults need on the nodes before there is any load:
// a build takes minutes.
func (s *Site) bring(ctx context.Context, faults []seatrial.FaultSpec) error {
	for _, f := range faults {
		imager, ok := f.Fault.(seatrial.Imager)
		if !ok {
			continue
		}
		cluster, err := s.find(f.Cluster)
		if err != nil {
			return err
		}
		for _, name := range imager.Images() {
			if _, err := cluster.ImportImage(ctx, name); err != nil {
				return fmt.Errorf("preparing fault %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// resolve decides what a cluster of the scenario is on this host.
func resolve(ctx context.Context, d daemon, w seatrial.ClusterSpec, o Options) (shape, error) {
	image, err := findNodeImage(ctx, o.Image, w.Kubernetes)
	if err != nil {
		return shape{}, err
	}
	a, err := adapt(ctx, d)
	if err != nil {
		return shape{}, fmt.Errorf("looking at this host: %w", err)
	}
	return shapeOf(w, image, a), nil
}

// add locks, heals or boots, and joins one cluster.
func (s *Site) add(ctx context.Context, called string, shape shape, nth int) error {
	name, err := shape.name(nth)
	if err != nil {
		return err
	}
	l, err := claim(ctx, name)
	if err != nil {
		return err
	}
	s.locks = append(s.locks, l)
	link := newLink(name, s.opts)
	if err := ensure(ctx, name, shape, s.opts, link); err != nil {
		return errors.Join(err, link.close())
	}
	c, err := newCluster(ctx, name, called, s.opts, link, s.clock)
	if err != nil {
		return errors.Join(err, link.close())
	}
	s.names = append(s.names, called)
	s.clusters = append(s.clusters, c)
	return c.importAgent(ctx)
}

// ensure has the cluster there and healthy: one that is broken itself is booted
// anew. What else keeps it from being used is no reason to delete it.
func ensure(ctx context.Context, name string, shape shape, o Options, l *link) error {
	begun := time.Now()
	nodes, err := nodesOf(ctx, name)
	if err != nil {
		return err
	}
	if len(nodes) > 0 {
		sick := revive(ctx, name, shape, nodes, o, l)
		if sick == nil {
			o.log("reusing cluster %s (%v)", name, time.Since(begun).Round(10*time.Millisecond))
			return nil
		}
		if ctx.Err() != nil {
			return sick
		}
		if err := condemned(ctx, sick); err != nil {
			return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("cluster %s was not touched: %w", name, err),
				"`seatrial clusters` says how the cluster is; `seatrial clusters delete "+name+"` starts afresh")
		}
		o.log("cluster %s cannot be used: %v; booting it anew", name, sick)
		if err := remove(ctx, name, o); err != nil {
			return err
		}
	}
	if err := boot(ctx, name, shape, o); err != nil {
		return err
	}
	return usable(ctx, name, shape, o, l)
}

// faultyError says that a cluster itself is broken, so that booting it anew
// would help. No agent's image, no answer of Docker or of the guardian, and no
// state folder say nothing about the cluster.
type faultyError struct{ error }

func (e faultyError) Unwrap() error { return e.error }

// faulty marks an error as the cluster's own; nil stays nil.
func faulty(err error) error {
	if err == nil {
		return nil
	}
	return faultyError{err}
}

// condemned is nil when a cluster that could not be revived is to be deleted;
// otherwise it is what has to be mended outside it. Docker is asked again: while
// its daemon is away, every node looks broken.
func condemned(ctx context.Context, sick error) error {
	if !errors.As(sick, new(faultyError)) {
		return sick
	}
	_, err := askDaemon(ctx)
	return err
}

// revive heals a cluster that exists; its error says why that cannot be done,
// and is marked by [faulty] where that is the cluster's fault.
func revive(ctx context.Context, name string, shape shape, nodes map[string]container, o Options, l *link) error {
	if err := unpause(ctx, nodes, o.log); err != nil {
		return faulty(err)
	}
	nodes, err := nodesOf(ctx, name)
	if err != nil {
		return err
	}
	if err := complete(nodes, shape); err != nil {
		return faulty(err)
	}
	if err := heal(ctx, l, nodes, o.log); err != nil {
		return err
	}
	if err := limit(ctx, nodes, name, shape); err != nil {
		return err
	}
	return usable(ctx, name, shape, o, l)
}

// usable has the nodes as they are to be, waits for them, and has the guardian
// answer.
func usable(ctx context.Context, name string, shape shape, o Options, l *link) error {
	config, err := restConfig(name, o)
	if err != nil {
		return err
	}
	err = asBooted(ctx, name, config, l)
	if err == nil {
		err = awaitReady(ctx, config, shape.workers)
	}
	if err == nil {
		err = awaitSize(ctx, config, shape.size)
	}
	if err != nil {
		return faulty(seatrial.Fail(seatrial.Infrastructure, err, "`seatrial clusters delete "+name+"` starts afresh"))
	}
	_, err = l.connect(ctx)
	return err
}

// asBooted brings the pool of nodes back to what it was at boot.
func asBooted(ctx context.Context, name string, config *rest.Config, l *link) error {
	if err := awaitAPI(ctx, config); err != nil {
		return err
	}
	p, err := newPool(name, config, l)
	if err != nil {
		return err
	}
	return p.asBooted(ctx)
}

// Clock is the one clock of the site: the real one.
func (s *Site) Clock() seatrial.Clock { return s.clock }

// Cluster finds a cluster by its name in the scenario; empty is the first.
func (s *Site) Cluster(name string) (seatrial.Cluster, error) {
	c, err := s.find(name)
	if err != nil {
		return nil, err // not a nil *Cluster in an interface that is not nil
	}
	return c, nil
}

func (s *Site) find(name string) (*Cluster, error) {
	for i, known := range s.names {
		if known == name || name == "" {
			return s.clusters[i], nil
		}
	}
	return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no cluster %q", name),
		"the scenario has: "+strings.Join(s.names, ", "))
}

// Prepare watches the clusters, starts an agent in the first, and gives it the
// loads.
func (s *Site) Prepare(ctx context.Context, loads []seatrial.LoadPlan, sink seatrial.Sink) (seatrial.Attack, error) {
	for _, c := range s.clusters {
		c.Watch(sink)
	}
	endpoints, err := s.clusters[0].StartAgents(ctx, strings.ToLower(rand.Text()[:8]), 1)
	if err != nil {
		return nil, fmt.Errorf("starting the agent: %w", err)
	}
	return s.opts.Agents.Connect(ctx, s.clock, endpoints, loads, sink)
}

// CollectLogs writes the logs of every cluster into a folder.
func (s *Site) CollectLogs(folder string) error {
	var errs []error
	for _, c := range s.clusters {
		errs = append(errs, c.CollectLogs(folder))
	}
	return errors.Join(errs...)
}

// Close lets the clusters go; they stay up for the next trial.
func (s *Site) Close() error {
	var errs []error
	for _, c := range s.clusters {
		errs = append(errs, c.Close())
	}
	for _, l := range s.locks {
		errs = append(errs, l.release())
	}
	s.clusters, s.locks = nil, nil
	return errors.Join(errs...)
}
