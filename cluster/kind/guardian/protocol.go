package guardian

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/seatrial/seatrial"
)

// The operations. Each may be repeated without further effect.
const (
	opHello   = "hello"
	opPrepare = "prepare"
	opAct     = "act"
	opRevoke  = "revoke"
	opStatus  = "status"
	opSweep   = "sweep"
	opList    = "list"
	opProbe   = "probe"
	opGroup   = "group"
)

// Node is a node's container as the host of the Docker daemon sees it.
type Node struct {
	Container string `json:"container"` // its full id, 64 hex digits
	PID       int    `json:"pid"`       // of its init, in the host's PID namespace
}

// Plan is an action before it is done. Besides ID and Node, exactly one of
// Freeze, CPUs, Units, Cut, PowerOff, Plugin, Lose, Hog and Restore is set.
type Plan struct {
	ID     string              `json:"id"`
	Node   Node                `json:"node"`
	Freeze seatrial.FreezeMode `json:"freeze,omitempty"`
	CPUs   float64             `json:"cpus,omitempty"` // cores that a throttle leaves to the node
	// Units are systemd units of the node that are stopped, in this order, and
	// those of them that were active are started again in the end.
	Units []string `json:"units,omitempty"`
	// Kill and Stop name processes, as the kernel does, that get SIGKILL or
	// SIGSTOP once the units are stopped. Those that were stopped are continued
	// in the end; to start the others again is up to the units.
	Kill []string `json:"kill,omitempty"`
	Stop []string `json:"stop,omitempty"`
	Cut  *Cut     `json:"cut,omitempty"`
	// PowerOff drops the node's packets and kills all that runs on it, so that
	// nothing runs until the end, and then everything anew.
	PowerOff bool `json:"powerOff,omitempty"`
	// Plugin lets the network plugin that the node's runtime calls first fail to
	// add anything; it goes on removing and checking.
	Plugin bool  `json:"plugin,omitempty"`
	Lose   *Lose `json:"lose,omitempty"`
	Hog    *Hog  `json:"hog,omitempty"`
	// Restore changes nothing. It is the arguments of the kubectl command that
	// undoes, in the end, what a runner did through the API server; the node
	// has to be the control plane's.
	Restore []string `json:"restore,omitempty"`
}

// Cut drops packets of TCP and UDP from and to some ports.
type Cut struct {
	// Pod is the UID of the pod whose link is cut; empty means the node's own.
	Pod string `json:"pod,omitempty"`
	// Peer is the IPv4 address of the other side; empty means anybody.
	Peer  string   `json:"peer,omitempty"`
	Ports []uint16 `json:"ports"` // of either side
}

// Lose hides a pod's volume beneath an empty read-only file system, and kills
// the containers that use it, which so start again with that.
type Lose struct {
	Pod    string   `json:"pod"`    // its UID
	Volume string   `json:"volume"` // as the kubelet names its folder
	Paths  []string `json:"paths"`  // where the pod's containers have it
}

// Part is what an action changes of a node.
type Part string

// The parts.
const (
	Everything Part = "" // for a node of which nobody knows what was done to it
	Standing   Part = "freeze"
	CPU        Part = "cpu"
	Units      Part = "units"
	Network    Part = "cut"
	Mounts     Part = "mounts"
	Memory     Part = "memory"
	Computing  Part = "computing"
	Objects    Part = "restore" // what the API server holds
)

// Prior is what was found on a node before an action, and what undoing it
// restores.
type Prior struct {
	Part    Part      `json:"part,omitempty"`    // that the action changes
	Stopped []Process `json:"stopped,omitempty"` // processes that were stopped already
	Frozen  bool      `json:"frozen,omitempty"`  // the freezer was on already
	Quota   string    `json:"quota,omitempty"`   // content of cpu.max, or of cpu.cfs_quota_us; empty: leave it
	Units   []string  `json:"units,omitempty"`   // of those to be stopped, the ones that were active
	Daemons []string  `json:"daemons,omitempty"` // of those that the action takes away, the ones that ran
	Covered []string  `json:"covered,omitempty"` // paths that the action covers by mounts; see State
	// OOM is oom_kill_disable of memory.oom_control, or the content of
	// memory.high; empty: leave it.
	OOM string `json:"oom,omitempty"`
}

// Concerns is whether undoing has to look at that part of the node.
func (p Prior) Concerns(part Part) bool { return p.Part == Everything || p.Part == part }

// Process is one process; the start time tells it from a later one with the
// same number.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in clock ticks since boot
}

// Acted says how an act went.
type Acted struct {
	Took time.Duration `json:"took"` // in the guardian, without the way to it
}

// Revoked says what revoking an id changed.
type Revoked struct {
	Undone bool `json:"undone"` // it was in force until now
}

// State is one fresh look at a node.
type State struct {
	// Daemons are the node's own that run and are not stopped, by the names of
	// [KnownDaemons].
	Daemons []string `json:"daemons,omitempty"`
	// Cut counts the rules of cuts, and CutDropped the packets that they
	// dropped: at the node's link, and after a deep look at its pods' too.
	Cut        int    `json:"cut,omitempty"`
	CutDropped uint64 `json:"cutDropped,omitempty"`
	// Covered are the paths of the node that lie beneath mounts of a guardian.
	Covered   []string `json:"covered,omitempty"`
	Gone      bool     `json:"gone,omitempty"` // no process of the container is left
	Held      bool     `json:"held,omitempty"` // one of the marks of a machine that is no node is there
	Processes int      `json:"processes"`      // that a freeze concerns: all but the node's init and zombies
	Stopped   []int    `json:"stopped,omitempty"`
	Awake     []string `json:"awake,omitempty"` // a few that are not stopped: "pid name state"
	Freezer   string   `json:"freezer"`         // "FROZEN", "FREEZING" or "THAWED"
	Rules     int      `json:"rules"`           // drop rules in force
	Table     bool     `json:"table,omitempty"` // the guardian's nftables table exists
	Dropped   uint64   `json:"dropped"`         // packets that the rules dropped
	Quota     string   `json:"quota"`           // see Prior
	// Throttled counts the scheduler periods in which the node ran out of its
	// quota (nr_throttled of cpu.stat).
	Throttled uint64 `json:"throttled"`
	// Hogs counts those that run on the node or in its containers, by what they
	// take: [Memory] or [Computing].
	Hogs map[Part]int `json:"hogs,omitempty"`
	OOM  string       `json:"oom,omitempty"` // see Prior
}

// Active is an action in force.
type Active struct {
	Plan
	Left time.Duration `json:"left"` // until it ends by itself
}

// Hello is how a guardian introduces itself.
type Hello struct {
	Version int `json:"version"`
	// NoBlackout says why this kernel cannot drop a node's packets; empty
	// where it can.
	NoBlackout string `json:"noBlackout,omitempty"`
}

// HeldMark is a file in a node's container. While it is there, the machine is
// held back: it is no node, and its kubelet cannot be started. JoiningMark is
// there instead for the moment in which the machine becomes one.
const (
	HeldMark    = "/kind/seatrial-held"
	JoiningMark = "/kind/seatrial-joining"
)

// KnownDaemons are what a node consists of, by the names of their processes,
// of which the kernel keeps 15 characters.
var KnownDaemons = []string{"kubelet", "containerd", "kube-apiserver", "kube-controller", "kube-scheduler", "etcd"}

// Probe is a question that is asked from inside a node, over its network.
type Probe struct {
	Node Node `json:"node"`
	// Network is "tcp", "unix", or "dns": a query for a name that every
	// cluster has, over UDP. "sandbox" asks the runtime at Address for a pod's
	// sandbox and removes it again. "volume" tries to write in the folder
	// Address of a container of Pod.
	Network string `json:"network"`
	Address string `json:"address"`       // IP:port, or a path in the node or in the container
	Pod     string `json:"pod,omitempty"` // its UID
}

// Answer is what became of a probe.
type Answer string

// The answers.
const (
	Answered Answer = "answered"
	Refused  Answer = "refused"
	Silent   Answer = "silent" // within a second; of a volume: no container that has it runs
)

type request struct {
	Seq  int64           `json:"seq"`
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args,omitempty"`
}

type response struct {
	Seq    int64           `json:"seq"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Refusal        `json:"error,omitempty"`
}

type actArgs struct {
	ID      string        `json:"id"`
	Expires time.Duration `json:"expires"`
}

type idArgs struct {
	ID string `json:"id"`
}

type statusArgs struct {
	Node Node `json:"node"`
	Deep bool `json:"deep,omitempty"`
}

type groupArgs struct {
	Node      Node   `json:"node"`
	Container string `json:"container,omitempty"`
}

type sweepArgs struct {
	Node  Node  `json:"node"`
	Prior Prior `json:"prior"`
}

// What a guardian refuses, for errors.Is.
var (
	// ErrRevoked: the id was revoked or has expired; it is void for ever.
	ErrRevoked = errors.New("the action was revoked")
	// ErrUnknown: this guardian never prepared the id.
	ErrUnknown = errors.New("the action is unknown to this guardian")
	// ErrBusy: another action holds the same part of the node.
	ErrBusy = errors.New("the node is taken by another action")
)

// Refusal is an error that came over the connection.
type Refusal struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// Error is the guardian's message.
func (r *Refusal) Error() string { return r.Message }

// Is reports whether the refusal is one of the sentinels.
func (r *Refusal) Is(target error) bool { return r.Code != "" && codes[r.Code] == target }

var codes = map[string]error{"revoked": ErrRevoked, "unknown": ErrUnknown, "busy": ErrBusy}

func refuse(err error) *Refusal {
	for code, sentinel := range codes {
		if errors.Is(err, sentinel) {
			return &Refusal{Code: code, Message: err.Error()}
		}
	}
	return &Refusal{Message: err.Error()}
}
