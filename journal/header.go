package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// Schema is the version of the journal's format.
const Schema = 1

// Alone is the backend of a load that was sent by itself: there is no cluster,
// no fault, and no warm-up in which a steady state could have shown.
const Alone = "load"

// Header is the data of a journal's first line: kind "trial", edge "begin". It
// holds all that a report needs to know about the trial's plan.
type Header struct {
	Schema      int              `json:"schema"`
	ID          string           `json:"id"`
	Scenario    string           `json:"scenario"`
	Description string           `json:"description,omitempty"`
	Variant     string           `json:"variant"`
	Baseline    bool             `json:"baseline,omitempty"`
	Backend     string           `json:"backend"`
	Seed        uint64           `json:"seed"`
	Expect      seatrial.Verdict `json:"expect"`
	// Started is the wall time of the trial's start in RFC 3339; empty in the
	// simulator, where it would make equal runs differ.
	Started string `json:"started,omitempty"`

	Timeline    Timeline         `json:"timeline"`
	Hurt        seatrial.Seconds `json:"hurt"`
	SteadyState Objective        `json:"steady_state"`
	SLO         Objective        `json:"slo"`
	Loads       []Load           `json:"loads"`
	Faults      []Fault          `json:"faults"`
	Nodes       []Node           `json:"nodes,omitempty"`
	// Clusters are those that are not as Kubernetes and the backend leave them.
	Clusters []Cluster `json:"clusters,omitempty"`
	// Front says in words what stands before the clusters; empty for nothing.
	Front string `json:"front,omitempty"`

	Versions     Versions `json:"versions"`
	Source       string   `json:"source,omitempty"`        // the scenario file as read, credentials masked
	SourceSHA256 string   `json:"source_sha256,omitempty"` // of Source, in hex
	Command      string   `json:"command,omitempty"`       // repeats this trial
	Warnings     []string `json:"warnings,omitempty"`      // for the reader of the report
}

// Timeline is [seatrial.Timeline] in seconds.
type Timeline struct {
	Warmup   seatrial.Seconds `json:"warmup"`
	Trial    seatrial.Seconds `json:"trial"`
	Recovery seatrial.Seconds `json:"recovery"`
}

// Objective is [seatrial.Objective] as ratio and seconds; zero is not asked
// for.
type Objective struct {
	Availability float64 `json:"availability,omitempty"`
	Latency      Latency `json:"latency,omitzero"`
}

// Latency is [seatrial.Quantiles] in seconds.
type Latency struct {
	P50  seatrial.Seconds `json:"p50,omitempty"`
	P90  seatrial.Seconds `json:"p90,omitempty"`
	P95  seatrial.Seconds `json:"p95,omitempty"`
	P99  seatrial.Seconds `json:"p99,omitempty"`
	P999 seatrial.Seconds `json:"p999,omitempty"`
	Max  seatrial.Seconds `json:"max,omitempty"`
}

// Load is what a report says about a [seatrial.Load].
type Load struct {
	Name        string               `json:"name"`
	Target      string               `json:"target"`
	Rate        float64              `json:"rate"`            // requests a second; of a shape the highest
	Shape       string               `json:"shape,omitempty"` // in words; empty for a constant rate
	Users       int                  `json:"users"`
	Connections seatrial.Connections `json:"connections"` // of a user
	Timeout     seatrial.Seconds     `json:"timeout"`
}

// Fault is one planned fault.
type Fault struct {
	Name string           `json:"name"`
	Kind string           `json:"kind"`
	At   seatrial.Seconds `json:"at"`
	For  seatrial.Seconds `json:"for,omitempty"` // zero: the fault decides
	// Every and Per are [seatrial.Occurs]; zero and empty where nothing is said.
	Every seatrial.Seconds `json:"every,omitempty"`
	Per   string           `json:"per,omitempty"`
}

// Node is what a report says about a [seatrial.Node].
type Node struct {
	Name         string `json:"name"`
	ControlPlane bool   `json:"control_plane,omitempty"`
	Agents       bool   `json:"agents,omitempty"`
}

// Cluster is what the settings of a cluster change.
type Cluster struct {
	Name    string               `json:"name"`
	Node    *NodeSize            `json:"node,omitempty"`    // of a worker; nil: the backend's
	Timings []seatrial.Departure `json:"timings,omitempty"` // other than Kubernetes' defaults
}

// NodeSize is [seatrial.NodeSize] in cores and bytes; zero is the backend's.
type NodeSize struct {
	CPU    float64 `json:"cpu,omitempty"`
	Memory int64   `json:"memory,omitempty"`
}

// Versions of what took part; empty where it did not, or was not known.
type Versions struct {
	Seatrial   string `json:"seatrial,omitempty"`
	Go         string `json:"go,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
	NodeImage  string `json:"node_image,omitempty"`
}

// Trailer is the data of a journal's last line: kind "trial", edge "end". A
// journal without it was cut short.
type Trailer struct {
	// Reasons say why the trial proves nothing, as far as the runner knows;
	// what the journal itself shows is judged later.
	Reasons     []string `json:"reasons,omitempty"`
	Interrupted bool     `json:"interrupted,omitempty"` // by the user
}

// NodeChange is the data of a [seatrial.KindNode] event, whose subject is the
// node's name.
type NodeChange struct {
	Ready         bool `json:"ready"`
	Unschedulable bool `json:"unschedulable,omitempty"`
	Joined        bool `json:"joined,omitempty"`  // it was not there before: not Ready yet is no loss
	Removed       bool `json:"removed,omitempty"` // it is no longer part of the cluster
}

// PodChange is the data of a [seatrial.KindPod] event, whose subject is the
// pod as "namespace/name". The state of every pod when the watch begins is an
// event too: without it a report cannot say on which node a pod ran.
type PodChange struct {
	Node string `json:"node,omitempty"` // empty while it is not scheduled
	// Unschedulable: the scheduler has tried, and found no node for it.
	Unschedulable bool   `json:"unschedulable,omitempty"`
	Ready         bool   `json:"ready"`
	Phase         string `json:"phase,omitempty"`
	Terminating   bool   `json:"terminating,omitempty"`
	Deleted       bool   `json:"deleted,omitempty"`
	// Workload is what makes another pod when this one goes, as in
	// "deployment/shop", in the pod's namespace; empty where nothing does.
	Workload string `json:"workload,omitempty"`
	Restarts int    `json:"restarts,omitempty"` // of its containers, together, since it was created
	// OOMKills counts those of its containers' ends, as far as they were seen,
	// that were the kernel's doing for want of memory.
	OOMKills int  `json:"oom_kills,omitempty"`
	Evicted  bool `json:"evicted,omitempty"` // it failed because its kubelet evicted it
	// System: the pod is the cluster's own or seatrial's, not of what is tried.
	System bool `json:"system,omitempty"`
}

// HeaderOf fills in all that a scenario and one of its trials say. ID, Backend,
// Seed, Started, Nodes, Versions and Command remain for the caller.
func HeaderOf(s *seatrial.Scenario, t seatrial.Trial) Header {
	h := Header{
		Schema:      Schema,
		Scenario:    s.Name,
		Description: s.Description,
		Variant:     t.Variant,
		Baseline:    t.Baseline,
		Expect:      t.Expect,
		Timeline: Timeline{
			Warmup:   seatrial.InSeconds(t.Spec.Timeline.Warmup),
			Trial:    seatrial.InSeconds(t.Spec.Timeline.Trial),
			Recovery: seatrial.InSeconds(t.Spec.Timeline.Recovery),
		},
		Hurt:        seatrial.InSeconds(t.Spec.Hurt),
		SteadyState: ObjectiveOf(t.Spec.SteadyState),
		SLO:         ObjectiveOf(t.Spec.SLO),
		Source:      string(s.Source),
		Warnings:    slices.Clone(s.Warnings), // the caller may add its own; trials share a scenario
	}
	if len(s.Source) > 0 {
		sum := sha256.Sum256(s.Source)
		h.SourceSHA256 = hex.EncodeToString(sum[:])
	}
	for _, l := range t.Spec.Loads {
		h.Loads = append(h.Loads, Load{Name: l.Name, Target: l.TargetWords(), Rate: float64(l.Rate), Shape: l.Shape.String(),
			Users: l.Users, Connections: l.Connections, Timeout: seatrial.InSeconds(l.Client.Timeout)})
	}
	for _, f := range t.Spec.Faults {
		h.Faults = append(h.Faults, Fault{Name: f.Name, Kind: f.Kind,
			At: seatrial.InSeconds(f.At), For: seatrial.InSeconds(f.For),
			Every: seatrial.InSeconds(f.Occurs.Every), Per: f.Occurs.Per})
	}
	if t.Spec.Front != nil {
		h.Front = t.Spec.Front.String()
	}
	for _, c := range t.Spec.Clusters {
		if set := clusterOf(c); set.Node != nil || len(set.Timings) > 0 {
			h.Clusters = append(h.Clusters, set)
		}
	}
	return h
}

func clusterOf(c seatrial.ClusterSpec) Cluster {
	set := Cluster{Name: c.Name, Timings: c.Timings.Departures()}
	if c.Node != (seatrial.NodeSize{}) {
		set.Node = &NodeSize{CPU: float64(c.Node.CPU) / 1000, Memory: int64(c.Node.Memory)}
	}
	return set
}

// NodesOf keeps what a report says about nodes.
func NodesOf(nodes []seatrial.Node) []Node {
	var kept []Node
	for _, n := range nodes {
		kept = append(kept, Node{Name: n.Name, ControlPlane: n.ControlPlane, Agents: n.Agents})
	}
	return kept
}

// ObjectiveOf converts to seconds.
func ObjectiveOf(o seatrial.Objective) Objective {
	q := o.Latency
	return Objective{Availability: float64(o.Availability), Latency: Latency{
		P50: seatrial.InSeconds(q.P50), P90: seatrial.InSeconds(q.P90), P95: seatrial.InSeconds(q.P95),
		P99: seatrial.InSeconds(q.P99), P999: seatrial.InSeconds(q.P999), Max: seatrial.InSeconds(q.Max),
	}}
}

// Bound is one bound on latency.
type Bound struct {
	Name     string // as in the scenario: "p99"
	Quantile float64
	Limit    time.Duration
}

// Bounds lists the bounds that are asked for, in ascending order of quantile.
func (l Latency) Bounds() []Bound {
	var asked []Bound
	for _, b := range []struct {
		name  string
		q     float64
		limit seatrial.Seconds
	}{{"p50", 0.5, l.P50}, {"p90", 0.9, l.P90}, {"p95", 0.95, l.P95},
		{"p99", 0.99, l.P99}, {"p999", 0.999, l.P999}, {"max", 1, l.Max}} {
		if b.limit > 0 {
			asked = append(asked, Bound{Name: b.name, Quantile: b.q, Limit: b.limit.Duration()})
		}
	}
	return asked
}
