package world

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// The words here are those of the news from real clusters, so that a report
// reads the same whatever it is about.

// Listen begins with the workload's pods as they are.
func (w *World) Listen(sink seatrial.Sink) {
	w.Sink = sink
	begin := func(e seatrial.Event) {
		e.At = w.Clock.Now()
		sink.Event(e)
	}
	for _, p := range w.Pods("", everything) {
		if p.Namespace != systemNamespace {
			begin(p.event(seatrial.Info, p.now()))
		}
	}
	for _, warning := range w.Warnings {
		begin(seatrial.Event{Kind: seatrial.KindMessage, Severity: seatrial.Warning, Message: warning})
	}
}

// Tell passes an event on to whoever listens, as late as a watch does, and in
// order.
func (w *World) Tell(e seatrial.Event) {
	if w.Sink == nil {
		return
	}
	now := w.Clock.Now()
	w.told = max(w.told, now+w.Draw(w.Timings.News, "news", e.Subject))
	e.At = w.told
	w.Clock.Do(w.told-now, func() { w.Sink.Event(e) })
}

func (n *Node) tell(s seatrial.Severity, message string) { n.tellOf(s, message, journal.NodeChange{}) }

// tellOf completes a change with how the node is now.
func (n *Node) tellOf(s seatrial.Severity, message string, change journal.NodeChange) {
	change.Ready, change.Unschedulable = n.Ready == corev1.ConditionTrue && !n.gone, n.Unschedulable
	n.world.Tell(seatrial.Event{Kind: seatrial.KindNode, Subject: n.Name, Severity: s, Message: message, Data: change})
}

func (p *Pod) tell(s seatrial.Severity, format string, args ...any) {
	if p.world.Sink != nil && p.Namespace != systemNamespace {
		p.world.Tell(p.event(s, fmt.Sprintf(format, args...)))
	}
}

func (p *Pod) event(s seatrial.Severity, message string) seatrial.Event {
	return seatrial.Event{Kind: seatrial.KindPod, Subject: p.Key(), Severity: s,
		Message: message, Data: journal.PodChange{Node: p.nodeName(), Unschedulable: p.Node == nil && p.homeless, Ready: p.Ready,
			Phase: string(p.Phase), Terminating: p.Deleting, Deleted: p.Gone,
			Workload: p.workload(), Restarts: p.allRestarts(), OOMKills: p.oomKills(), Evicted: p.evicted && p.Phase == corev1.PodFailed}}
}

// workload names the pod's controller; a Deployment rather than its ReplicaSet.
func (p *Pod) workload() string {
	if p.owner == nil {
		return ""
	}
	key := p.owner.key()
	if r, ok := p.owner.(*replicaSet); ok && r.above != nil {
		key = r.above.key()
	}
	kind, name, _ := strings.Cut(key, " "+p.Namespace+"/")
	return kind + "/" + name
}

// allRestarts counts those of all its containers.
func (p *Pod) allRestarts() int {
	sum := 0
	for _, c := range p.containers {
		sum += c.restarts
	}
	return sum
}

// oomKills counts the restarts that followed a kill by the kernel.
func (p *Pod) oomKills() int {
	sum := 0
	for _, c := range p.containers {
		sum += c.oomKills
	}
	return sum
}

func (p *Pod) nodeName() string {
	if p.Node == nil {
		return ""
	}
	return p.Node.Name
}

// now says how the pod is, for its first event.
func (p *Pod) now() string {
	switch {
	case p.Node == nil:
		return "created, not scheduled yet"
	case p.Deleting:
		return "terminating on node " + p.Node.Name
	case p.Ready:
		return "ready on node " + p.Node.Name
	}
	return fmt.Sprintf("%s on node %s, not ready", p.Phase, p.Node.Name)
}

func worse(is bool) seatrial.Severity {
	if is {
		return seatrial.Warning
	}
	return seatrial.Info
}
