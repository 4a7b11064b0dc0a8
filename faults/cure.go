package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// checkCure: the cure comes while the fault is in force.
func checkCure(cure, span time.Duration) error {
	if cure != 0 && (cure < shortestOutage || cure >= span) {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("cure is %s; it comes %s after the fault or later, and before its end at %s", cure, shortestOutage, span),
			"leave cure out for none")
	}
	return nil
}

// playCured is an armed stage whose pods are deleted, as a person would to cure
// them, once it has been in force for so long; zero means never. What replaces
// them must be there before the stage is over.
func (s stage) playCured(ctx context.Context, env seatrial.Env, cure time.Duration, pods ...seatrial.Pod) error {
	if cure == 0 {
		return s.play(ctx, env, env.Begin(ctx))
	}
	var deletions []seatrial.Action
	for _, p := range pods {
		deletions = append(deletions, seatrial.DeletePod{Namespace: p.Namespace, Name: p.Name})
	}
	effect, err := env.Arm(ctx, deletions...)
	if err != nil {
		return s.play(ctx, env, fmt.Errorf("preparing the cure: %w", err))
	}
	rest := stage{name: "cure", effect: effect, length: s.length - cure, prove: true}
	s.length = cure
	if err = env.Begin(ctx); err == nil {
		err = s.run(ctx, env)
	}
	err = rest.play(ctx, env, err)
	if undone := s.effect.Revert(ctx); undone != nil {
		err = errors.Join(err, fmt.Errorf("reverting the %s: %w", s.name, undone))
	}
	return err
}
