package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// Cause is why a node goes NotReady.
type Cause string

// The causes.
const (
	CauseKubelet   Cause = "kubelet"
	CauseRuntime   Cause = "runtime"
	CausePartition Cause = "partition"
	CauseMemory    Cause = "memory"
	CauseCPU       Cause = "cpu"
	CausePower     Cause = "power"
)

var causes = []Cause{CauseKubelet, CauseRuntime, CausePartition, CauseMemory, CauseCPU, CausePower}

// NodeNotReady takes from nodes what keeps them Ready. Whether and when
// Kubernetes says so is an outcome, written to the journal as it happens: with
// the default grace period it takes 40 to 55 s, and a node that is only short
// of CPU may stay Ready. What is proven is the cause.
type NodeNotReady struct {
	Cause Cause   `yaml:"cause" enum:"kubelet,runtime,partition,memory,cpu,power" doc:"kubelet: it is stopped, the pods go on serving unwatched. runtime: the container runtime is stopped, the kubelet says so. partition: the node and the control plane lose each other, the pods go on serving. memory: something on the node takes all of it, and what runs there waits for some. cpu: the node is starved. power: nothing runs and no packet passes; what comes back has restarted"`
	Nodes Nodes   `yaml:"nodes" doc:"which nodes, all at once"`
	CPUs  float64 `yaml:"cpus" doc:"cores that cause cpu leaves to the whole node"`
}

const (
	// shortestOutage leaves time for a proof: a probe waits up to a second for
	// the answer that must not come.
	shortestOutage = 3 * time.Second
	longestOutage  = time.Hour
	// exhaustion is how much cause memory takes in a second: a node of a few
	// GiB is out of it before its kubelet looks again.
	exhaustion = 1 << 30
)

var nodeNotReady = seatrial.Builtin{
	Name:    "nodeNotReady",
	Summary: "Nodes lose what keeps them Ready: kubelet, runtime, control plane, memory, CPU or power.",
	New:     func() seatrial.Fault { return &NodeNotReady{Cause: CauseKubelet, CPUs: 0.02} },
	Proof:   "kubelet and runtime: no such process is left in the node, and its port or socket refuses connections; partition: the API server, which answered the node before, does not any more; memory: nothing is left, and processes wait for it; cpu: the node's cgroup was throttled; power: a heartbeat in the node ended, and its freezer and links are seen shut",
	Example: `- name: lost
  at: 5s
  for: 55s
  nodeNotReady: {cause: partition, nodes: {running: app=shop}}
`,
}

// Check demands a `for`; one that ends with the trial stands for never.
func (n *NodeNotReady) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if !slices.Contains(causes, n.Cause) {
		return fmt.Errorf("cause %q is not one of kubelet, runtime, partition, memory, cpu, power", n.Cause)
	}
	if n.Cause == CauseCPU && !(n.CPUs > 0) {
		return fmt.Errorf("cpus is %g; cause cpu leaves a node more than 0", n.CPUs)
	}
	return n.Nodes.check()
}

// checkOutage demands a `for` of a fault that is in force for a time.
func checkOutage(span time.Duration) error {
	if span == 0 {
		return seatrial.Fail(seatrial.BadInput, errors.New("for is required: how long it lasts"), "such as for: 60s; for the rest of the trial, a for that ends with it")
	}
	if span < shortestOutage || span > longestOutage {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; it takes between %s and %s", span, shortestOutage, longestOutage), "such as for: 60s")
	}
	return nil
}

// Run takes it away for the span and puts it back.
func (n *NodeNotReady) Run(ctx context.Context, env seatrial.Env) error {
	if err := n.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := n.Nodes.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes that go NotReady: %w", err)
	}
	var actions []seatrial.Action
	for _, node := range nodes {
		actions = append(actions, n.action(node.Name, env.Span()+expiryMargin))
	}
	return outage(ctx, env, "loss of "+string(n.Cause)+" on "+strings.Join(nodeNames(nodes), ", "), actions...)
}

func (n *NodeNotReady) action(node string, expires time.Duration) seatrial.Action {
	switch n.Cause {
	case CauseRuntime:
		return seatrial.StopRuntime{Node: node, Expires: expires}
	case CausePartition:
		return seatrial.Partition{Node: node, Expires: expires}
	case CauseMemory:
		return seatrial.HogMemory{Node: node, Rate: exhaustion, Expires: expires}
	case CauseCPU:
		return seatrial.Throttle{Node: node, CPUs: n.CPUs, Expires: expires}
	case CausePower:
		return seatrial.PowerOff{Node: node, Expires: expires}
	}
	return seatrial.StopKubelet{Node: node, Expires: expires}
}

// outage is a fault of one stage: the actions are in force for the span.
func outage(ctx context.Context, env seatrial.Env, name string, actions ...seatrial.Action) error {
	effect, err := env.Arm(ctx, actions...)
	if err != nil {
		return fmt.Errorf("preparing the %s: %w", name, err)
	}
	err = env.Begin(ctx)
	return stage{name: name, effect: effect, length: env.Span(), prove: true}.play(ctx, env, err)
}
