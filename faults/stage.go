package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// stage is an armed effect that is in force for a fixed time.
type stage struct {
	name   string
	effect seatrial.Effect
	length time.Duration
	prove  bool
	acted  func() // called once the effect is in force; may be nil
}

// play lets the stage pass, and reverts it whatever happens. When an earlier
// stage failed, this one is only disarmed.
func (s stage) play(ctx context.Context, env seatrial.Env, failed error) error {
	if failed == nil {
		failed = s.run(ctx, env)
	}
	if err := s.effect.Revert(ctx); err != nil {
		return errors.Join(failed, fmt.Errorf("reverting the %s: %w", s.name, err))
	}
	return failed
}

// run acts, proves while the effect is in force, and returns when its time is
// over. The time counts from the end of the act, and waiting for the proof
// does not lengthen it.
func (s stage) run(ctx context.Context, env seatrial.Env) error {
	if err := s.effect.Act(ctx); err != nil {
		return fmt.Errorf("starting the %s: %w", s.name, err)
	}
	end := env.Clock().Now() + s.length
	if s.acted != nil {
		s.acted()
	}
	if s.prove {
		if err := s.proof(ctx, env, end); err != nil {
			return err
		}
	}
	return env.Clock().Sleep(ctx, end-env.Clock().Now())
}

// proof waits for it until end at most: a fault that nobody could see in its
// own time is not worth prolonging, its trial is invalid anyhow.
func (s stage) proof(ctx context.Context, env seatrial.Env, end time.Duration) error {
	proving, cancel := env.Clock().WithTimeout(ctx, end-env.Clock().Now())
	defer cancel()
	if err := s.effect.Prove(proving); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("no proof of the %s within its %s: %w", s.name, s.length, err))
	}
	return nil
}
