package seatrial

import "time"

// The actions that make a node, or the control plane, unusable. Each ends by
// itself Expires after the act, even when nobody is left to revert it; zero is
// refused.

// StopKubelet stops a node's kubelet. Its pods go on serving, unwatched, and
// after the node monitor's grace period the node is NotReady.
type StopKubelet struct {
	Node    string        `json:"node"`
	Expires time.Duration `json:"expires"`
}

// StopRuntime stops a node's container runtime. Running containers go on; no
// container can start, stop or be asked for its state, so that the kubelet
// itself says that the node is NotReady.
type StopRuntime struct {
	Node    string        `json:"node"`
	Expires time.Duration `json:"expires"`
}

// Partition cuts a node from the control plane, and from nothing else: packets
// between the two on the ports of the API server and of kubelets (6443, 10250)
// are lost. The node's pods go on serving.
type Partition struct {
	Node    string        `json:"node"`
	Expires time.Duration `json:"expires"`
}

// PowerOff takes a node away as if its power failed: nothing on it runs, and no
// packet goes in or out. When it comes back, everything on it has restarted.
type PowerOff struct {
	Node    string        `json:"node"`
	Expires time.Duration `json:"expires"`
}

// BreakCNI lets the network plugin of a node fail: no new pod there gets a
// network, so none starts. Pods that have one go on, until they restart anew.
type BreakCNI struct {
	Node    string        `json:"node"`
	Expires time.Duration `json:"expires"`
}

// StopControlPlane takes API server, controllers, scheduler and etcd away. The
// data plane goes on with what it knows.
type StopControlPlane struct {
	// Hang says how clients of the API server feel it: connections are
	// refused, or, with Hang, accepted and never answered.
	Hang    bool          `json:"hang,omitempty"`
	Expires time.Duration `json:"expires"`
}

// Kind names the action.
func (StopKubelet) Kind() string { return "stopKubelet" }

// Kind names the action.
func (StopRuntime) Kind() string { return "stopRuntime" }

// Kind names the action.
func (Partition) Kind() string { return "partition" }

// Kind names the action.
func (PowerOff) Kind() string { return "powerOff" }

// Kind names the action.
func (BreakCNI) Kind() string { return "breakCNI" }

// Kind names the action.
func (StopControlPlane) Kind() string { return "stopControlPlane" }

// Target is the node.
func (a StopKubelet) Target() string { return "node/" + a.Node }

// Target is the node.
func (a StopRuntime) Target() string { return "node/" + a.Node }

// Target is the node.
func (a Partition) Target() string { return "node/" + a.Node }

// Target is the node.
func (a PowerOff) Target() string { return "node/" + a.Node }

// Target is the node.
func (a BreakCNI) Target() string { return "node/" + a.Node }

// Target is the control plane, of which a cluster has one.
func (StopControlPlane) Target() string { return "controlPlane" }
