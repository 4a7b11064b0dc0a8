package world

import (
	"slices"

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
	Version       string                 // of its kubelet

	world       *World
	index       int
	allocatable resources
	requested   resources
	assumed     resources // the same, with what containers without requests count as
	limit       int       // of pods
	gone        bool      // machine and object were removed
	pods        []*Pod

	machine
	health
	proxy proxy

	asObject *corev1.Node // of its name and labels
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
