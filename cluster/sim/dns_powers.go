package sim

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

var (
	everything = labels.Everything()
	dnsPods    = labels.SelectorFromSet(labels.Set{"k8s-app": "kube-dns"})
)

const dnsNamespace, dnsDeployment, dnsService = "kube-system", "coredns", "kube-dns"

// dnsDown scales the cluster's DNS to nothing.
type dnsDown struct {
	cluster *Cluster
	action  seatrial.DNSDown
}

// scale is the prior state of what is scaled.
type scale struct {
	Replicas int `json:"replicas"`
}

func (d *dnsDown) deployment() (world.Scaled, error) {
	if s, ok := d.cluster.world.Workload("deployment", dnsNamespace, dnsDeployment).(world.Scaled); ok {
		return s, nil
	}
	return nil, errors.New("the cluster has no " + dnsDeployment)
}

func (d *dnsDown) observe() (any, error) {
	s, err := d.deployment()
	if err != nil {
		return nil, err
	}
	return scale{s.Replicas()}, nil
}

func (d *dnsDown) act(ctx context.Context) error {
	if err := d.cluster.ask(ctx, dnsDeployment); err != nil {
		return err
	}
	s, err := d.deployment()
	if err != nil {
		return err
	}
	before := s.Scale(0)
	d.cluster.expire(d.action, d.action.Expires, func() {
		if s.Replicas() == 0 {
			s.Scale(before)
		}
	})
	return nil
}

func (d *dnsDown) prove(context.Context) (seatrial.Proof, error) {
	if left := d.cluster.world.Pods(dnsNamespace, dnsPods); len(left) > 0 {
		return seatrial.Proof{}, fmt.Errorf("%d pods of DNS are left", len(left))
	}
	return seatrial.Proof{Method: "no pod of DNS is left"}, nil
}

func (d *dnsDown) revert(ctx context.Context, prior seatrial.Prior) error {
	state, err := was[scale](prior)
	if err != nil {
		return err
	}
	s, err := d.deployment()
	if err != nil {
		return err
	}
	s.Scale(state.Replicas)
	if err := d.cluster.world.Clock.Until(ctx, func() bool { return s.Missing() == "" }); err != nil {
		return fmt.Errorf("waiting for DNS to be back: %w: %s", err, s.Missing())
	}
	return nil
}

// dnsTerminated lets one pod of DNS hang, and stay in rotation.
type dnsTerminated struct {
	cluster *Cluster
	action  seatrial.DNSTerminated
}

func (d *dnsTerminated) pod() *world.Pod {
	return d.cluster.world.Pod(d.action.Namespace, d.action.Pod)
}

func (d *dnsTerminated) observe() (any, error) {
	p := d.pod()
	if p == nil {
		return nil, fmt.Errorf("pod %s/%s is not there any more", d.action.Namespace, d.action.Pod)
	}
	return inForce{p.Hung()}, nil
}

func (d *dnsTerminated) act(context.Context) error {
	p := d.pod()
	if p == nil {
		return nil // the proof decides
	}
	p.Hang(true)
	d.cluster.expire(d.action, d.action.Expires, func() { p.Hang(false) })
	return nil
}

// prove asks the pod itself, and looks whether it is in rotation.
func (d *dnsTerminated) prove(context.Context) (seatrial.Proof, error) {
	p := d.pod()
	if p == nil {
		return seatrial.Proof{}, errors.New("the pod is gone")
	}
	service := d.cluster.world.Service(dnsNamespace, dnsService)
	switch process := service.Target(p, dnsPort); {
	case process == nil || !process.Still():
		return seatrial.Proof{}, errors.New("the pod answers, or nothing listens there")
	case !p.Ready || p.Deleting:
		return seatrial.Proof{}, errors.New("the pod is not in rotation")
	}
	return seatrial.Proof{Method: "the pod does not answer, while its endpoint is ready: its process stands still, without probes"}, nil
}

const dnsPort = 53

func (d *dnsTerminated) revert(_ context.Context, prior seatrial.Prior) error {
	state, err := was[inForce](prior)
	if p := d.pod(); err == nil && p != nil && !state.Was {
		p.Hang(false)
	}
	return err
}
