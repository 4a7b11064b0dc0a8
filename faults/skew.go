package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// Skew piles a workload's pods on few nodes, as maintenance and deployments do
// over the weeks: before each rollout one more of the nodes is cordoned, and at
// the end all are schedulable again. The pods stay where they are, because the
// scheduler decides only when a pod is created. It is an event and not a state:
// no pod is put back.
type Skew struct {
	Workload  string `yaml:"workload" doc:"what is rolled out, as in deployment/shop; statefulset too. Required"`
	Namespace string `yaml:"namespace" doc:"where it is; default is \"default\""`
	Nodes     Nodes  `yaml:"nodes" doc:"the nodes that it may run on; unlike elsewhere, a count of 0 means all that fit"`
	Rounds    int    `yaml:"rounds" doc:"rollouts; 0 means one fewer than nodes, which leaves all pods on one"`
}

var skew = seatrial.Builtin{
	Name:    "skew",
	Summary: "Rollouts while nodes are cordoned pile a workload's pods on few nodes.",
	New:     func() seatrial.Fault { return &Skew{} },
	Proof:   "each node has the taint of a cordoned one, and the workload's controller has made a pod of each new revision",
	Example: `- name: skew
  at: 5s
  skew: {workload: deployment/shop, rounds: 2}
`,
}

// Check demands that the fault has no `for`.
func (s *Skew) Check(span time.Duration) error {
	if s.Rounds < 0 {
		return fmt.Errorf("rounds is %d; it is not negative", s.Rounds)
	}
	return errors.Join((&RollingUpdate{Workload: s.Workload}).Check(span), s.Nodes.check())
}

// Run is over when the last revision is rolled out and all nodes are
// schedulable.
func (s *Skew) Run(ctx context.Context, env seatrial.Env) error {
	if err := s.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	nodes, err := s.Nodes.chooseAll(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the nodes to cordon: %w", err)
	}
	rounds := s.Rounds
	if rounds == 0 {
		rounds = len(nodes) - 1
	}
	if rounds < 1 || rounds >= len(nodes) {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%d rounds cordon as many nodes, of %d: at least one of each must be there", rounds, len(nodes)),
			"lower rounds, or give the cluster more workers")
	}
	run := &skewing{Skew: s, env: env}
	err = run.prepare(ctx, pick(env.Rand(), nodes, rounds, func(a seatrial.Node) string { return a.Name }))
	if err == nil {
		err = env.Begin(ctx)
	}
	if err == nil {
		err = run.roll(ctx)
	}
	return errors.Join(err, run.undo(ctx))
}

// skewing is one run of a skew.
type skewing struct {
	*Skew
	env      seatrial.Env
	cordons  []seatrial.Effect
	rollouts []seatrial.Effect
}

func (r *skewing) prepare(ctx context.Context, nodes []seatrial.Node) error {
	for _, n := range nodes {
		for _, step := range []struct {
			action seatrial.Action
			into   *[]seatrial.Effect
		}{
			{seatrial.Cordon{Node: n.Name}, &r.cordons},
			{seatrial.Restart{Namespace: orDefault(r.Namespace), Workload: r.Workload}, &r.rollouts},
		} {
			effect, err := r.env.Arm(ctx, step.action)
			if err != nil {
				return fmt.Errorf("preparing the skew: %w", err)
			}
			*step.into = append(*step.into, effect)
		}
	}
	return nil
}

// roll cordons one node more, and rolls the workload out, in each round.
func (r *skewing) roll(ctx context.Context) error {
	for i := range r.cordons {
		if err := r.cordons[i].Act(ctx); err != nil {
			return fmt.Errorf("cordoning: %w", err)
		}
		if err := proveWithin(ctx, r.env, r.cordons[i], "cordon", rolloutProof); err != nil {
			return err
		}
		if err := r.rollouts[i].Act(ctx); err != nil {
			return fmt.Errorf("starting the rollout: %w", err)
		}
		if err := proveWithin(ctx, r.env, r.rollouts[i], "rollout", rolloutProof); err != nil {
			return err
		}
		if err := r.rollouts[i].Revert(ctx); err != nil {
			return fmt.Errorf("waiting for the rollout: %w", err)
		}
	}
	return nil
}

// undo makes the nodes schedulable, and waits for rollouts that are under way.
func (r *skewing) undo(ctx context.Context) error {
	var errs []error
	for _, e := range append(r.cordons, r.rollouts...) {
		errs = append(errs, e.Revert(ctx))
	}
	return errors.Join(errs...)
}
