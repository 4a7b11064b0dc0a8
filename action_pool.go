package seatrial

// The actions that change a pool of nodes. They are done for good; their end
// state is a pool with as many nodes as before, in which each node is there or
// has been replaced by one other.

// VersionLabel is on a node that has joined later: its Kubernetes version. Where
// its kubelet cannot be another program, as on kind, this label alone says so.
const VersionLabel = "node.seatrial.dev/version"

// AddNode lets an empty node join the cluster, as a new Node object, Ready.
type AddNode struct {
	Name string `json:"name"`
	// Like is the node that the new one resembles but for name and version,
	// and whose place it is to take: on revert the new node stays if that one
	// has left, and leaves, emptied within the pods' own grace, if it has not.
	// Where both names are the same, that node has left before, and the new
	// one stays.
	Like string `json:"like"`
	// Version is its Kubernetes version, as in "v1.37.2"; see [VersionLabel].
	Version string `json:"version"`
}

// RemoveNode takes a machine and its Node object away at once. Pods that are
// still there are lost without a word.
type RemoveNode struct {
	Name string `json:"name"`
	// Successor is the node that takes its place; empty means none. On revert,
	// a node like the removed one joins under its name unless that, or the
	// successor, is there.
	Successor string `json:"successor,omitempty"`
}

// Kind names the action.
func (AddNode) Kind() string { return "addNode" }

// Kind names the action.
func (RemoveNode) Kind() string { return "removeNode" }

// Target is the node.
func (a AddNode) Target() string { return "node/" + a.Name }

// Target is the node.
func (a RemoveNode) Target() string { return "node/" + a.Name }
