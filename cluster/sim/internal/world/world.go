package world

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// Config is the shape of a cluster.
type Config struct {
	// Prefix of its nodes' names, where several clusters are told apart.
	Prefix     string
	Workers    int
	Seed       virtual.Seed
	Kubernetes string // its version; empty means [Version]
	// CPU in thousandths of a core and Memory in bytes that each worker has for
	// pods; zero means [DefaultCPU] and [DefaultMemory].
	CPU, Memory int64
	Timings     seatrial.Timings // what is not set is Kubernetes' default
}

// Version is what is modelled first.
const Version = "v1.37.1"

// What a node has for pods when nothing else is said: a small cloud machine.
const (
	DefaultCPU    = 4_000
	DefaultMemory = 16 << 30
	podLimit      = 110 // pkg/kubelet/apis/config/v1beta1: MaxPods
)

// AgentsKey labels and taints the node of the load agents, as on real
// clusters.
const AgentsKey = "seatrial.dev/agents"

// WorkerKey labels workers with their number, from 1; a node that takes one's
// place has the same.
const WorkerKey = "seatrial.dev/worker"

// World is one cluster. It belongs to the goroutine that has the clock's
// baton.
type World struct {
	Clock   *virtual.Clock
	Seed    virtual.Seed
	Timings Timings
	Version string
	// forgetful kubelets take nothing for ready when they start: those of 1.34.
	forgetful bool
	Nodes     []*Node // sorted by name

	// Sink takes what happens as events; nil while nobody listens.
	Sink seatrial.Sink
	told time.Duration // when it heard last
	// Warnings are about what was accepted and has no effect here.
	Warnings []string

	laggard    owner            // was not settled when last asked
	labels     map[string]bool  // whether any node has that key
	left       map[string]*Node // that were removed
	joined     uint64           // nodes so far, after the boot
	owners     []owner          // in the order in which they came
	deleted    map[owner]bool   // that the last reset took away
	services   []*Service
	budgets    []*Budget
	pods       map[string]*Pod
	claims     map[string]*claim // by namespace and name
	serial     uint64
	up         bool         // the control plane is there
	stalled    []controller // would have acted, had it been
	draws      map[drawKey]uint64
	generation uint64 // counts changes of the set of services
	tallies    tallies
	scheduler  scheduler
	lifecycle  lifecycle
	changes    []time.Duration // when services' endpoints changed, for kube-proxy
}

// drawKey counts draws of one kind for one thing.
type drawKey struct{ what, of string }

// New boots a cluster: a control plane, the workers, and the agents' node.
func New(clock *virtual.Clock, c Config) (*World, error) {
	w := &World{Clock: clock, Seed: c.Seed, Timings: Kubernetes137().With(c.Timings), Version: c.Kubernetes,
		up: true, pods: map[string]*Pod{}, claims: map[string]*claim{}, draws: map[drawKey]uint64{}, labels: map[string]bool{}, left: map[string]*Node{}}
	if w.Version == "" {
		w.Version = Version
	}
	minor := strings.Join(strings.Split(w.Version, ".")[:min(2, strings.Count(w.Version, ".")+1)], ".")
	if !slices.Contains(versions, minor) {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("the simulator does not model Kubernetes %s", w.Version),
			"it models v1.34 to v1.37")
	}
	w.forgetful = minor == "v1.34"
	w.boot(c)
	w.tallies.world, w.scheduler.world, w.lifecycle.world = w, w, w
	w.lifecycle.start()
	return w, nil
}

func (w *World) boot(c Config) {
	usual := resources{DefaultCPU, DefaultMemory}
	worker := resources{cmp.Or(c.CPU, usual.cpu), cmp.Or(c.Memory, usual.memory)}
	control := w.node(c.Prefix+"control-plane", usual)
	control.ControlPlane = true
	control.Labels["node-role.kubernetes.io/control-plane"] = ""
	control.taint("node-role.kubernetes.io/control-plane", corev1.TaintEffectNoSchedule)
	for i := range c.Workers {
		w.node(c.Prefix+workerName(i), worker).Labels[WorkerKey] = strconv.Itoa(i + 1)
	}
	agents := w.node(c.Prefix+"agents", usual)
	agents.Agents = true
	agents.Labels[AgentsKey] = "true"
	agents.Taints = []corev1.Taint{
		{Key: AgentsKey, Value: "true", Effect: corev1.TaintEffectNoSchedule},
		{Key: AgentsKey, Value: "true", Effect: corev1.TaintEffectNoExecute}}
	slices.SortFunc(w.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	for i, n := range w.Nodes {
		n.index = i
	}
}

// workerName is kind's: worker, worker2, worker3, …
func workerName(i int) string {
	if i == 0 {
		return "worker"
	}
	return fmt.Sprintf("worker%d", i+1)
}

func (w *World) node(name string, size resources) *Node {
	n := &Node{Name: name, Version: w.Version, world: w, Ready: corev1.ConditionTrue, limit: podLimit,
		allocatable: size,
		Labels:      labels.Set{corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"}}
	n.cores = float64(size.cpu) / 1000
	n.leasePhase = w.Seed.Between(0, w.Timings.LeaseRenew, "lease phase", name, 0)
	w.Nodes = append(w.Nodes, n)
	return n
}

// Node finds a node by name; nil where there is none.
func (w *World) Node(name string) *Node {
	for _, n := range w.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Pod finds a pod object by namespace and name; nil where there is none.
func (w *World) Pod(namespace, name string) *Pod { return w.pods[namespace+"/"+name] }

// Pods lists the pod objects that match, sorted by namespace and name. An empty
// namespace means every one.
func (w *World) Pods(namespace string, selector labels.Selector) []*Pod {
	var found []*Pod
	for _, p := range w.pods {
		if (namespace == "" || p.Namespace == namespace) && selector.Matches(p.Template.Labels) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *Pod) int { return strings.Compare(a.Key(), b.Key()) })
	return found
}

// Draw is a time from a range, by what it is for.
func (w *World) Draw(r Range, what, of string) time.Duration {
	k := drawKey{what, of}
	w.draws[k]++
	return w.Seed.Between(r.Low, r.High, what, of, w.draws[k])
}

// Missing says what keeps the cluster from being settled; nil when it is.
func (w *World) Missing() []string {
	var missing []string
	for _, n := range w.Nodes {
		if n.Ready != corev1.ConditionTrue {
			missing = append(missing, "node "+n.Name+": not Ready")
		}
	}
	for _, o := range w.owners {
		if said := o.missing(); said != "" {
			missing = append(missing, o.key()+": "+said)
		}
	}
	return missing
}

// Settled says whether nothing is [World.Missing], as quickly as it can: it
// begins with what was missing the last time.
func (w *World) Settled() bool {
	if w.lifecycle.sick > 0 || w.laggard != nil && w.laggard.missing() != "" {
		return false
	}
	w.laggard = nil
	for _, o := range w.owners {
		if o.missing() != "" {
			w.laggard = o
			return false
		}
	}
	return true
}
