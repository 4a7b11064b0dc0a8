package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Node is a machine and its Node object.
type Node struct {
	Name          string
	Labels        labels.Set
	Taints        []corev1.Taint
	Unschedulable bool
	ControlPlane  bool
	Agents        bool
	Ready         corev1.ConditionStatus // in the API

	world       *World
	index       int
	allocatable resources
	requested   resources
	assumed     resources // the same, with what containers without requests count as
	limit       int       // of pods
	pods        []*Pod

	machine
	health
	proxy proxy

	asObject *corev1.Node // of its name and labels
}

// machine is how the node really is, whatever the API says.
type machine struct {
	frozen    bool // nothing on it runs; its kernel may
	silent    bool // no packet comes in or out
	throttled float64
	waiting   []func() // what its processes and its kubelet would have done, had they run
	outbox    []func() // what its kubelet would have told the API server
}

// Frozen says whether processes stand still.
func (n *Node) Frozen() bool { return n.frozen }

// Silent says whether packets from and to the node are lost.
func (n *Node) Silent() bool { return n.silent }

// Throttled is the cores that are left to the node; zero means all.
func (n *Node) Throttled() float64 { return n.throttled }

// Throttle leaves so many cores to the node; zero lifts the limit. The sample
// application waits rather than computes, so only the record of it matters.
func (n *Node) Throttle(cpus float64) { n.throttled = cpus }

// Freeze lets everything on the node stand still; silent loses its packets,
// too.
func (n *Node) Freeze(silent bool) {
	if n.frozen {
		return
	}
	n.frozen, n.silent = true, silent
	n.proxy.catchUp(n)
	n.world.lifecycle.reach(n)
	for p := range n.processes() {
		if p.backend != nil {
			p.backend.Freeze()
		}
	}
}

// Thaw lets it go on. What was due while it stood still happens now.
func (n *Node) Thaw() {
	if !n.frozen {
		return
	}
	n.frozen, n.silent = false, false
	n.proxy.resume(n.world.Clock.Now())
	for p := range n.processes() {
		if p.backend != nil {
			p.backend.Thaw()
		}
	}
	n.world.lifecycle.reach(n)
	due := n.waiting
	n.waiting = nil
	for _, f := range due {
		f()
	}
}

// processes yields what runs in the node's pods.
func (n *Node) processes() func(func(*Process) bool) {
	return func(yield func(*Process) bool) {
		for _, p := range slices.Clone(n.pods) {
			for _, c := range p.containers {
				if c.process != nil && !yield(c.process) {
					return
				}
			}
		}
	}
}

// does lets something on the node happen after d, or when the node runs again.
func (n *Node) does(d time.Duration, f func()) {
	n.world.Clock.Do(d, func() {
		if n.frozen {
			n.waiting = append(n.waiting, f)
			return
		}
		f()
	})
}

// tells lets the kubelet write something to the API, now or when it reaches it
// again.
func (n *Node) tells(f func()) {
	if !n.reaches() {
		n.outbox = append(n.outbox, f)
		return
	}
	n.world.Clock.Do(n.world.draw(n.world.Timings.Watch, "status", n.Name), func() {
		if !n.reaches() {
			n.outbox = append(n.outbox, f)
			return
		}
		f()
	})
}

// reaches says whether the kubelet runs and reaches the API server.
func (n *Node) reaches() bool { return !n.frozen && !n.silent }

func (n *Node) add(p *Pod) {
	n.pods = append(n.pods, p)
	n.requested = n.requested.plus(p.Template.request)
	n.assumed = n.assumed.plus(p.Template.assumed)
}

func (n *Node) remove(p *Pod) {
	if i := slices.Index(n.pods, p); i >= 0 {
		n.pods = slices.Delete(n.pods, i, i+1)
		n.requested = n.requested.minus(p.Template.request)
		n.assumed = n.assumed.minus(p.Template.assumed)
	}
}

// tainted says whether the node has a taint of that key and effect.
func (n *Node) tainted(key string, effect corev1.TaintEffect) bool {
	return slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool { return t.Key == key && t.Effect == effect })
}

func (n *Node) taint(key string, effect corev1.TaintEffect) {
	if !n.tainted(key, effect) {
		n.Taints = append(n.Taints, corev1.Taint{Key: key, Effect: effect})
	}
}

func (n *Node) untaint(key string) {
	n.Taints = slices.DeleteFunc(n.Taints, func(t corev1.Taint) bool { return t.Key == key })
}

// Beat lets f be called after d if something on the node can run then.
func (n *Node) Beat(d time.Duration, f func()) {
	n.world.Clock.Do(d, func() {
		if !n.frozen {
			f()
		}
	})
}
