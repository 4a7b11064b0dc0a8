package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/runner"
)

// tally counts how trials came out, and remembers of each variant what is to be
// said about them.
type tally struct {
	trials  map[string]int      // by scenario and variant
	invalid map[string]*mishaps // the same
	missed  map[string]*mishaps
	order   []string // of the variants, as they came
}

// mishaps are the trials of a variant that came out in one unexpected way.
type mishaps struct {
	count int
	first string // what is to be said of the first
}

func (t *tally) add(s *report.Summary) {
	key := s.Scenario + "\x00" + s.Variant
	if t.trials == nil {
		t.trials, t.invalid, t.missed = map[string]int{}, map[string]*mishaps{}, map[string]*mishaps{}
	}
	if t.trials[key]++; t.trials[key] == 1 {
		t.order = append(t.order, key)
	}
	switch s.Verdict {
	case s.Expect:
	case seatrial.Invalid:
		note(t.invalid, key, fmt.Sprintf("%s is invalid: %s", s.Variant, strings.Join(s.Reasons, "; ")))
	default:
		note(t.missed, key, fmt.Sprintf("%s: %s, expected %s", s.Variant, s.Verdict, s.Expect))
	}
}

func note(of map[string]*mishaps, key, what string) {
	if of[key] == nil {
		of[key] = &mishaps{first: what}
	}
	of[key].count++
}

// say lists mishaps, one clause a variant.
func (t *tally) say(of map[string]*mishaps) string {
	var clauses []string
	for _, key := range t.order {
		m := of[key]
		switch {
		case m == nil:
		case t.trials[key] == 1:
			clauses = append(clauses, m.first)
		default:
			clauses = append(clauses, fmt.Sprintf("%d of %d trials: %s", m.count, t.trials[key], m.first))
		}
	}
	slices.Sort(clauses)
	return strings.Join(clauses, "; ")
}

// outcome maps what came of the trials to the contract's exit codes; the worst
// wins, in the order 2, 4, 3, 1.
func (t *tally) outcome(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &missedError{code: int(seatrial.Interrupted), message: "interrupted; " + healed(err)}
	}
	if err != nil {
		return seatrial.Fail(seatrial.Infrastructure, err, "")
	}
	if len(t.invalid) > 0 {
		return &missedError{code: int(seatrial.InvalidTrial), message: t.say(t.invalid)}
	}
	if len(t.missed) > 0 {
		return &missedError{code: 1, message: t.say(t.missed)}
	}
	return nil
}

// outcome of trials whose summaries are all at hand.
func outcome(ctx context.Context, done []*report.Summary, err error) error {
	var t tally
	for _, s := range done {
		t.add(s)
	}
	return t.outcome(ctx, err)
}

// healed says how an interrupted run left the clusters.
func healed(err error) string {
	if errors.Is(err, runner.ErrInForce) {
		return "not everything could be undone: " + err.Error() + "; run `seatrial recover`"
	}
	return "everything that was done to the clusters is undone"
}
