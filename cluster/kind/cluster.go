package kind

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sigs.k8s.io/kind/pkg/cluster/nodes"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
)

// ErrGone: the cluster does not exist any more, so nothing of it is left to
// revert.
var ErrGone = errors.New("the cluster is gone")

// Cluster is a kind cluster: all that package kube can do through its API, and
// what Docker can do to its nodes.
type Cluster struct {
	*kube.Cluster
	name string // kind's
	opts Options
	link *link
	pool *pool

	mu       sync.Mutex
	armed    []*armed
	members  map[seatrial.Action]member // what was observed before an action on the pool
	imported map[string]bool            // hashes of the images that every node has
}

var _ seatrial.Cluster = (*Cluster)(nil)

// Attach finds a cluster that exists, by kind's name for it, and boots nothing.
// It is for those who come to undo what a dead run left. A cluster that is
// gone gives an error that is [ErrGone].
func Attach(ctx context.Context, name string, o Options) (*Cluster, error) {
	if _, err := askDaemon(ctx); err != nil {
		return nil, err
	}
	nodes, err := nodesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("cluster %s: %w", name, ErrGone),
			"`seatrial clusters` lists those that exist")
	}
	l := newLink(name, o)
	l.keep = true
	c, err := attach(ctx, name, nodes, o, l)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return c, nil
}

// attach heals the nodes first when the API server does not answer: a control
// plane that a dead run froze answers nobody.
func attach(ctx context.Context, name string, nodes map[string]container, o Options, l *link) (*Cluster, error) {
	config, err := restConfig(name, o)
	if err != nil {
		return nil, err
	}
	if silent := answers(ctx, config); silent != nil {
		o.log("cluster %s: %v; looking at its nodes", name, silent)
		if err := heal(ctx, l, nodes, o.log); err != nil {
			return nil, err
		}
		if err := awaitAPI(ctx, config); err != nil {
			return nil, seatrial.Fail(seatrial.Infrastructure, err, "`seatrial clusters` says how the cluster is")
		}
	}
	return newCluster(ctx, name, name, o, l, kube.NewClock())
}

func newLink(name string, o Options) *link {
	return &link{cluster: name, agents: o.Agents, log: o.log}
}

// newCluster joins what there is to name, whose API server answers.
func newCluster(ctx context.Context, name, called string, o Options, l *link, clock *kube.Clock) (*Cluster, error) {
	config, err := restConfig(name, o)
	if err != nil {
		return nil, err
	}
	c := &Cluster{name: name, opts: o, link: l, imported: map[string]bool{}, members: map[seatrial.Action]member{}}
	if c.pool, err = newPool(name, config, l); err != nil {
		return nil, err
	}
	c.pool.release = c.release
	c.Cluster, err = kube.New(ctx, kube.Options{
		Name:        called,
		Ref:         seatrial.Ref{Backend: "kind", Name: name},
		Config:      config,
		Clock:       clock,
		Log:         o.log,
		Agents:      o.Agents,
		Images:      o.Images,
		ImportImage: c.importImage,
		Exclusive:   true,
	})
	if err != nil {
		return nil, fmt.Errorf("reaching cluster %s: %w", name, err)
	}
	return c, nil
}

// Reset does what package kube does, and has each node be the one that it was
// at boot.
func (c *Cluster) Reset(ctx context.Context) error {
	if err := c.pool.asBooted(ctx); err != nil {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("resetting the nodes of cluster %s: %w", c.name, err),
			"`seatrial clusters delete "+c.name+"` starts afresh")
	}
	return c.Cluster.Reset(ctx)
}

// importAgent brings the agent's image to the nodes before anything is
// deployed: it holds the sample application too.
func (c *Cluster) importAgent(ctx context.Context) error {
	if c.opts.Agents == nil {
		return nil
	}
	image, err := c.opts.Agents.Image(ctx)
	if err != nil {
		return fmt.Errorf("making the agent's image: %w", err)
	}
	return c.importImage(ctx, image)
}

// importImage brings an image to every node, once.
func (c *Cluster) importImage(ctx context.Context, image seatrial.AgentImage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.imported[image.Hash] {
		return nil
	}
	all, err := kindNodes(c.name, c.opts)
	if err != nil {
		return err
	}
	if err := loadImage(ctx, all, image); err != nil {
		return err
	}
	c.imported[image.Hash] = true
	return nil
}

func kindNodes(name string, o Options) ([]nodes.Node, error) {
	all, err := provider(o).ListInternalNodes(name)
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of cluster %s: %w", name, err)
	}
	return all, nil
}

// CollectLogs writes the logs of the nodes and of what runs on them into a
// folder. All nodes have to run: a frozen one would not answer.
func (c *Cluster) CollectLogs(folder string) error { return collect(c.name, folder, c.opts) }

// Close ends the connections and the heartbeats. It reverts nothing; what is
// in force ends by itself.
func (c *Cluster) Close() error {
	c.mu.Lock()
	armed := c.armed
	c.armed = nil
	c.mu.Unlock()
	var errs []error
	for _, x := range armed {
		if x.heart != nil {
			errs = append(errs, x.heart.close())
		}
	}
	return errors.Join(append(errs, c.link.close(), c.Cluster.Close())...)
}
