package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// requestCost is the CPU time that a request takes on its node beside what it
// waits for: kube-proxy's rules, two HTTP stacks, the runtime (kind).
const requestCost = 650 * time.Microsecond

// CPUHog is something that computes without end.
type CPUHog struct {
	node *Node
	in   *Container // within whose limit it is; nil: the node's own
	want float64    // cores
}

// HogCPU lets something on the node compute on so many cores, beside all pods.
func (n *Node) HogCPU(cores float64) *CPUHog { return n.hogCPU(nil, cores) }

// HogCPU lets the container compute on so many cores; nil where it does not run.
func (c *Container) HogCPU(cores float64) *CPUHog {
	if c.process == nil {
		return nil
	}
	return c.pod.Node.hogCPU(c, cores)
}

func (n *Node) hogCPU(in *Container, cores float64) *CPUHog {
	h := &CPUHog{node: n, in: in, want: cores}
	n.cpuHogs = append(n.cpuHogs, h)
	return h
}

// End lets it stop.
func (h *CPUHog) End() {
	h.node.cpuHogs = slices.DeleteFunc(h.node.cpuHogs, func(o *CPUHog) bool { return o == h })
	h.node.cpuFree = 0
}

// Runs says whether it has not ended.
func (h *CPUHog) Runs() bool { return slices.Contains(h.node.cpuHogs, h) }

// Hogged is the cores that hogs on the node get while everybody computes.
func (n *Node) Hogged() float64 {
	sum := 0.0
	for _, h := range n.cpuHogs {
		sum += h.Share()
	}
	return sum
}

// Compute is how much longer a request takes because others want the CPU, too:
// it queues for the cores, or for what is left of them. A process beside a hog in
// one container shares what that may use; the other pods of the node have the
// rest.
func (p *Process) Compute() time.Duration {
	n := p.Pod.Node
	cores, free := n.left(), &n.cpuFree
	for _, h := range n.cpuHogs {
		if h.in == p.container {
			cores, free = h.beside(), &p.cpuFree
		}
	}
	now := n.world.Clock.Now()
	*free = max(*free, now) + time.Duration(float64(requestCost)/cores)
	return *free - now
}

// left is what the node has for requests beside its hogs.
func (n *Node) left() float64 {
	cores := n.usable()
	return max(cores-n.Hogged(), cores/100) // a thread that wakes gets its turn
}

func (n *Node) usable() float64 {
	if n.throttled > 0 {
		return min(n.cores, n.throttled)
	}
	return n.cores
}

// beside is what is left to a process in the hog's own container: its one
// thread, by turns with the hog's.
func (h *CPUHog) beside() float64 {
	cores := h.node.usable()
	if limit := h.in.spec.limit.cpu; limit > 0 {
		cores = min(cores, float64(limit)/1000)
	}
	return cores / (1 + max(1, h.want))
}

// Share is what the hog gets while everybody computes: no more than it wants or
// its limit lets it, and its share of the node by weight. Weights are
// cpu.shares, as the kubelet sets them from requests
// (pkg/kubelet/cm/helpers_linux.go: MilliCPUToShares); what is not a pod's has
// the kernel's default, 1024, beside the 1024 a core of all pods together.
func (h *CPUHog) Share() float64 {
	n := h.node
	cores := n.usable()
	if h.in == nil {
		return min(h.want, cores/(1+n.cores))
	}
	share := min(h.want, cores)
	if limit := h.in.spec.limit.cpu; limit > 0 {
		share = min(share, float64(limit)/1000)
	}
	own, all := h.in.pod.weight(), 0.0
	for _, p := range n.pods {
		all += p.weight()
	}
	return min(share, cores*own/all)
}

// weight is the pod's cpu.shares.
func (p *Pod) weight() float64 {
	if p.Template.qos == corev1.PodQOSBestEffort {
		return 2
	}
	return max(2, float64(p.Template.request.cpu)*1024/1000)
}
