package world

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial/load/app"
)

// Template is a pod's spec, decoded once and shared by all its pods.
type Template struct {
	Namespace string
	Labels    labels.Set
	Spec      *corev1.PodSpec
	Hash      string // of the content: names the ReplicaSet

	containers []containerSpec // init containers that stay (native sidecars) first
	setup      []containerSpec // init containers that end
	request    resources
	assumed    resources // the same, with what containers without requests count as
	grace      time.Duration
	qos        corev1.PodQOSClass
	priority   int32
	scheduling scheduling

	deletionCost int
	evictAnyway  bool // by its annotation, the descheduler protects it from nothing
	lookups
}

// lookups are what a world has looked up for a template, and what another template
// may not share with it.
type lookups struct {
	generation  uint64     // of the world's services, when services was made
	services    []*Service // that select it
	tally       *tally     // of its own pods that do not terminate
	presence    *tally     // of all its own pods
	tallies     []*tally   // that count its pods, of the first talliesSeen
	talliesSeen int
}

// containerSpec is what the model needs of a container.
type containerSpec struct {
	name      string
	sidecar   bool        // an init container with restartPolicy Always
	app       *app.Config // nil: an image that is not modelled
	port      int         // that the application listens on
	mounts    []string    // volumes
	data      string      // the volume that the application keeps its data on; empty: none
	ports     map[string]int
	preStop   time.Duration
	request   resources
	limit     resources // zero: none
	memory    int64     // bytes that its process uses
	readiness *probeSpec
	liveness  *probeSpec
	startup   *probeSpec
}

// probeSpec is a probe with its defaults filled in.
type probeSpec struct {
	path     string // of an HTTP probe; empty for one that only connects
	delay    time.Duration
	period   time.Duration
	timeout  time.Duration
	success  int
	failures int
	grace    time.Duration // of the kill that follows; zero means the pod's
}

// resources that pods ask for and nodes have.
type resources struct {
	cpu    int64 // thousandths of a core
	memory int64 // bytes
}

func (r resources) plus(o resources) resources  { return resources{r.cpu + o.cpu, r.memory + o.memory} }
func (r resources) minus(o resources) resources { return resources{r.cpu - o.cpu, r.memory - o.memory} }

// Pod is one pod object, and what runs for it on its node.
type Pod struct {
	Namespace, Name string
	UID             string
	Template        *Template
	Node            *Node // nil until it is scheduled
	Phase           corev1.PodPhase
	Ready           bool // the condition in the API
	Deleting        bool
	Gone            bool // the object is gone

	world      *World
	owner      owner
	serial     uint64 // of all pods, in the order of creation
	createdAt  time.Duration
	readyAt    time.Duration // since when Ready is as it is
	grace      time.Duration // of its deletion
	containers []*Container
	ready      bool // as its kubelet sees it
	addressed  bool // its network is there: packets to it arrive
	started    bool // its kubelet has begun with it
	ending     bool // its kubelet has begun to end it
	evicted    bool // by its kubelet
	counted    bool // in the tallies
	homeless   bool // the scheduler has tried, and found no node for it

	endingSince time.Duration

	claims map[string]string // keys of claims, by the names of the pod's volumes
	lost   []string          // volumes that are empty and read-only
}

// Key names the pod as events do.
func (p *Pod) Key() string { return p.Namespace + "/" + p.Name }

// Active pods count for their controller (pkg/controller: IsPodActive).
func (p *Pod) Active() bool {
	return !p.Gone && !p.Deleting && p.Phase != corev1.PodSucceeded && p.Phase != corev1.PodFailed
}

// Addressed says whether packets to the pod's address arrive at its kernel.
func (p *Pod) Addressed() bool { return p.addressed }

// owner is a controller of pods.
type owner interface {
	// podChanged is told of every change of one of its pods.
	podChanged(p *Pod)
	key() string
	// missing says in what it is not yet as its spec asks.
	missing() string
	// system: it belongs to the cluster, not to the workload.
	system() bool
}

// selectorOf reads a label selector: none matches nothing, an empty one matches
// everything.
func selectorOf(s *metav1.LabelSelector) (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(s)
}
