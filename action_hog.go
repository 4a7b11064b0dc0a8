package seatrial

import "time"

// The actions that use more of a node's memory or CPU than it can spare, on the
// node itself or within one of its pods. Each ends by itself Expires after the
// act, even when nobody is left to revert it.

// HogMemory takes memory. In a pod, that is one more process of one of its
// containers, so the container's own limit applies: the kernel kills the
// container at it, and the hog is over; without one, the node's memory goes.
// On a node it runs beside all pods, and the kernel does not kill for it: a node
// with nothing left hangs, until the hog ends.
type HogMemory struct {
	Node string `json:"node"` // that it runs on; the pod's, in a pod
	// Namespace, Pod and Container are empty on a node; an empty Container
	// alone is the pod's first.
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	// Bytes is the most that it takes; zero means all there is, also what
	// becomes free later.
	Bytes Bytes `json:"bytes,omitempty"`
	// Rate is how much it takes a second until then.
	Rate    Bytes         `json:"rate"`
	Expires time.Duration `json:"expires"`
}

// HogCPU computes without end, as [HogMemory] takes memory. In a pod it has the
// pod's weight and its container's limit; without a limit it takes what the
// others' requests do not secure.
type HogCPU struct {
	Node      string        `json:"node"`
	Namespace string        `json:"namespace,omitempty"`
	Pod       string        `json:"pod,omitempty"`
	Container string        `json:"container,omitempty"`
	Threads   int           `json:"threads"` // each of which would fill a core
	Expires   time.Duration `json:"expires"`
}

// Kind names the action.
func (HogMemory) Kind() string { return "hogMemory" }

// Kind names the action.
func (HogCPU) Kind() string { return "hogCPU" }

// Target is the pod, or the node.
func (a HogMemory) Target() string { return hogTarget(a.Node, a.Namespace, a.Pod) }

// Target is the pod, or the node.
func (a HogCPU) Target() string { return hogTarget(a.Node, a.Namespace, a.Pod) }

func hogTarget(node, namespace, pod string) string {
	if pod == "" {
		return "node/" + node
	}
	return "pod/" + namespace + "/" + pod
}
