package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// LiveMigration moves the VM of a node to another host: everything on the node
// sleeps for the fault's `for`, nothing is stopped or recreated, and all the
// cloud leaves behind is one event in the audit log.
//
// `at` is when it begins: with the brownout before, where there is one, else
// with the freeze. `for` is the length of the freeze alone.
type LiveMigration struct {
	Mode     seatrial.FreezeMode `yaml:"mode" enum:"sigstop,cgroup,blackout" doc:"how the node stands still. blackout drops its packets too, which is what a VM's move looks like from outside, so clients wait for retransmissions after it; sigstop and cgroup leave its kernel answering TCP"`
	Nodes    Nodes               `yaml:"nodes" doc:"which nodes move, all at once"`
	Brownout Brownout            `yaml:"brownout" doc:"a slow time around the freeze, while memory is copied"`
}

// Brownout is the time around a live migration when a node has less CPU. It
// takes no proof: a node with little to do does not feel it.
type Brownout struct {
	Before time.Duration `yaml:"before" doc:"how long before the freeze; 0 means none"`
	After  time.Duration `yaml:"after" doc:"how long after the freeze; 0 means none"`
	CPUs   float64       `yaml:"cpus" doc:"cores that are left to the node"`
}

const (
	// shortestFreeze is what the timers of a backend can still keep; the
	// fleet's p99 of live migrations is 300 ms, doi 10.1145/3186411.3186415.
	shortestFreeze = 100 * time.Millisecond
	longestFreeze  = time.Hour
	// expiryMargin is how much longer than planned a node may stay frozen
	// when nobody is left to thaw it.
	expiryMargin = 5 * time.Second
)

var liveMigration = seatrial.Builtin{
	Name:    "liveMigration",
	Summary: "A node's VM is moved to another host; everything on it sleeps for a while.",
	New: func() seatrial.Fault {
		return &LiveMigration{Mode: seatrial.Blackout, Brownout: Brownout{CPUs: 0.5}}
	},
	Proof: "the node's processes are seen to stand still: their states or the freezer's state, and a heartbeat in the node that stopped",
	Example: `- name: migrate
  at: 15s
  for: 8s
  liveMigration:
    mode: blackout
    nodes: {running: app=shop, count: 1}
    brownout: {before: 2s, after: 1s, cpus: 0.5}
`,
}

// Check demands a `for` between 100 ms and an hour, and sensible parameters.
func (m *LiveMigration) Check(span time.Duration) error {
	if span == 0 {
		return seatrial.Fail(seatrial.BadInput, errors.New("for is required: how long the node stands still"), "such as for: 8s")
	}
	if span < shortestFreeze || span > longestFreeze {
		return seatrial.Fail(seatrial.BadInput,
			fmt.Errorf("for is %s; a live migration takes between %s and %s", span, shortestFreeze, longestFreeze), "such as for: 8s")
	}
	switch m.Mode {
	case seatrial.Sigstop, seatrial.Cgroup, seatrial.Blackout:
	default:
		return fmt.Errorf("mode %q is not one of sigstop, cgroup, blackout", m.Mode)
	}
	b := m.Brownout
	if b.Before < 0 || b.After < 0 || b.Before+b.After > 0 && !(b.CPUs > 0) {
		return errors.New("brownout needs times from 0 and cpus above 0")
	}
	return m.Nodes.check()
}

// Lasts is the time from `at` to the end of the last brownout.
func (m *LiveMigration) Lasts(span time.Duration) time.Duration {
	return m.Brownout.Before + span + m.Brownout.After
}

// Run freezes the chosen nodes for the span, between two brownouts where they
// are asked for. Whatever happens, every effect is reverted before it returns.
func (m *LiveMigration) Run(ctx context.Context, env seatrial.Env) error {
	if err := m.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := m.Nodes.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes to migrate: %w", err)
	}
	stages, err := m.arm(ctx, env, nodes)
	if err == nil {
		err = env.Begin(ctx)
	}
	for _, s := range stages {
		err = s.play(ctx, env, err)
	}
	return err
}

// arm prepares the stages in their order. With an error it returns those that
// were armed, for the caller to disarm.
func (m *LiveMigration) arm(ctx context.Context, env seatrial.Env, nodes []seatrial.Node) ([]stage, error) {
	var stages []stage
	add := func(s stage, action func(node string, expires time.Duration) seatrial.Action) error {
		if s.length == 0 {
			return nil
		}
		var actions []seatrial.Action
		for _, n := range nodes {
			actions = append(actions, action(n.Name, s.length+expiryMargin))
		}
		effect, err := env.Arm(ctx, actions...)
		if err != nil {
			return fmt.Errorf("preparing the %s: %w", s.name, err)
		}
		s.effect = effect
		stages = append(stages, s)
		return nil
	}
	throttle := func(node string, expires time.Duration) seatrial.Action {
		return seatrial.Throttle{Node: node, CPUs: m.Brownout.CPUs, Expires: expires}
	}
	freeze := func(node string, expires time.Duration) seatrial.Action {
		return seatrial.Freeze{Node: node, Mode: m.Mode, Expires: expires}
	}
	err := add(stage{name: "brownout before", length: m.Brownout.Before}, throttle)
	if err == nil {
		err = add(stage{name: "freeze", length: env.Span(), prove: true, acted: func() { noteMigration(env, nodes) }}, freeze)
	}
	if err == nil {
		err = add(stage{name: "brownout after", length: m.Brownout.After}, throttle)
	}
	return stages, err
}
