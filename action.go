package seatrial

import (
	"encoding/json"
	"fmt"
	"time"
)

// Action is what a backend can do to a cluster, as data: it is written to the
// ledger before it is done, and read back by whoever has to undo it.
type Action interface {
	// Kind names the action, as in "freeze".
	Kind() string
	// Target is what it hits, as in "node/worker2".
	Target() string
}

// Prior is the state that an action found and that its revert restores. Its
// content belongs to the backend; empty means that there is nothing to restore.
type Prior json.RawMessage

// MarshalJSON keeps the content as it is.
func (p Prior) MarshalJSON() ([]byte, error) { return json.RawMessage(p).MarshalJSON() }

// UnmarshalJSON keeps the content as it is.
func (p *Prior) UnmarshalJSON(b []byte) error {
	*p = append((*p)[:0], b...)
	return nil
}

// FreezeMode is how a node is made to stand still.
type FreezeMode string

// The three ways, see facts on what "frozen" means in docs/faults.md.
const (
	// Sigstop sends SIGSTOP to every process of the node's pods, its kubelet
	// and its runtime. The kernel goes on answering TCP.
	Sigstop FreezeMode = "sigstop"
	// Cgroup uses the cgroup freezer. The kernel goes on answering TCP.
	Cgroup FreezeMode = "cgroup"
	// Blackout drops every packet of the node in both directions, then
	// freezes: what a VM's live migration looks like from outside.
	Blackout FreezeMode = "blackout"
)

// Freeze makes everything on a node stand still.
type Freeze struct {
	Node string     `json:"node"`
	Mode FreezeMode `json:"mode"`
	// Expires is how long after the act the node thaws by itself, even when
	// nobody is left to revert it.
	Expires time.Duration `json:"expires"`
}

// Throttle limits the CPU of a whole node.
type Throttle struct {
	Node    string        `json:"node"`
	CPUs    float64       `json:"cpus"` // cores that are left to the node
	Expires time.Duration `json:"expires"`
}

// DeletePod deletes a pod. Its end state is that the pod is gone and its
// controller is satisfied again; nothing is restored.
type DeletePod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Grace overrides the pod's own termination grace period; nil keeps it.
	Grace *time.Duration `json:"grace,omitempty"`
}

// Kind names the action.
func (Freeze) Kind() string { return "freeze" }

// Kind names the action.
func (Throttle) Kind() string { return "throttle" }

// Kind names the action.
func (DeletePod) Kind() string { return "deletePod" }

// Target is the node.
func (a Freeze) Target() string { return "node/" + a.Node }

// Target is the node.
func (a Throttle) Target() string { return "node/" + a.Node }

// Target is the pod.
func (a DeletePod) Target() string { return "pod/" + a.Namespace + "/" + a.Name }

// DecodeAction reads an action back from its kind and its JSON.
func DecodeAction(kind string, data []byte) (Action, error) {
	for _, known := range []struct {
		kind string
		read func([]byte) (Action, error)
	}{
		{Freeze{}.Kind(), decode[Freeze]},
		{Throttle{}.Kind(), decode[Throttle]},
		{DeletePod{}.Kind(), decode[DeletePod]},
		{StopKubelet{}.Kind(), decode[StopKubelet]},
		{StopRuntime{}.Kind(), decode[StopRuntime]},
		{Partition{}.Kind(), decode[Partition]},
		{PowerOff{}.Kind(), decode[PowerOff]},
		{StopControlPlane{}.Kind(), decode[StopControlPlane]},
		{Cordon{}.Kind(), decode[Cordon]},
		{Evict{}.Kind(), decode[Evict]},
		{Restart{}.Kind(), decode[Restart]},
		{DNSDown{}.Kind(), decode[DNSDown]},
		{DNSTerminated{}.Kind(), decode[DNSTerminated]},
		{BreakCNI{}.Kind(), decode[BreakCNI]},
		{LoseVolume{}.Kind(), decode[LoseVolume]},
		{HogMemory{}.Kind(), decode[HogMemory]},
		{HogCPU{}.Kind(), decode[HogCPU]},
		{AddNode{}.Kind(), decode[AddNode]},
		{RemoveNode{}.Kind(), decode[RemoveNode]},
		{Deschedule{}.Kind(), decode[Deschedule]},
	} {
		if known.kind == kind {
			return known.read(data)
		}
	}
	return nil, fmt.Errorf("decoding an action: kind %q is unknown; it was written by another version of seatrial", kind)
}

func decode[A Action](data []byte) (Action, error) {
	var a A
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("decoding action %s: %w", a.Kind(), err)
	}
	return a, nil
}
