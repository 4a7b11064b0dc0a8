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
)

// Node is a node's container as the host of the Docker daemon sees it.
type Node struct {
	Container string `json:"container"` // its full id, 64 hex digits
	PID       int    `json:"pid"`       // of its init, in the host's PID namespace
}

// Plan is an action before it is done. Exactly one of Freeze and CPUs is set.
type Plan struct {
	ID     string              `json:"id"`
	Node   Node                `json:"node"`
	Freeze seatrial.FreezeMode `json:"freeze,omitempty"`
	CPUs   float64             `json:"cpus,omitempty"` // cores that a throttle leaves to the node
}

// Prior is what was found on a node before an action, and what undoing it
// restores.
type Prior struct {
	Stopped []Process `json:"stopped,omitempty"` // processes that were stopped already
	Frozen  bool      `json:"frozen,omitempty"`  // the freezer was on already
	Quota   string    `json:"quota,omitempty"`   // content of cpu.max, or of cpu.cfs_quota_us; empty: leave it
}

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
	Gone      bool     `json:"gone,omitempty"` // no process of the container is left
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
