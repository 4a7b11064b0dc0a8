package report

import (
	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// Schema is the version of summary.json.
const Schema = 1

// Summary is what a trial showed: the content of summary.json. Times are in
// seconds, points in time count from the trial's start, shares are ratios, and
// what never happened is null.
type Summary struct {
	Schema   int              `json:"schema"`
	ID       string           `json:"id"`
	Scenario string           `json:"scenario"`
	Variant  string           `json:"variant"`
	Backend  string           `json:"backend"`
	Seed     uint64           `json:"seed"`
	Expect   seatrial.Verdict `json:"expect"`
	Verdict  seatrial.Verdict `json:"verdict"`
	Reasons  []string         `json:"reasons"`  // why it is not "pass"
	Sentence string           `json:"sentence"` // what users felt, in words

	Part              // of all loads, from the trial's start to its end
	Loads    []Named  `json:"loads"`
	Phases   Phases   `json:"phases"`
	Faults   []Fault  `json:"faults"`
	Impact   Impact   `json:"impact"`
	Workload Workload `json:"workload"`
	Exposure []Pod    `json:"exposure"`
	SLO      []Check  `json:"slo"`
	Budget   []Budget `json:"budget,omitempty"` // of loads whose SLO speaks of availability

	Description string           `json:"description,omitempty"`
	Baseline    bool             `json:"baseline,omitempty"`
	Started     string           `json:"started,omitempty"` // RFC 3339
	Duration    seatrial.Seconds `json:"duration"`          // from the trial's start to the end of the last interval
	Hurt        seatrial.Seconds `json:"hurt"`              // a request is hurt when it fails or takes longer
	Steady      Steady           `json:"steady_state"`
	Front       *Front           `json:"front,omitempty"` // nil where there is none
	Agents      []Agent          `json:"agents"`
	Nodes       []journal.Node   `json:"nodes,omitempty"`
	// Clusters are those whose settings are not Kubernetes' and the backend's.
	Clusters     []journal.Cluster `json:"clusters,omitempty"`
	Versions     journal.Versions  `json:"versions"`
	SourceSHA256 string            `json:"source_sha256,omitempty"`
	Command      string            `json:"command,omitempty"`
	Warnings     []string          `json:"warnings"`

	timeline []string // drawn in characters; not in summary.json
}

// alone says that no more than a load was tried.
func (s *Summary) alone() bool { return s.Backend == journal.Alone }

// Part is the load of some time.
type Part struct {
	Load         Counts   `json:"load"`
	Availability *float64 `json:"availability"` // succeeded ÷ planned
	// Amplification is what retries, hedges and net/http's own resends make of
	// the load: attempts ÷ sent.
	Amplification *float64          `json:"amplification"`
	Latency       Times             `json:"latency"`      // from the due time
	ServiceTime   Times             `json:"service_time"` // from the sending
	Errors        map[string]int64  `json:"errors,omitempty"`
	MaxLag        *seatrial.Seconds `json:"max_lag"` // largest delay that the generator itself added
}

// Counts of requests.
type Counts struct {
	Planned   int64 `json:"planned"`
	Sent      int64 `json:"sent"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Dropped   int64 `json:"dropped"` // still waiting in line at the end
	Attempts  int64 `json:"attempts"`
	Retried   int64 `json:"retried"`  // attempts that a retry of the client began
	Hedged    int64 `json:"hedged"`   // attempts that were hedges
	Rejected  int64 `json:"rejected"` // of sent: ended by the client's own breaker or limit, without an attempt
	Late      int64 `json:"late"`     // sent late through the generator's own fault
	Hurt      int64 `json:"hurt"`
	// PoolWaited counts those that waited more than 10 ms for a place in the
	// load's pool, CatchUpLimited those that its catchUp held back as long; they
	// are absent where none did.
	PoolWaited     int64 `json:"pool_waited,omitempty"`
	CatchUpLimited int64 `json:"catch_up_limited,omitempty"`
}

// Times are quantiles.
type Times struct {
	P50  *seatrial.Seconds `json:"p50"`
	P90  *seatrial.Seconds `json:"p90"`
	P95  *seatrial.Seconds `json:"p95"`
	P99  *seatrial.Seconds `json:"p99"`
	P999 *seatrial.Seconds `json:"p999"`
	Max  *seatrial.Seconds `json:"max"`
}

// Named is the part of one load.
type Named struct {
	Name string `json:"name"`
	Part
}

// Phases of a trial by due time. A phase that did not come is null.
type Phases struct {
	Before   *Phase `json:"before"`   // start → first injected
	Fault    *Phase `json:"fault"`    // → last reverted
	Recovery *Phase `json:"recovery"` // → end
}

// Phase is the load of one phase.
type Phase struct {
	From seatrial.Seconds `json:"from"`
	To   seatrial.Seconds `json:"to"`
	Part
	Loads []Named `json:"loads"`
}

// Fault is the life of one fault.
type Fault struct {
	Name           string            `json:"name"`
	Kind           string            `json:"kind"`
	Targets        []string          `json:"targets"`
	PlannedAt      *seatrial.Seconds `json:"planned_at"`
	InjectedAt     *seatrial.Seconds `json:"injected_at"`
	ProvenAt       *seatrial.Seconds `json:"proven_at"`
	RevertedAt     *seatrial.Seconds `json:"reverted_at"`
	InjectionError *seatrial.Seconds `json:"injection_error"` // injected − planned
	Proof          *seatrial.Proof   `json:"proof"`
	Struck         []Struck          `json:"struck,omitempty"` // workloads with pods in its way
}

// LoadSeconds are seconds of a load.
type LoadSeconds struct {
	Load    string  `json:"load"`
	Seconds float64 `json:"seconds"`
}

// Front is what stood between clients and clusters.
type Front struct {
	Is    string        `json:"is"`    // in words
	Found []FrontChange `json:"found"` // in the order in which it found out
}

// FrontChange is when a front began or ceased to send clients to a cluster.
type FrontChange struct {
	At      seatrial.Seconds `json:"at"`
	Cluster string           `json:"cluster"`
	Well    bool             `json:"well"` // clients are sent there from now on
	Message string           `json:"message"`
}

// Impact is what the faults meant to users and how long it took.
type Impact struct {
	// RequestsHurt is the share of the requests due in the fault phase that
	// were hurt, UsersHurt the share of all users with at least one of them.
	RequestsHurt *float64 `json:"requests_hurt"`
	UsersHurt    *float64 `json:"users_hurt"`
	// TimeToDetect runs from the first injection until Kubernetes reacted: to
	// the first warning about a node or a pod, named by DetectedBy.
	TimeToDetect *seatrial.Seconds `json:"time_to_detect"`
	DetectedBy   *string           `json:"detected_by"`
	// TimeToRecover runs from the last revert to the earliest time from which
	// the steady state held in every second until the end.
	TimeToRecover *seatrial.Seconds `json:"time_to_recover"`
	// UnavailableSeconds counts the seconds since the first injection, cut
	// without overlap, in which availability was below the steady state's.
	UnavailableSeconds float64 `json:"unavailable_seconds"`
	// UnavailableByLoad is that of each load, where there are several.
	UnavailableByLoad []LoadSeconds `json:"unavailable_by_load,omitempty"`
}

// Pod is how many users' connections led to a pod when the first fault was
// injected; without a fault, at the end.
type Pod struct {
	Pod   string `json:"pod"`
	Node  string `json:"node"` // empty where the journal does not say
	Users int    `json:"users"`
	// UsersHurt counts those of them with a hurt request in the fault phase;
	// without a fault, in the trial.
	UsersHurt int  `json:"users_hurt"`
	Hit       bool `json:"hit"` // a fault targeted the pod or its node
}

// Check is one objective of the SLO, for one load.
type Check struct {
	Name      string   `json:"name"`      // "availability", "latency.p99" …
	Load      string   `json:"load"`      // the load's name
	Phase     string   `json:"phase"`     // "all": from the trial's start to its end
	Objective float64  `json:"objective"` // ratio or seconds
	Measured  *float64 `json:"measured"`  // null: nothing to measure, or never answered
	Pass      bool     `json:"pass"`
}

// Steady says what the steady state was and whether it held in the second half
// of the warm-up.
type Steady struct {
	Objective journal.Objective `json:"objective"`
	Held      bool              `json:"held"`
	Why       string            `json:"why,omitempty"` // it did not
}

// Agent is what a load agent says of itself.
type Agent struct {
	Name string `json:"name"`
	seatrial.AgentReport
}

// Busy is the share of its cores that the agent used; zero where it did not
// say.
func (a Agent) Busy() float64 {
	if a.Cores <= 0 || a.Wall <= 0 {
		return 0
	}
	return float64(a.CPU) / (float64(a.Wall) * float64(a.Cores))
}
