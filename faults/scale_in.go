package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// ScaleIn takes nodes out of a pool, as an autoscaler or a person does: each is
// cordoned, drained and deleted. At the end of `for` nodes like them join.
type ScaleIn struct {
	Nodes Nodes         `yaml:"nodes" doc:"which nodes leave, all at once"`
	Force time.Duration `yaml:"force" doc:"how long budgets and grace periods are respected on a node; then pods are deleted, and the node, too"`
}

var scaleIn = seatrial.Builtin{
	Name:    "scaleIn",
	Summary: "A pool loses nodes: they are drained and deleted.",
	New:     func() seatrial.Fault { return &ScaleIn{Force: 10 * time.Minute} }, // cluster-autoscaler: --max-graceful-termination-sec
	Proof:   "each node has the taint of a cordoned one before it is drained, and is gone from the API after it; each evicted pod is seen Terminating, or gone",
	Example: `- name: scale-in
  at: 15s
  for: 40s
  scaleIn: {nodes: {count: 2}, force: 30s}
`,
}

// Check demands a `for`.
func (s *ScaleIn) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if s.Force <= 0 {
		return seatrial.Fail(seatrial.BadInput, errors.New("force is 0: budgets are respected for some time, but not for ever"), "such as force: 30s")
	}
	return s.Nodes.check()
}

// Run takes the nodes away, and lets others join when the span is over.
func (s *ScaleIn) Run(ctx context.Context, env seatrial.Env) error {
	if err := s.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := s.Nodes.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes that leave: %w", err)
	}
	p := &pool{env: env}
	for _, n := range nodes {
		m := &member{env: env, name: n.Name, evicting: newEvicting(env, s.Force, n.Name)}
		p.members = append(p.members, m)
		err = errors.Join(err, m.arm(ctx))
	}
	if err == nil {
		err = env.Begin(ctx)
	}
	if err == nil {
		err = p.shrink(ctx)
	}
	return errors.Join(err, p.undo(ctx))
}

// shrink returns when the span is over. A drain that takes longer ends with
// it: that the nodes did not leave is an outcome.
func (p *pool) shrink(ctx context.Context) error {
	clock := p.env.Clock()
	end := clock.Now() + p.env.Span()
	window, cancel := clock.WithTimeout(ctx, p.env.Span())
	defer cancel()
	err := p.each(window, p.members, func(m *member, ctx context.Context) error {
		return inOrder(ctx, m.close, m.drain, m.leave)
	})
	if err != nil && (ctx.Err() != nil || clock.Now() < end || !ranOut(err)) {
		return errors.Join(ctx.Err(), err)
	}
	if err != nil {
		p.env.Note(seatrial.Event{Kind: seatrial.KindMessage, Subject: poolName, Severity: seatrial.Warning,
			Message: fmt.Sprintf("not all nodes left within %s: %v", p.env.Span(), err)})
	}
	return clock.Sleep(ctx, end-clock.Now())
}
