package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// VolumeLost lets pods find one of their volumes empty and read-only, as after
// the return of a node that did not bring its disk along. Their containers start
// again and stay broken, and neither restarts nor probes help. A person who
// deletes the pod does: the one that takes its place has its volume mounted anew.
type VolumeLost struct {
	Pods   Pods          `yaml:"pods" doc:"which pods, as they are before the trial's first fault"`
	Volume string        `yaml:"volume" doc:"name of the volume in the pods' spec, or of its volumeClaimTemplate; required"`
	Cure   time.Duration `yaml:"cure" doc:"after which time the pods are deleted, which cures; 0 means never"`
}

var volumeLost = seatrial.Builtin{
	Name:    "volumeLost",
	Summary: "A volume of pods is unusable until the pods are deleted.",
	New:     func() seatrial.Fault { return &VolumeLost{} },
	Proof:   "a running container of the pod, looked at from inside, cannot write to its volume, which it could before",
	Example: `- name: disk
  at: 5s
  for: 50s
  volumeLost: {pods: {labels: app=store}, volume: data, cure: 20s}
`,
}

// Check demands a `for`, a volume, and a cure within its time.
func (v *VolumeLost) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if v.Volume == "" {
		return seatrial.Fail(seatrial.BadInput, errors.New("volume is empty"), "name one of spec.volumes or of volumeClaimTemplates, such as volume: data")
	}
	if err := v.Pods.check(); err != nil {
		return err
	}
	return checkCure(v.Cure, span)
}

// Run takes the volume away for the span, or until the pods are deleted.
func (v *VolumeLost) Run(ctx context.Context, env seatrial.Env) error {
	if err := v.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	pods, err := v.Pods.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the pods that lose a volume: %w", err)
	}
	var actions []seatrial.Action
	var names []string
	for _, p := range pods {
		actions = append(actions, seatrial.LoseVolume{Namespace: p.Namespace, Pod: p.Name, Volume: v.Volume, Expires: env.Span() + expiryMargin})
		names = append(names, p.Name)
	}
	name := "loss of volume " + v.Volume + " of " + strings.Join(names, ", ")
	lost, err := env.Arm(ctx, actions...)
	if err != nil {
		return fmt.Errorf("preparing the %s: %w", name, err)
	}
	s := stage{name: name, effect: lost, length: env.Span(), prove: true}
	return s.playCured(ctx, env, v.Cure, pods...)
}
