package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// CPUHog computes without end, as a job that is too big or a loop gone wrong
// does. In a pod it has the pod's weight and its container's limit. Without a
// limit it takes all that others do not use, and of what they do use as much as
// their requests, against the pod's own, leave to it.
type CPUHog struct {
	Pods      Pods   `yaml:"pods" doc:"in one container of each of these pods, within its limits; not beside nodes"`
	Container string `yaml:"container" doc:"of the pods; empty means their first"`
	Nodes     Nodes  `yaml:"nodes" doc:"on these nodes themselves, beside all pods; no limit applies"`
	Threads   int    `yaml:"threads" doc:"how many cores each would fill"`
}

var cpuHog = seatrial.Builtin{
	Name:    "cpuHog",
	Summary: "Something computes without end, in a pod or on a node.",
	New:     func() seatrial.Fault { return &CPUHog{Threads: 4} },
	Proof:   "the CPU time of the cgroup that it runs in, or that this was throttled at its limit",
	Example: `- name: busy
  at: 10s
  for: 40s
  cpuHog: {nodes: {running: app=shop, count: 1}, threads: 8}
`,
}

// mostThreads keeps a hog from being a fork bomb.
const mostThreads = 64

// Check demands a `for`, and a place.
func (c *CPUHog) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if c.Threads < 1 || c.Threads > mostThreads {
		return fmt.Errorf("threads is %d; it is between 1 and %d", c.Threads, mostThreads)
	}
	return c.where().check()
}

func (c *CPUHog) where() hogs { return hogs{c.Pods, c.Container, c.Nodes} }

// Run computes for the span.
func (c *CPUHog) Run(ctx context.Context, env seatrial.Env) error {
	if err := c.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	places, names, err := c.where().choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing where CPU is used: %w", err)
	}
	var actions []seatrial.Action
	for _, p := range places {
		actions = append(actions, seatrial.HogCPU{Node: p.node, Namespace: p.namespace, Pod: p.pod, Container: c.Container,
			Threads: c.Threads, Expires: env.Span() + expiryMargin})
	}
	return outage(ctx, env, "use of CPU in "+names, actions...)
}
