package kube

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// news turns changes of nodes, pods and Kubernetes Events into the journal's
// events. It keeps the last state of each, told or not, so that a change means
// the same after a broken watch as in an unbroken one.
type news struct {
	clock *Clock

	mu     sync.Mutex
	sink   seatrial.Sink // nil while nobody listens
	nodes  map[types.UID]journal.NodeChange
	pods   map[types.UID]podState
	events map[types.UID]int32 // times that a Kubernetes Event was counted

	own     map[types.UID]bool   // pods that seatrial itself evicts, and tells of
	evicted map[string]types.UID // the latest pod of that namespace/name which others have evicted
}

// podState is what is remembered of a pod.
type podState struct {
	journal.PodChange
	name      string           // namespace/name
	namespace string           // without the name
	restarts  map[string]int32 // by container
	oomKills  map[string]int   // by container, as far as they were seen
}

func newNews(clock *Clock) *news {
	return &news{clock: clock, nodes: map[types.UID]journal.NodeChange{},
		pods: map[types.UID]podState{}, events: map[types.UID]int32{},
		own: map[types.UID]bool{}, evicted: map[string]types.UID{}}
}

// watch begins with the pods outside the system's namespaces as they are.
func (n *news) watch(sink seatrial.Sink) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sink = sink; sink == nil {
		return
	}
	present := slices.SortedFunc(maps.Values(n.pods), func(a, b podState) int { return cmp.Compare(a.name, b.name) })
	for _, p := range present {
		if !SystemNamespace(p.namespace) {
			n.tell(seatrial.KindPod, p.name, seatrial.Info, p.now(), p.PodChange)
		}
	}
}

// change takes a changed object of any watched kind.
func (n *news) change(obj any, deleted bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch o := obj.(type) {
	case *corev1.Node:
		n.node(o, deleted)
	case *corev1.Pod:
		n.pod(o, deleted)
	case *corev1.Event:
		n.kubeNews(o, deleted)
	}
}

func (n *news) tell(kind seatrial.Kind, subject string, s seatrial.Severity, message string, data any) {
	if n.sink == nil {
		return
	}
	n.sink.Event(seatrial.Event{At: n.clock.Now(), Kind: kind, Subject: subject, Severity: s, Message: message, Data: data})
}

func (n *news) node(o *corev1.Node, deleted bool) {
	before, known := n.nodes[o.UID]
	ready := nodeReady(o)
	now := journal.NodeChange{Ready: ready.Status == corev1.ConditionTrue && !deleted, Unschedulable: o.Spec.Unschedulable,
		Joined: !known, Removed: deleted}
	n.nodes[o.UID] = now
	switch {
	case deleted:
		delete(n.nodes, o.UID)
		n.tell(seatrial.KindNode, o.Name, seatrial.Warning, "removed from the cluster", now)
		return
	case !known:
		n.tell(seatrial.KindNode, o.Name, seatrial.Info, "joined the cluster", now)
		return
	}
	if before.Ready && !now.Ready {
		n.tell(seatrial.KindNode, o.Name, seatrial.Warning,
			fmt.Sprintf("not Ready: %s", short(fmt.Sprintf("%s %s: %s", ready.Status, ready.Reason, ready.Message))), now)
	} else if !before.Ready && now.Ready {
		n.tell(seatrial.KindNode, o.Name, seatrial.Info, "Ready", now)
	}
	if !before.Unschedulable && now.Unschedulable {
		n.tell(seatrial.KindNode, o.Name, seatrial.Warning, "cordoned", now)
	} else if before.Unschedulable && !now.Unschedulable {
		n.tell(seatrial.KindNode, o.Name, seatrial.Info, "schedulable again", now)
	}
}

// pod tells each thing that changed as an event of its own.
func (n *news) pod(o *corev1.Pod, deleted bool) {
	before, known := n.pods[o.UID]
	now := stateOf(o, before)
	n.pods[o.UID] = now
	if deleted {
		delete(n.pods, o.UID)
		now.Ready, now.Deleted = false, true
	}
	n.foreignEviction(o, now.name)
	tell := func(s seatrial.Severity, format string, args ...any) {
		n.tell(seatrial.KindPod, now.name, s, fmt.Sprintf(format, args...), now.PodChange)
	}
	if !known {
		tell(seatrial.Info, "%s", now.now())
		return
	}
	if before.Node == "" && now.Node != "" {
		tell(seatrial.Info, "scheduled to node %s", now.Node)
	}
	if !before.Unschedulable && now.Unschedulable {
		tell(seatrial.Info, "no node takes it") // the scheduler's own Event says why
	}
	for _, s := range slices.Concat(o.Status.InitContainerStatuses, o.Status.ContainerStatuses) {
		if s.RestartCount > before.restarts[s.Name] {
			tell(seatrial.Warning, "container %s restarted%s", s.Name, lastEnd(s))
		}
	}
	if before.Phase != now.Phase && now.Phase == string(corev1.PodFailed) {
		tell(seatrial.Warning, "failed: %s", podTrouble(o))
	}
	if !before.Terminating && now.Terminating && !deleted {
		tell(worse(before.Ready), "terminating on node %s", now.Node)
	}
	switch {
	case deleted:
		tell(worse(before.Ready && !before.Terminating), "gone from node %s", now.Node)
	case !before.Ready && now.Ready:
		tell(seatrial.Info, "ready on node %s", now.Node)
	case before.Ready && !now.Ready:
		// A pod that is told to end stops being ready: that is no news.
		tell(worse(!now.Terminating), "not ready on node %s", now.Node)
	}
}

func worse(is bool) seatrial.Severity {
	if is {
		return seatrial.Warning
	}
	return seatrial.Info
}

// stateOf is how the pod is. A status has the last end of each container alone,
// so kills are counted from one state to the next.
func stateOf(o *corev1.Pod, before podState) podState {
	s := podState{oomKills: map[string]int{}, name: o.Namespace + "/" + o.Name, namespace: o.Namespace, restarts: map[string]int32{},
		PodChange: journal.PodChange{Node: o.Spec.NodeName, Ready: podReady(o), Phase: string(o.Status.Phase),
			Unschedulable: o.Spec.NodeName == "" && unschedulable(o), Terminating: o.DeletionTimestamp != nil, Workload: workloadOf(o),
			Evicted: o.Status.Phase == corev1.PodFailed && o.Status.Reason == evicted,
			System:  SystemNamespace(o.Namespace) || o.Namespace == AgentsNamespace}}
	for _, c := range slices.Concat(o.Status.InitContainerStatuses, o.Status.ContainerStatuses) {
		s.restarts[c.Name] = c.RestartCount
		s.Restarts += int(c.RestartCount)
		s.oomKills[c.Name] = before.oomKills[c.Name]
		if end := c.LastTerminationState.Terminated; end != nil && end.Reason == OOMKilled && c.RestartCount > before.restarts[c.Name] {
			s.oomKills[c.Name]++
		}
		s.OOMKills += s.oomKills[c.Name]
	}
	return s
}

// unschedulable is the scheduler's word.
func unschedulable(o *corev1.Pod) bool {
	c := podCondition(o, corev1.PodScheduled)
	return c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
}

// workloadOf names the pod's controller. A Deployment's is the one above the
// ReplicaSet, which is named after it and the hash that its pods are labelled
// with (pkg/controller/deployment/sync.go: getNewReplicaSet).
func workloadOf(o *corev1.Pod) string {
	owner := metav1.GetControllerOf(o)
	if owner == nil {
		return ""
	}
	kind, name := strings.ToLower(owner.Kind), owner.Name
	if hash := o.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; kind == "replicaset" && hash != "" {
		if deployment, ok := strings.CutSuffix(name, "-"+hash); ok {
			kind, name = "deployment", deployment
		}
	}
	return kind + "/" + name
}

// now says how the pod is, for its first event.
func (p podState) now() string {
	switch {
	case p.Deleted:
		return "gone"
	case p.Node == "":
		return "created, not scheduled yet"
	case p.Terminating:
		return "terminating on node " + p.Node
	case p.Ready:
		return "ready on node " + p.Node
	}
	return fmt.Sprintf("%s on node %s, not ready", p.Phase, p.Node)
}

// kubeNews passes a Kubernetes Event on, once for each time that it happened.
func (n *news) kubeNews(o *corev1.Event, deleted bool) {
	if deleted {
		delete(n.events, o.UID) // expired
		return
	}
	times := max(o.Count, 1)
	if o.Series != nil {
		times = max(times, o.Series.Count)
	}
	if o.Type != corev1.EventTypeWarning || times <= n.events[o.UID] {
		return
	}
	n.events[o.UID] = times
	about := object{o.InvolvedObject.Kind, o.InvolvedObject.Namespace, o.InvolvedObject.Name}
	message := o.Reason + ": " + short(o.Message)
	if times > 1 {
		message += fmt.Sprintf(" (%d times)", times)
	}
	n.tell(seatrial.KindKubeNews, about.String(), seatrial.Warning, message, nil)
}
