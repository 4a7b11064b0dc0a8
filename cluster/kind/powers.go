package kind

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
	"github.com/seatrial/seatrial/cluster/kube"
)

const (
	portAPI     = 6443  // of the API server
	portKubelet = 10250 // of every kubelet
	portDNS     = 53

	runtimeSocket = "/run/containerd/containerd.sock" // of a node's containerd
)

// controlDaemons are the control plane's own, by the names of their processes.
var controlDaemons = []string{"kube-apiserver", "kube-controller", "kube-scheduler", "etcd"}

// expiry is after how long an action ends by itself; zero for those that never
// do, or must not go without.
func expiry(a seatrial.Action) time.Duration {
	switch a := a.(type) {
	case seatrial.Freeze:
		return a.Expires
	case seatrial.Throttle:
		return a.Expires
	case seatrial.StopKubelet:
		return a.Expires
	case seatrial.StopRuntime:
		return a.Expires
	case seatrial.Partition:
		return a.Expires
	case seatrial.PowerOff:
		return a.Expires
	case seatrial.StopControlPlane:
		return a.Expires
	case seatrial.DNSDown:
		return a.Expires
	case seatrial.DNSTerminated:
		return a.Expires
	case seatrial.BreakCNI:
		return a.Expires
	case seatrial.LoseVolume:
		return a.Expires
	case seatrial.HogMemory:
		return a.Expires
	case seatrial.HogCPU:
		return a.Expires
	}
	return 0
}

// guarded: the guardian does the action, or at least ends it. The others need
// the API server only.
func guarded(a seatrial.Action) bool {
	switch a.(type) {
	case seatrial.Freeze, seatrial.Throttle, seatrial.StopKubelet, seatrial.StopRuntime, seatrial.Partition,
		seatrial.PowerOff, seatrial.StopControlPlane, seatrial.DNSDown, seatrial.DNSTerminated,
		seatrial.BreakCNI, seatrial.LoseVolume, seatrial.HogMemory, seatrial.HogCPU:
		return true
	}
	return false
}

// Supports checks the parameters. What drops packets also needs a kernel that
// can do that in both directions, which the guardian has tried.
func (c *Cluster) Supports(a seatrial.Action) error {
	if p := c.poolPower(a); p != nil {
		return seatrial.Fail(seatrial.BadInput, p.supported(), "")
	}
	if !guarded(a) {
		return c.Cluster.Supports(a)
	}
	if expiry(a) <= 0 {
		return fmt.Errorf("%s: an action that makes a node unusable needs an end by itself", a.Kind())
	}
	node := "-"
	switch a := a.(type) {
	case seatrial.Freeze:
		node = a.Node
		if a.Mode != seatrial.Sigstop && a.Mode != seatrial.Cgroup && a.Mode != seatrial.Blackout {
			return fmt.Errorf("freeze mode %q is unknown to kind: sigstop, cgroup and blackout are known", a.Mode)
		}
	case seatrial.Throttle:
		node = a.Node
		if a.CPUs <= 0 {
			return errors.New("throttle needs a number of CPUs above 0")
		}
	case seatrial.StopKubelet:
		node = a.Node
	case seatrial.StopRuntime:
		node = a.Node
	case seatrial.Partition:
		node = a.Node
	case seatrial.PowerOff:
		node = a.Node
	case seatrial.BreakCNI:
		node = a.Node
	case seatrial.DNSTerminated:
		node = a.Pod
	case seatrial.LoseVolume:
		node = a.Pod
	case seatrial.HogMemory:
		node = a.Node
		if a.Rate <= 0 {
			return errors.New("hogMemory needs a rate above 0")
		}
	case seatrial.HogCPU:
		node = a.Node
		if a.Threads <= 0 {
			return errors.New("hogCPU needs a number of threads above 0")
		}
	}
	if node == "" {
		return fmt.Errorf("%s does not say on what", a.Kind())
	}
	if why := c.link.noBlackout(); why != "" && drops(a) {
		return fmt.Errorf("%s cannot be had here: %s", a.Kind(), why)
	}
	return nil
}

// drops: the action drops packets.
func drops(a seatrial.Action) bool {
	switch a := a.(type) {
	case seatrial.Freeze:
		return a.Mode == seatrial.Blackout
	case seatrial.Partition, seatrial.PowerOff, seatrial.DNSTerminated:
		return true
	}
	return false
}

// plan says how the guardian does x, and gives x what its proof asks.
func (c *Cluster) plan(ctx context.Context, x *armed) (guardian.Plan, error) {
	nodes, err := nodesOf(ctx, c.name)
	if err != nil {
		return guardian.Plan{}, err
	}
	control := ""
	for name, n := range nodes {
		if n.controlPlane() {
			control = name
		}
	}
	p := guardian.Plan{ID: rand.Text()}
	on := control
	switch a := x.action.(type) {
	case seatrial.Freeze:
		on, p.Freeze = a.Node, a.Mode
	case seatrial.Throttle:
		on, p.CPUs = a.Node, a.CPUs
	case seatrial.StopKubelet:
		on, p.Units = a.Node, []string{"kubelet"}
		x.probe = &guardian.Probe{Network: "tcp", Address: "127.0.0.1:" + strconv.Itoa(portKubelet)}
	case seatrial.StopRuntime:
		on, p.Units = a.Node, []string{"containerd"}
		x.probe = &guardian.Probe{Network: "unix", Address: runtimeSocket}
	case seatrial.PowerOff:
		on, p.PowerOff = a.Node, true
		x.prior.Control = on == control
	case seatrial.Partition:
		on = a.Node
		err = partition(x, &p, on, nodes[control])
	case seatrial.StopControlPlane:
		stopControlPlane(x, &p, a.Hang)
	case seatrial.DNSDown:
		err = c.planDNSDown(ctx, x, &p)
	case seatrial.HogMemory:
		on = a.Node
		p.Hog = &guardian.Hog{Memory: int64(a.Bytes), Rate: int64(a.Rate), Time: a.Expires}
		err = c.planHog(ctx, x, p.Hog, nodes[on], podOf{a.Namespace, a.Pod, a.Container})
	case seatrial.HogCPU:
		on = a.Node
		p.Hog = &guardian.Hog{Threads: a.Threads, Time: a.Expires}
		err = c.planHog(ctx, x, p.Hog, nodes[on], podOf{a.Namespace, a.Pod, a.Container})
	case seatrial.DNSTerminated:
		on, err = c.planDNSTerminated(ctx, x, &p, a)
	case seatrial.BreakCNI:
		on, p.Plugin = a.Node, true
		x.probe = &guardian.Probe{Network: "sandbox", Address: runtimeSocket}
	case seatrial.LoseVolume:
		on, err = c.planLoseVolume(ctx, x, &p, a)
	}
	if err == nil {
		p.Node, err = pick(nodes, c.name, c.machine(on))
	}
	if x.probe != nil {
		x.probe.Node = p.Node
	}
	return p, err
}

func partition(x *armed, p *guardian.Plan, on string, control container) error {
	if on == control.name() {
		return seatrial.Fail(seatrial.BadInput, errors.New("the control plane's node cannot be cut off from itself"), "choose a worker")
	}
	ip, err := control.ip()
	p.Cut = &guardian.Cut{Peer: ip, Ports: []uint16{portAPI, portKubelet}}
	x.probe = &guardian.Probe{Network: "tcp", Address: ip + ":" + strconv.Itoa(portAPI)}
	return err
}

// stopControlPlane stops the kubelet first, which would start the static pods
// again. Their containers stay: etcd's data is in one.
func stopControlPlane(x *armed, p *guardian.Plan, hang bool) {
	x.prior.Control = true
	p.Units = []string{"kubelet"}
	if hang {
		p.Stop = controlDaemons
		return
	}
	p.Kill = controlDaemons
	x.probe = &guardian.Probe{Network: "tcp", Address: "127.0.0.1:" + strconv.Itoa(portAPI)}
}

// planDNSDown leaves the act to package kube; the guardian undoes it.
func (c *Cluster) planDNSDown(ctx context.Context, x *armed, p *guardian.Plan) error {
	raw, err := c.Cluster.Observe(ctx, x.action)
	if err != nil {
		return err
	}
	var was kube.DNSScale
	if err := json.Unmarshal(raw, &was); err != nil {
		return fmt.Errorf("reading the scale of DNS: %w", err)
	}
	x.prior.API = json.RawMessage(raw)
	p.Restore = []string{"scale", "--namespace=kube-system", "deployment/" + was.Deployment, fmt.Sprintf("--replicas=%d", was.Replicas)}
	return nil
}

// planDNSTerminated cuts the pod's DNS port at its own link. Its probes are
// answered still, so Kubernetes goes on sending it queries, and a pod that is
// deleted takes its link along. It returns the pod's node.
func (c *Cluster) planDNSTerminated(ctx context.Context, x *armed, p *guardian.Plan, a seatrial.DNSTerminated) (string, error) {
	pod, err := c.DNSPod(ctx, a.Namespace, a.Pod)
	if err != nil {
		return "", err
	}
	if x.prior.API, err = json.Marshal(pod); err != nil {
		return "", fmt.Errorf("writing down pod %s: %w", a.Pod, err)
	}
	x.uid = pod.UID
	p.Cut = &guardian.Cut{Pod: string(pod.UID), Ports: []uint16{portDNS}}
	x.probe = &guardian.Probe{Network: "dns", Address: pod.IP + ":" + strconv.Itoa(portDNS)}
	return pod.Node, nil
}
