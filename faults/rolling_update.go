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

// RollingUpdate gives a workload a new revision, as a deployment of the same
// code would. It is an event and not a state: nothing is put back, and the
// fault is over when the revision is rolled out.
type RollingUpdate struct {
	Workload  string `yaml:"workload" doc:"what is updated, as in deployment/shop; statefulset and daemonset too. Required"`
	Namespace string `yaml:"namespace" doc:"where it is; default is \"default\""`
}

var rollingUpdate = seatrial.Builtin{
	Name:    "rollingUpdate",
	Summary: "A workload gets a new revision; its pods are replaced one after the other.",
	New:     func() seatrial.Fault { return &RollingUpdate{} },
	Proof:   "the workload's controller has made a pod of the new revision",
	Example: `- name: rollout
  at: 15s
  rollingUpdate: {workload: deployment/shop}
`,
}

// rolloutProof bounds the wait for the first pod of the new revision, which the
// controller makes within milliseconds where quota and budget allow it.
const rolloutProof = 20 * time.Second

// Check demands that the fault has no `for`.
func (u *RollingUpdate) Check(span time.Duration) error {
	if span != 0 {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; how long a rollout takes is up to the workload", span), "leave for out")
	}
	kind, name, _ := strings.Cut(u.Workload, "/")
	if name == "" || !slices.Contains([]string{"deployment", "statefulset", "daemonset"}, kind) {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("workload %q is not a kind and a name", u.Workload), "such as workload: deployment/shop")
	}
	return nil
}

// Run starts the rollout and returns when it is done.
func (u *RollingUpdate) Run(ctx context.Context, env seatrial.Env) error {
	if err := u.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	effect, err := env.Arm(ctx, seatrial.Restart{Namespace: orDefault(u.Namespace), Workload: u.Workload})
	if err != nil {
		return fmt.Errorf("preparing the rollout: %w", err)
	}
	err = strike(ctx, env, effect, "rollout", rolloutProof)
	if whole := effect.Revert(ctx); whole != nil {
		err = errors.Join(err, fmt.Errorf("waiting for the rollout: %w", whole))
	}
	return err
}

// strike begins an event: it acts, and waits so long for the proof.
func strike(ctx context.Context, env seatrial.Env, effect seatrial.Effect, what string, limit time.Duration) error {
	if err := env.Begin(ctx); err != nil {
		return err
	}
	if err := effect.Act(ctx); err != nil {
		return fmt.Errorf("starting the %s: %w", what, err)
	}
	return proveWithin(ctx, env, effect, what, limit)
}

// proveWithin waits so long for the proof, and no longer than ctx.
func proveWithin(ctx context.Context, env seatrial.Env, effect seatrial.Effect, what string, limit time.Duration) error {
	proving, cancel := env.Clock().WithTimeout(ctx, limit)
	defer cancel()
	if err := effect.Prove(proving); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("no proof of the %s within %s: %w", what, limit, err))
	}
	return nil
}
