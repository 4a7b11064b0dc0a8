package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// AgentsKey marks the node of the load agents: a label with the value
	// "true", and a taint with the effects NoSchedule and NoExecute.
	AgentsKey = "seatrial.dev/agents"
	// AppliedLabel, with the value "true", is on every object that Apply
	// brought and on the volume claims that those left; Reset goes by it.
	AppliedLabel = "seatrial.dev/applied"
	// AgentsNamespace is where the agents' Jobs run.
	AgentsNamespace = "seatrial-system"

	fieldManager = "seatrial"
	controlPlane = "node-role.kubernetes.io/control-plane"
)

// Options say which cluster this is and how to reach it.
type Options struct {
	Name   string       // in the scenario
	Ref    seatrial.Ref // an empty UID is filled in by [New]
	Config *rest.Config
	Clock  *Clock                           // nil makes one
	Log    func(format string, args ...any) // progress for people; may be nil
	Agents seatrial.Agents                  // needed by [Cluster.StartAgents] alone
	// Images make what else seatrial runs in a cluster, by the names of
	// [seatrial.Imager].
	Images map[string]func(context.Context) (seatrial.AgentImage, error)
	// ImportImage brings an image to the nodes and is cheap when it is there
	// already. Nil means that the nodes can get it themselves.
	ImportImage func(ctx context.Context, img seatrial.AgentImage) error
	// Exclusive says that the cluster is seatrial's own: Reset then also
	// proves that no pod is left outside the system's namespaces.
	Exclusive bool
}

// Cluster is one cluster behind its API server; it implements
// [seatrial.Cluster]. It is safe for use by many at once.
type Cluster struct {
	o       Options
	clock   *Clock
	client  kubernetes.Interface
	objects dynamic.Interface
	kinds   *kinds
	cache   *cache
	news    *news

	mu       sync.Mutex
	applied  map[object]version     // workloads that Apply brought, see missing
	observed map[string]observation // what Observe saw, by the action's kind and target
}

var _ seatrial.Cluster = (*Cluster)(nil)

// object names an object of a kind.
type object struct{ kind, namespace, name string }

func (o object) String() string {
	if o.namespace == "" {
		return o.kind + " " + o.name
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// version is the least that a cache must know of an object.
type version struct {
	uid        types.UID
	generation int64
}

// New connects to the cluster and returns once everything that it watches is
// known. The caller ends it with [Cluster.Close]; ctx bounds the start alone.
func New(ctx context.Context, o Options) (*Cluster, error) {
	config := rest.CopyConfig(o.Config)
	config.QPS, config.Burst = 200, 400 // the default of 5 makes every sweep slow
	config.WarningHandlerWithContext = warnings{log: logger(o.Log)}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("making a client for %s: %w", o.Ref.Name, err),
			"check the kubeconfig of this cluster")
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a dynamic client for %s: %w", o.Ref.Name, err)
	}
	return open(ctx, o, client, objects)
}

// open is New behind its clients.
func open(ctx context.Context, o Options, client kubernetes.Interface, objects dynamic.Interface) (*Cluster, error) {
	o.Log = logger(o.Log)
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	system, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("reaching cluster %s: %w", o.Ref.Name, err),
			"check that the cluster runs and that you may read its objects")
	}
	if o.Ref.UID == "" {
		o.Ref.UID = string(system.UID)
	}
	c := &Cluster{o: o, clock: o.Clock, client: client, objects: objects,
		kinds: &kinds{discovery: client.Discovery()}, news: newNews(o.Clock),
		applied: map[object]version{}, observed: map[string]observation{}}
	if c.cache, err = openCache(ctx, client, o.Log, c.seen); err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("watching cluster %s: %w", o.Ref.Name, err),
			"check that you may list and watch nodes, pods, events and workloads in all namespaces")
	}
	return c, nil
}

// seen takes every change of a watched object.
func (c *Cluster) seen(obj any, deleted bool) {
	c.news.change(obj, deleted)
	c.clock.Changed()
}

// Close ends every watch and returns when nothing of it runs any more. It may
// be called twice.
func (c *Cluster) Close() error {
	c.Watch(nil)
	c.cache.close()
	return nil
}

// Watch lets changes of the cluster become events in sink from now on, and
// starts with the pods as they are. A nil sink ends it; when Watch has
// returned, the previous sink gets nothing more. The sink must not call back.
func (c *Cluster) Watch(sink seatrial.Sink) { c.news.watch(sink) }

// Ref says which cluster this is.
func (c *Cluster) Ref() seatrial.Ref { return c.o.Ref }

// Nodes lists the nodes as last seen, sorted by name.
func (c *Cluster) Nodes(context.Context) ([]seatrial.Node, error) {
	var nodes []seatrial.Node
	for _, n := range slices.SortedFunc(slices.Values(c.cache.nodes()), byName) {
		nodes = append(nodes, node(n))
	}
	return nodes, nil
}

// Pods lists the pods that match as last seen, sorted by namespace and name.
func (c *Cluster) Pods(_ context.Context, s seatrial.Selector) ([]seatrial.Pod, error) {
	selector, err := labels.Parse(s.Labels)
	if err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("selecting pods: %w", err),
			"write a label selector such as app=shop,tier!=db")
	}
	var pods []seatrial.Pod
	for _, p := range slices.SortedFunc(slices.Values(c.cache.pods()), byName) {
		if (s.Namespace == "" || s.Namespace == p.Namespace) && selector.Matches(labels.Set(p.Labels)) {
			pods = append(pods, pod(p))
		}
	}
	return pods, nil
}

// ProviderID is what a node says of its machine, as last seen; empty when it
// says nothing, or when there is no such node.
func (c *Cluster) ProviderID(node string) string {
	for _, n := range c.cache.nodes() {
		if n.Name == node {
			return n.Spec.ProviderID
		}
	}
	return ""
}

// node trusts the label on one that joined later: its kubelet may be the same
// program as before.
func node(n *corev1.Node) seatrial.Node {
	_, control := n.Labels[controlPlane]
	return seatrial.Node{
		Name: n.Name, Labels: n.Labels, Ready: nodeReady(n).Status == corev1.ConditionTrue,
		Unschedulable: n.Spec.Unschedulable, ControlPlane: control, Agents: n.Labels[AgentsKey] == "true",
		Kubernetes: cmp.Or(n.Labels[seatrial.VersionLabel], n.Status.NodeInfo.KubeletVersion),
	}
}

func pod(p *corev1.Pod) seatrial.Pod {
	controller := ""
	if owner := metav1.GetControllerOf(p); owner != nil {
		controller = owner.Kind
	}
	return seatrial.Pod{
		Controller: controller,
		Namespace:  p.Namespace, Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Labels: p.Labels,
		Phase: string(p.Status.Phase), Ready: podReady(p), Terminating: p.DeletionTimestamp != nil,
	}
}

// nodeReady is the Ready condition of a node, Unknown where there is none yet.
func nodeReady(n *corev1.Node) corev1.NodeCondition {
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition
		}
	}
	return corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "no status yet"}
}

// podCondition finds a condition of a pod; its status is empty where there is
// none.
func podCondition(p *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, condition := range p.Status.Conditions {
		if condition.Type == kind {
			return condition
		}
	}
	return corev1.PodCondition{}
}

func podReady(p *corev1.Pod) bool {
	return podCondition(p, corev1.PodReady).Status == corev1.ConditionTrue
}

// SystemNamespace says whether a namespace belongs to the cluster itself and
// not to what is tried on it.
func SystemNamespace(name string) bool {
	switch name {
	case metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease:
		return true
	case "local-path-storage": // kind's storage provisioner
		return true
	}
	return false
}
