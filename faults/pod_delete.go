package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// PodDelete deletes pods, as a drain, a scale-down or a person does. It is an
// event and not a state: nothing is put back, the controller makes new pods,
// and the fault is over when the workload is whole again.
type PodDelete struct {
	Pods  Pods           `yaml:"pods" doc:"which pods go, all at once"`
	Grace *time.Duration `yaml:"grace" doc:"termination grace period instead of the pod's own, in whole seconds; 0s kills at once"`
}

// deletionProof bounds the wait until the API shows the deletion, which it
// does at once unless it is not answering.
const deletionProof = 10 * time.Second

var podDelete = seatrial.Builtin{
	Name:    "podDelete",
	Summary: "Pods are deleted; their controller makes new ones.",
	New:     func() seatrial.Fault { return &PodDelete{} },
	Proof:   "each pod is seen Terminating, or gone",
	Example: `- name: delete
  at: 15s
  podDelete:
    pods: {labels: app=shop, count: 2}
`,
}

// Check demands that the fault has no `for`.
func (d *PodDelete) Check(span time.Duration) error {
	if span != 0 {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; a deletion happens at one moment", span), "leave for out")
	}
	if d.Grace != nil && (*d.Grace < 0 || *d.Grace%time.Second != 0) {
		return fmt.Errorf("grace %s is not in whole seconds, which is what Kubernetes counts in", *d.Grace)
	}
	return d.Pods.check()
}

// Run deletes the pods and returns when the workload is whole again.
func (d *PodDelete) Run(ctx context.Context, env seatrial.Env) error {
	if err := d.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	pods, err := d.Pods.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the pods to delete: %w", err)
	}
	var actions []seatrial.Action
	for _, p := range pods {
		actions = append(actions, seatrial.DeletePod{Namespace: p.Namespace, Name: p.Name, Grace: d.Grace})
	}
	effect, err := env.Arm(ctx, actions...)
	if err != nil {
		return fmt.Errorf("preparing the deletion: %w", err)
	}
	err = strike(ctx, env, effect, "deletion", deletionProof)
	if whole := effect.Revert(ctx); whole != nil {
		err = errors.Join(err, fmt.Errorf("waiting for the workload to be whole again: %w", whole))
	}
	return err
}
