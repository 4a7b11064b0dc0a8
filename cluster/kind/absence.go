package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// silenced is nil when the probe was answered before the act, and now has the
// answer that is wanted.
func (x *armed) silenced(answer, want guardian.Answer) error {
	switch {
	case x.first != guardian.Answered:
		return fmt.Errorf("%s was %s before the act already, which proves nothing", x.probe.Address, x.first)
	case answer != want:
		return fmt.Errorf("%s, asked from inside the node: %s, not %s", x.probe.Address, answer, want)
	}
	return nil
}

// beforeAndNow are the probe's answers, for people.
func (x *armed) beforeAndNow(now sight) string {
	return string(x.first) + " before, " + string(now.answer) + " now"
}

// stopKubelet: a node without its kubelet.
func (c *Cluster) stopKubelet(a seatrial.StopKubelet) *power {
	return c.stopUnit(a.Node, a.Expires, "kubelet", guardian.Probe{Network: "tcp", Address: "127.0.0.1:" + strconv.Itoa(portKubelet)},
		"no kubelet among the node's processes, read from its host, and its port refuses connections")
}

// stopRuntime: a node without its container runtime.
func (c *Cluster) stopRuntime(a seatrial.StopRuntime) *power {
	return c.stopUnit(a.Node, a.Expires, "containerd", guardian.Probe{Network: "unix", Address: runtimeSocket},
		"no container runtime among the node's processes, read from its host, and its socket refuses connections")
}

func (c *Cluster) stopUnit(node string, expires time.Duration, unit string, probe guardian.Probe, method string) *power {
	return &power{
		on: node, expires: expires,
		plan: func(_ context.Context, x *armed, p *guardian.Plan, _ map[string]container) (string, error) {
			p.Units = []string{unit}
			x.probe = &probe
			return node, nil
		},
		see: c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
			return x.absenceProof(now, guardian.Refused, method, "daemons running", strings.Join(now.Daemons, ", "))
		}),
	}
}

// partition: a node and the control plane do not hear of each other.
func (c *Cluster) partition(a seatrial.Partition) *power {
	return &power{
		on: a.Node, expires: a.Expires, drops: true,
		plan: func(_ context.Context, x *armed, p *guardian.Plan, all map[string]container) (string, error) {
			control := controlPlane(all)
			if c.machine(a.Node) == control.name() {
				return "", seatrial.Fail(seatrial.BadInput, errors.New("the control plane's node cannot be cut off from itself"), "choose a worker")
			}
			ip, err := control.ip()
			p.Cut = &guardian.Cut{Peer: ip, Ports: []uint16{portAPI, portKubelet}}
			x.probe = &guardian.Probe{Network: "tcp", Address: ip + ":" + strconv.Itoa(portAPI)}
			return a.Node, err
		},
		see: c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
			return x.absenceProof(now, guardian.Silent, "a connection from the node to the API server, which was answered before, gets no answer",
				"packets dropped", strconv.FormatUint(now.CutDropped, 10))
		}),
	}
}

// absenceProof is for what is missing on one node: kubelet, runtime, or the way
// to the control plane.
func (x *armed) absenceProof(now sight, want guardian.Answer, method, what, seen string) (seatrial.Proof, error) {
	if err := errors.Join(x.silenced(now.answer, want), running(now.State, x.prior.Found.Daemons)); err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{Method: method, Evidence: map[string]string{x.probe.Address: x.beforeAndNow(now), what: seen}}, nil
}

// running says which of these daemons run still.
func running(s guardian.State, daemons []string) error {
	for _, name := range daemons {
		if slices.Contains(s.Daemons, name) {
			return fmt.Errorf("%s runs still", name)
		}
	}
	return nil
}

// powerOff: a node stops at once, and loses what it had in memory.
func (c *Cluster) powerOff(a seatrial.PowerOff) *power {
	return &power{
		on: a.Node, expires: a.Expires, drops: true, beats: true,
		plan: func(ctx context.Context, x *armed, p *guardian.Plan, all map[string]container) (string, error) {
			n, err := c.seen(ctx, a.Node)
			if err == nil && n != nil && n.Agents {
				err = seatrial.Fail(seatrial.BadInput, fmt.Errorf("the load agents run on node %s: the users would go with it", a.Node),
					"leave it out; a loss of the whole cluster is for the simulator (--on sim), where users are outside")
			}
			if err != nil {
				return "", err
			}
			p.PowerOff = true
			x.prior.Control = c.machine(a.Node) == controlPlane(all).name()
			return a.Node, nil
		},
		see: c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) { return x.powerProof(now.State) }),
	}
}

// powerProof: nothing runs, nothing gets in or out, and a heartbeat has ended.
func (x *armed) powerProof(s guardian.State) (seatrial.Proof, error) {
	err := x.heart.dead(x.at)
	switch {
	case err != nil:
	case s.Freezer != "FROZEN":
		err = fmt.Errorf("the freezer is %s", s.Freezer)
	case s.Rules < 2:
		err = fmt.Errorf("%d drop rules are in force", s.Rules)
	}
	if err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "a heartbeat inside the node that ended, and the state of its freezer and of its links, read from its host",
		Evidence: map[string]string{"freezer": s.Freezer, "drop rules": strconv.Itoa(s.Rules),
			"packets dropped": strconv.FormatUint(s.Dropped, 10)},
	}, nil
}

// controlDaemons are the control plane's own, by the names of their processes.
var controlDaemons = []string{"kube-apiserver", "kube-controller", "kube-scheduler", "etcd"}

// stopControlPlane stops the kubelet first, which would start the static pods
// again. Their containers stay: etcd's data is in one.
func (c *Cluster) stopControlPlane(a seatrial.StopControlPlane) *power {
	return &power{
		on: nobody, expires: a.Expires,
		plan: func(_ context.Context, x *armed, p *guardian.Plan, all map[string]container) (string, error) {
			x.prior.Control = true
			p.Units = []string{"kubelet"}
			if a.Hang {
				p.Stop = controlDaemons
			} else {
				p.Kill = controlDaemons
				x.probe = &guardian.Probe{Network: "tcp", Address: "127.0.0.1:" + strconv.Itoa(portAPI)}
			}
			return controlPlane(all).name(), nil
		},
		see: c.bySight(c.controlPlaneProof),
	}
}

// controlPlaneProof: its processes are gone or stand still, and the runner, from
// outside, gets no answer.
func (c *Cluster) controlPlaneProof(ctx context.Context, x *armed, now sight) (seatrial.Proof, error) {
	err := running(now.State, controlDaemons)
	if err == nil && x.probe != nil {
		err = x.silenced(now.answer, guardian.Refused)
	}
	if err != nil {
		return seatrial.Proof{}, err
	}
	said, err := c.askAPI(ctx)
	if err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "none of the control plane's processes runs, read from its node's host, and the API server, asked from outside, gives no answer",
		Evidence: map[string]string{"daemons running": strings.Join(now.Daemons, ", "), "processes stopped": strconv.Itoa(len(now.Stopped)),
			"the API server, from outside": said},
	}, nil
}

// askLimit is how long the API server has to answer when nobody expects it to.
const askLimit = time.Second

// askAPI returns in words that the API server does not answer; that it does is
// the error.
func (c *Cluster) askAPI(ctx context.Context) (string, error) {
	config, err := restConfig(c.name, c.opts)
	if err != nil {
		return "", err
	}
	config = rest.CopyConfig(config)
	config.Timeout = askLimit
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a client: %w", err)
	}
	silence := client.Discovery().RESTClient().Get().AbsPath("/livez").MaxRetries(0).Do(ctx).Error()
	if silence == nil {
		return "", errors.New("the API server answers still")
	}
	return silence.Error(), ctx.Err()
}
