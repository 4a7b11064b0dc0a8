package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// MemoryHog takes memory, as a leak or a job that is too big does. In a pod with
// a limit the kernel kills the container at it, and that is the end of the
// hog; the container restarts without it. Without a limit, and on a node, it
// goes on until the node has none left: if the kubelet looks in time (every 10 s),
// it evicts pods; if not, the node hangs, and is NotReady after the grace period.
type MemoryHog struct {
	Pods      Pods           `yaml:"pods" doc:"in one container of each of these pods, within its limits; not beside nodes"`
	Container string         `yaml:"container" doc:"of the pods; empty means their first"`
	Nodes     Nodes          `yaml:"nodes" doc:"on these nodes themselves, beside all pods; no limit applies"`
	Bytes     seatrial.Bytes `yaml:"bytes" doc:"the most that each takes; 0 means all there is"`
	Rate      seatrial.Bytes `yaml:"rate" doc:"how much each takes in a second until then"`
}

var memoryHog = seatrial.Builtin{
	Name:    "memoryHog",
	Summary: "Something takes memory, in a pod or on a node, until it has what it wants or something gives way.",
	New:     func() seatrial.Fault { return &MemoryHog{Rate: 256 << 20} },
	Proof:   "what the want of memory does: the container's last end is OOMKilled, or its pod was evicted, or the node has none left and counts what waits for it; where there is enough, the memory in use",
	Example: `- name: leak
  at: 10s
  for: 40s
  memoryHog: {pods: {labels: app=shop, count: 1}, rate: 512Mi}
`,
}

// Check demands a `for`, and a place.
func (m *MemoryHog) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if m.Rate <= 0 {
		return fmt.Errorf("rate is %s; it is above 0", m.Rate)
	}
	return m.where().check()
}

func (m *MemoryHog) where() hogs { return hogs{m.Pods, m.Container, m.Nodes} }

// Run takes the memory, and gives it back when the span is over.
func (m *MemoryHog) Run(ctx context.Context, env seatrial.Env) error {
	if err := m.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	places, names, err := m.where().choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing where memory is taken: %w", err)
	}
	var actions []seatrial.Action
	for _, p := range places {
		actions = append(actions, seatrial.HogMemory{Node: p.node, Namespace: p.namespace, Pod: p.pod, Container: m.Container,
			Bytes: m.Bytes, Rate: m.Rate, Expires: env.Span() + expiryMargin})
	}
	return outage(ctx, env, "want of memory in "+names, actions...)
}
