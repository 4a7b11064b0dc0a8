package seatrial

import "time"

// Deschedule lets the descheduler (sigs.k8s.io/descheduler) run once and evict
// what its strategies choose, through the eviction API. The act returns when
// the run has been started; each eviction is an event of [KindEviction]. Nothing
// is put back: the end state is that nothing of the run is left. What it evicted
// may still be on its way out, and not replaced yet.
type Deschedule struct {
	// Run tells this run from others; it is part of a DNS label.
	Run string `json:"run"`
	// The strategies, of which the zero value of each means that it does not
	// run. PodLifeTime goes first, as the descheduler lets those that only
	// deschedule go before those that balance; the others in this order.
	PodLifeTime        time.Duration      `json:"podLifeTime,omitempty"` // evicts older pods
	RemoveDuplicates   bool               `json:"removeDuplicates,omitempty"`
	TopologySpread     TopologySpread     `json:"topologySpread,omitzero"`
	LowNodeUtilization LowNodeUtilization `json:"lowNodeUtilization,omitzero"`
	// Expires is how long after the act the run ends by itself.
	Expires time.Duration `json:"expires"`
}

// TopologySpread says which constraints of pods the descheduler's strategy
// RemovePodsViolatingTopologySpreadConstraint enforces.
type TopologySpread struct {
	DoNotSchedule  bool `json:"doNotSchedule,omitempty"`
	ScheduleAnyway bool `json:"scheduleAnyway,omitempty"`
}

// LowNodeUtilization is the descheduler's strategy of that name: while some node
// is below all Thresholds, pods are evicted from those above any Target.
type LowNodeUtilization struct {
	Thresholds Utilization `json:"thresholds"`
	Targets    Utilization `json:"targets"`
}

// Utilization is the share of what a node can allocate that its pods request, in
// percent.
type Utilization struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
	Pods   float64 `json:"pods"`
}

// Kind names the action.
func (Deschedule) Kind() string { return "deschedule" }

// Target is the Job that runs.
func (a Deschedule) Target() string { return "job/kube-system/" + a.Job() }

// Job is the name of the Job that runs.
func (a Deschedule) Job() string { return "seatrial-descheduler-" + a.Run }
