package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// Info describes a cluster that seatrial keeps.
type Info struct {
	Name    string
	Workers int // for the workload
	Spares  int // held back, for faults that let nodes join
	Image   string
	Created time.Time
	Healthy bool
	Why     string // it is not healthy; empty when it is
	InUse   bool   // by another process
}

// Available is nil where a Docker daemon answers that could have clusters.
func Available(ctx context.Context) error {
	_, err := askDaemon(ctx)
	return err
}

// List finds the clusters that seatrial booted, sorted by name. It changes
// nothing.
func List(ctx context.Context) ([]Info, error) {
	if _, err := askDaemon(ctx); err != nil {
		return nil, err
	}
	all, err := containers(ctx, "label="+labelKind)
	if err != nil {
		return nil, err
	}
	clusters := map[string]map[string]container{}
	for _, c := range all {
		name := c.Config.Labels[labelKind]
		if _, _, known := sizeOf(name); !known {
			continue
		}
		if clusters[name] == nil {
			clusters[name] = map[string]container{}
		}
		clusters[name][c.name()] = c
	}
	infos := make([]Info, 0, len(clusters))
	for name, nodes := range clusters {
		infos = append(infos, inform(ctx, name, nodes))
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return infos, nil
}

func inform(ctx context.Context, name string, nodes map[string]container) Info {
	info := Info{Name: name}
	info.Workers, info.Spares, _ = sizeOf(name)
	for _, n := range nodes {
		info.Image = n.Config.Image
		if info.Created.IsZero() || n.Created.Before(info.Created) {
			info.Created = n.Created
		}
	}
	l, err := grab(name)
	if err == nil {
		err = l.release()
	}
	if info.InUse = errors.Is(err, ErrInUse); info.InUse || err == nil {
		err = healthy(ctx, name, nodes, shape{workers: info.Workers, spares: info.Spares})
	}
	if err != nil {
		info.Why = err.Error()
	}
	info.Healthy = info.Why == ""
	return info
}

// healthy is one look.
func healthy(ctx context.Context, name string, nodes map[string]container, s shape) error {
	if err := complete(nodes, s); err != nil {
		return err
	}
	config, err := restConfig(name, Options{})
	if err != nil {
		return err
	}
	client, err := clientset(config)
	if err != nil {
		return err
	}
	return ready(ctx, client, s.nodes())
}

// Create boots the cluster of a spec, or finds it.
func Create(ctx context.Context, spec seatrial.ClusterSpec, o Options) (Info, error) {
	s, err := Open(ctx, seatrial.Spec{Clusters: []seatrial.ClusterSpec{spec}}, o)
	if err != nil {
		return Info{}, err
	}
	name := s.clusters[0].name
	if err := s.Close(); err != nil {
		return Info{}, err
	}
	nodes, err := nodesOf(ctx, name)
	if err != nil {
		return Info{}, err
	}
	return inform(ctx, name, nodes), nil
}

// Delete removes a cluster that seatrial booted, with its guardian. It refuses
// any other, and one that is in use.
func Delete(ctx context.Context, name string) error {
	if _, _, known := sizeOf(name); !known {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("cluster %q is not one of seatrial's", name),
			"`seatrial clusters` lists them")
	}
	if _, err := askDaemon(ctx); err != nil {
		return err
	}
	l, err := grab(name)
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, err, "end the run that uses it first")
	}
	nodes, err := nodesOf(ctx, name)
	if err == nil && len(nodes) == 0 {
		err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no cluster %q", name), "`seatrial clusters` lists them")
	}
	if err == nil {
		err = remove(ctx, name, Options{})
	}
	return errors.Join(err, l.release())
}
