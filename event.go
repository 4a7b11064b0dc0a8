package seatrial

import "time"

// Event is one thing that happened in a trial: a line of the journal.
type Event struct {
	At       time.Duration // on the site's clock; the journal counts from the trial's start
	Kind     Kind
	Subject  string // what it happened to: a fault's, node's or phase's name
	Edge     Edge
	Severity Severity
	Message  string // for people
	Data     any    // marshals to JSON; its type belongs to the Kind
}

// Kind says what an [Event] is about.
type Kind string

// The kinds of events. Load comes as [Interval], kind "load".
const (
	KindTrial    Kind = "trial"    // the first line and the verdict; Data: the header
	KindPhase    Kind = "phase"    // open, deploy, warmup, trial, recovery
	KindFault    Kind = "fault"    // Data: FaultMark
	KindNode     Kind = "node"     // a node changed readiness or schedulability
	KindPod      Kind = "pod"      // a pod changed readiness, came or went
	KindAudit    Kind = "audit"    // Data: an audit-log entry, as the cloud writes it
	KindSteady   Kind = "steady"   // the steady state held, was lost, came back
	KindAgent    Kind = "agent"    // Data: AgentReport
	KindLoad     Kind = "load"     // Data: Interval
	KindMessage  Kind = "message"  // worth knowing
	KindRevert   Kind = "revert"   // the ledger put something back
	KindKubeNews Kind = "kubeNews" // a Kubernetes Event object
	KindUpgrade  Kind = "upgrade"  // a pool, or a node of it, is being replaced: both ends; Data: Upgrade
	KindFront    Kind = "front"    // the front sends clients to a cluster, or no longer; Data: FrontMark
	KindEviction Kind = "eviction" // Data: Eviction; the Subject is a pod, as namespace/name
)

// Edge marks the two ends of something that lasts; empty for an instant.
type Edge string

// The edges.
const (
	Begin Edge = "begin"
	End   Edge = "end"
)

// Severity orders events by how much a reader cares.
type Severity string

// The severities; empty means Info.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Severe  Severity = "error"
)

// FaultStep is a point in a fault's life.
type FaultStep string

// The steps of a fault, in order.
const (
	Planned  FaultStep = "planned"  // when it is to begin
	Injected FaultStep = "injected" // the first action was done
	Proven   FaultStep = "proven"   // the proof that it took effect is in
	Reverted FaultStep = "reverted" // the last action was undone
	Unproven FaultStep = "unproven" // no proof: the trial is invalid
)

// FaultMark is the data of a [KindFault] event; its Subject is the fault's
// name.
type FaultMark struct {
	Step    FaultStep `json:"step"`
	Kind    string    `json:"kind,omitempty"` // the catalog's name
	Targets []string  `json:"targets,omitempty"`
	Proof   *Proof    `json:"proof,omitempty"`
}

// Eviction is the data of a [KindEviction] event: how one attempt to evict a
// pod went.
type Eviction struct {
	Outcome EvictionOutcome `json:"outcome"`
}

// Upgrade is the data of a [KindUpgrade] event.
type Upgrade struct {
	// Strategy is that of a pool; empty for one of its nodes.
	Strategy string `json:"strategy,omitempty"`
	// Nodes is how many a pool's upgrade is to replace, and at its end how many
	// it has.
	Nodes int `json:"nodes,omitempty"`
}

// EvictionOutcome is how an attempt to evict a pod went.
type EvictionOutcome string

// The outcomes.
const (
	EvictionAccepted EvictionOutcome = "accepted"
	EvictionRefused  EvictionOutcome = "refused" // by a PodDisruptionBudget, so far
	EvictionForced   EvictionOutcome = "forced"  // it was deleted against its budget
)

// Interval is the load that was due in 100 ms, as one agent saw it. Intervals
// are additive: a second one for the same time adds to the first.
type Interval struct {
	Load  string        `json:"load"`
	Agent string        `json:"agent"`
	Due   time.Duration `json:"-"` // start of the interval, since the attack's start

	Planned   int64 `json:"planned,omitempty"`
	Sent      int64 `json:"sent,omitempty"`
	Succeeded int64 `json:"succeeded,omitempty"`
	Failed    int64 `json:"failed,omitempty"`
	Dropped   int64 `json:"dropped,omitempty"`
	Attempts  int64 `json:"attempts,omitempty"` // connections that were asked for: resends of net/http, retries and hedges too
	Retried   int64 `json:"retried,omitempty"`  // attempts that a retry of the client began
	Hedged    int64 `json:"hedged,omitempty"`   // attempts that were hedges
	Rejected  int64 `json:"rejected,omitempty"` // of Sent: ended by the client's own breaker or limit, without an attempt
	// PoolWaited counts requests that waited more than 10 ms for one of the
	// places that inFlight gives, CatchUpLimited those that catchUp held back as
	// long.
	PoolWaited     int64 `json:"pool_waited,omitempty"`
	CatchUpLimited int64 `json:"catch_up_limited,omitempty"`

	Late int64 `json:"late,omitempty"` // sent more than 10 ms after the user was free and the request due
	Hurt int64 `json:"hurt,omitempty"` // failed, dropped, or slower than the scenario's hurt

	Latency Buckets          `json:"latency,omitempty"` // of sent requests, from the due time
	Service Buckets          `json:"service,omitempty"` // the same from when they were sent
	Errors  map[string]int64 `json:"errors,omitempty"`  // by class
	Pods    map[string]int64 `json:"pods,omitempty"`    // responses by the pod that says it served them
	MaxLag  Seconds          `json:"max_lag,omitempty"` // largest delay that the generator itself added

	Lookups       Buckets `json:"lookups,omitempty"`        // of names that connections were dialled to, however they ended
	LookupsFailed int64   `json:"lookups_failed,omitempty"` // of those

	HurtUsers []int          `json:"hurt_users,omitempty"` // ids of users with a hurt request, sorted
	Attached  map[int]string `json:"attached,omitempty"`   // users whose kept-alive connection now leads to that pod
}

// Width of an [Interval].
const Width = 100 * time.Millisecond

// Buckets is a sparse histogram of times: index of a bucket to its count. The
// journal package defines the index.
type Buckets map[int32]int64

// Proof is an observation, independent of the injection, that a fault took
// effect.
type Proof struct {
	Method   string            `json:"method"` // how it was observed, in words
	Evidence map[string]string `json:"evidence,omitempty"`
}

// AgentReport is the data of a [KindAgent] event: one agent's own account.
type AgentReport struct {
	ClockOffset Seconds `json:"clock_offset"` // agent's clock minus the site's
	OffsetBound Seconds `json:"offset_bound"` // the offset is right within this
	CPU         Seconds `json:"cpu"`          // CPU time that the attack used
	Cores       int     `json:"cores"`        // that the agent may use
	Wall        Seconds `json:"wall"`         // duration of the attack
	Lost        string  `json:"lost,omitempty"`
}
