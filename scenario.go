package seatrial

import "time"

// Scenario is what a user writes: clusters, workload, load, faults on a
// timeline, and what must hold.
type Scenario struct {
	Name        string // a DNS label
	Description string
	Spec        Spec    // what every variant starts from, defaults filled in
	Variants    []Trial // at least one, the baseline first where one is named
	// Compare says by what variants are compared, defaults filled in.
	Compare  CompareSpec
	Source   []byte   // the file as read, for the report; credentials are masked
	Path     string   // where it was read; empty when it was built in Go
	Warnings []string // accepted, but worth a look
}

// Trial is one configuration to be tried: a variant merged over the spec and
// validated whole. A scenario without variants has one, named "default".
type Trial struct {
	Variant  string
	Baseline bool
	// Expect is the verdict that the author predicts: [Pass] (the default) or
	// [Fail].
	Expect Verdict
	Spec   Spec
	// Manifests is the workload of this variant: a YAML stream of Kubernetes
	// objects, patches applied. Own are those of clusters with patches of their
	// own, by name.
	Manifests []byte
	Own       map[string][]byte
}

// ManifestsOf is the workload of one of the clusters.
func (t Trial) ManifestsOf(cluster string) []byte {
	if own, ok := t.Own[cluster]; ok {
		return own
	}
	return t.Manifests
}

// Spec is the body of a scenario.
type Spec struct {
	Clusters []ClusterSpec `yaml:"clusters"`
	// Front, if any, chooses the cluster that answers a client.
	Front       *Front    `yaml:"front"`
	Workload    Workload  `yaml:"workload"`
	Loads       []Load    `yaml:"loads"`
	Timeline    Timeline  `yaml:"timeline"`
	SteadyState Objective `yaml:"steadyState"`
	// Hurt is the time from which a successful request counts as hurt; a
	// failed one always does. Zero means 1 s.
	Hurt   time.Duration `yaml:"hurt"`
	Faults []FaultSpec   `yaml:"faults"`
	SLO    Objective     `yaml:"slo"`
}

// ClusterSpec is the shape of a cluster.
type ClusterSpec struct {
	Name string `yaml:"name"` // empty means "main"
	// Workers counts the nodes that run the workload; the agents' own node
	// and the control plane come on top. Zero means 3.
	Workers int `yaml:"workers"`
	// Kubernetes asks for a version, such as "v1.37.1"; empty takes the node
	// image's.
	Kubernetes string `yaml:"kubernetes"`
	// Node is what each worker has for pods; zero leaves it to the backend.
	Node NodeSize `yaml:"node"`
	// Patches are strategic-merge patches on the workload, for this cluster alone.
	Patches []string `yaml:"patches"`
	// Maintenance is when this cluster may be upgraded; without any, whenever.
	Maintenance []Window `yaml:"maintenance"`
	// Timings are set apart from Kubernetes' defaults; the report says so.
	Timings Timings `yaml:"timings"`
	// Spares counts the nodes that faults let join on top: the most that any
	// variant of the scenario asks for, so that all can share a cluster.
	Spares int `yaml:"-"`
}

// Window is a part of a trial.
type Window struct {
	From time.Duration `yaml:"from"` // since the trial's start
	To   time.Duration `yaml:"to"`
}

// Workload is the ordinary Kubernetes objects under test.
type Workload struct {
	Manifests []string `yaml:"manifests"` // files beside the scenario
	Patches   []string `yaml:"patches"`   // strategic-merge patches on them
}

// Timeline says how long the parts of a trial take. Warm-up runs before second
// zero; faults lie within Trial; Recovery is the most that is waited for the
// steady state to come back.
type Timeline struct {
	Warmup   time.Duration `yaml:"warmup"`   // zero means 10 s
	Trial    time.Duration `yaml:"trial"`    // required
	Recovery time.Duration `yaml:"recovery"` // zero means 60 s
}

// Objective is what must hold: of a steady state, or of an SLO. Zero fields
// are not asked for.
type Objective struct {
	Availability Ratio     `yaml:"availability"` // least share of planned requests that succeed
	Latency      Quantiles `yaml:"latency"`      // highest latency from the due time
}

// Quantiles are bounds on latency.
type Quantiles struct {
	P50  time.Duration `yaml:"p50"`
	P90  time.Duration `yaml:"p90"`
	P95  time.Duration `yaml:"p95"`
	P99  time.Duration `yaml:"p99"`
	P999 time.Duration `yaml:"p999"`
	Max  time.Duration `yaml:"max"`
}

// FaultSpec is one fault on the timeline. In YAML the key of its kind carries
// its parameters: `liveMigration: {mode: sigstop}`.
type FaultSpec struct {
	Name    string        `yaml:"name"`
	Cluster string        `yaml:"cluster"` // empty means the first
	At      time.Duration `yaml:"at"`      // since the trial's start
	For     time.Duration `yaml:"for"`     // zero: the fault decides, see its docs
	// Occurs says how often it happens in real life: the report then tells what
	// it costs in a month.
	Occurs Occurs `yaml:"occurs"`
	Kind   string `yaml:"-"`
	Fault  Fault  `yaml:"-"`
}

// Occurs is how often a fault happens, on average and at random.
type Occurs struct {
	Every time.Duration `yaml:"every"` // zero: not said
	// Per says to what: to each node of the cluster that is for the workload, or
	// to the cluster. Empty means the cluster.
	Per string `yaml:"per" enum:"node,cluster"`
}

// Verdict says what a trial showed.
type Verdict string

const (
	// Pass: every objective held.
	Pass Verdict = "pass"
	// Failed: an SLO was missed, or the steady state did not come back.
	Failed Verdict = "fail"
	// Invalid: the trial proves nothing: a fault unproven, the generator
	// saturated, no steady state.
	Invalid Verdict = "invalid"
)
