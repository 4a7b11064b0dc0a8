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

// Deschedule runs the descheduler, as a Job or, with `every`, as a CronJob. It
// is a remedy and not a fault, and costs what it evicts all the same: it
// respects PodDisruptionBudgets, and nothing else keeps it from taking half a
// workload away at once.
//
// The parameters have the names that they have in a DeschedulerPolicy.
type Deschedule struct {
	Strategies            []string   `yaml:"strategies" doc:"what it runs, of RemoveDuplicates, RemovePodsViolatingTopologySpreadConstraint, LowNodeUtilization and PodLifeTime"`
	Thresholds            Thresholds `yaml:"thresholds" doc:"LowNodeUtilization: a node whose pods request less than all of these shares, in percent of what it can allocate, is underutilized; 100 leaves a resource out"`
	TargetThresholds      Thresholds `yaml:"targetThresholds" doc:"LowNodeUtilization: one whose pods request more than any of these is overutilized; pods leave it while another one is underutilized"`
	Constraints           []string   `yaml:"constraints" doc:"RemovePodsViolatingTopologySpreadConstraint: which it enforces, of DoNotSchedule and ScheduleAnyway. A pod that states no constraint has none, whatever the scheduler does by default"`
	MaxPodLifeTimeSeconds int        `yaml:"maxPodLifeTimeSeconds" doc:"PodLifeTime: the age above which a pod goes"`

	Every time.Duration `yaml:"every" doc:"how often it runs within the fault's for, the first time at its beginning; 0 means once, and no for"`
}

// Thresholds are shares of what a node can allocate, in percent.
type Thresholds struct {
	CPU    float64 `yaml:"cpu" doc:"of its cores"`
	Memory float64 `yaml:"memory" doc:"of its memory"`
	Pods   float64 `yaml:"pods" doc:"of the number of pods that it takes"`
}

var deschedule = seatrial.Builtin{
	Name:    "deschedule",
	Summary: "The descheduler runs: it evicts pods that would be better elsewhere.",
	New: func() seatrial.Fault {
		return &Deschedule{ // as its chart has it
			Strategies:       []string{removeDuplicates},
			Thresholds:       Thresholds{20, 20, 20},
			TargetThresholds: Thresholds{50, 50, 50},
			Constraints:      []string{doNotSchedule},
		}
	},
	Proof: "the run is over, and each pod that it says it has evicted is seen to have been evicted through the API, on its way out or gone; a run that has evicted nothing is proven by its end alone, and says so",
	Example: `- name: descheduler
  at: 20s
  deschedule: {strategies: [RemoveDuplicates]}
`,
}

// The descheduler's names.
const (
	removeDuplicates   = "RemoveDuplicates"
	topologySpread     = "RemovePodsViolatingTopologySpreadConstraint"
	lowNodeUtilization = "LowNodeUtilization"
	podLifeTime        = "PodLifeTime"
	doNotSchedule      = "DoNotSchedule"
	scheduleAnyway     = "ScheduleAnyway"
)

// descheduleLimit bounds one run, whose pod starts within seconds and evicts
// five pods a second.
const descheduleLimit = 2 * time.Minute

// mostRuns of one fault.
const mostRuns = 100

// Check demands strategies that are known, with what they need.
func (d *Deschedule) Check(span time.Duration) error {
	return errors.Join(d.checkRuns(span), known("strategies", d.Strategies, removeDuplicates, topologySpread, lowNodeUtilization, podLifeTime),
		known("constraints", d.Constraints, doNotSchedule, scheduleAnyway), d.checkThresholds(), d.checkLifeTime())
}

func (d *Deschedule) checkRuns(span time.Duration) error {
	switch {
	case d.Every == 0 && span != 0:
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; how long a run takes is up to the descheduler", span), "leave for out, or say every how long it runs")
	case d.Every != 0 && d.Every < time.Second:
		return fmt.Errorf("every is %s; it is a second at least", d.Every)
	case d.Every != 0 && span == 0:
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("every is %s, without a for", d.Every), "add for, the time within which it runs again and again")
	case d.runs(span) > mostRuns:
		return fmt.Errorf("every %s within %s is %d runs; %d are possible", d.Every, span, d.runs(span), mostRuns)
	}
	return nil
}

func known(field string, names []string, all ...string) error {
	if len(names) == 0 {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s is empty", field), "of "+strings.Join(all, ", "))
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return seatrial.Fail(seatrial.BadInput, fmt.Errorf("%s: %q is not known", field, name), "of "+strings.Join(all, ", "))
		}
	}
	return nil
}

// checkThresholds is the descheduler's own check (nodeutilization/validation.go).
func (d *Deschedule) checkThresholds() error {
	for _, t := range []struct {
		resource    string
		low, target float64
	}{
		{"cpu", d.Thresholds.CPU, d.TargetThresholds.CPU},
		{"memory", d.Thresholds.Memory, d.TargetThresholds.Memory},
		{"pods", d.Thresholds.Pods, d.TargetThresholds.Pods},
	} {
		if t.low < 0 || t.target > 100 || t.low > t.target || t.target == 0 {
			return fmt.Errorf("%s has the threshold %g %% and the target %g %%; both lie between 0 and 100, and the target is above 0 and not below the threshold", t.resource, t.low, t.target)
		}
	}
	return nil
}

func (d *Deschedule) checkLifeTime() error {
	if uses := slices.Contains(d.Strategies, podLifeTime); uses != (d.MaxPodLifeTimeSeconds > 0) || d.MaxPodLifeTimeSeconds < 0 {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("maxPodLifeTimeSeconds is %d", d.MaxPodLifeTimeSeconds), "it is above 0 with the strategy PodLifeTime, and left out without it")
	}
	return nil
}

// Images is the descheduler's.
func (d *Deschedule) Images() []string { return []string{seatrial.ImageDescheduler} }

func (d *Deschedule) runs(span time.Duration) int {
	if d.Every <= 0 {
		return 1
	}
	return int((span + d.Every - 1) / d.Every)
}

// Run lets the descheduler run, once or again and again. It is over when the
// last run is, or its span.
func (d *Deschedule) Run(ctx context.Context, env seatrial.Env) error {
	if err := d.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	runs, err := d.arm(ctx, env)
	if err == nil {
		err = env.Begin(ctx)
	}
	if err == nil {
		err = d.each(ctx, env, runs)
	}
	for _, run := range runs {
		err = errors.Join(err, run.Revert(ctx))
	}
	return err
}

// arm prepares every run. Its name is drawn, so that two faults of one trial
// have different ones.
func (d *Deschedule) arm(ctx context.Context, env seatrial.Env) ([]seatrial.Effect, error) {
	name := env.Rand().Uint32()
	var runs []seatrial.Effect
	for i := range d.runs(env.Span()) {
		run, err := env.Arm(ctx, d.action(fmt.Sprintf("%08x-%d", name, i+1)))
		if err != nil {
			return runs, fmt.Errorf("preparing the descheduler: %w", err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (d *Deschedule) action(run string) seatrial.Deschedule {
	uses := func(strategy string) bool { return slices.Contains(d.Strategies, strategy) }
	a := seatrial.Deschedule{Run: run, Expires: descheduleLimit,
		PodLifeTime:      time.Duration(d.MaxPodLifeTimeSeconds) * time.Second,
		RemoveDuplicates: uses(removeDuplicates)}
	if uses(topologySpread) {
		a.TopologySpread = seatrial.TopologySpread{DoNotSchedule: slices.Contains(d.Constraints, doNotSchedule),
			ScheduleAnyway: slices.Contains(d.Constraints, scheduleAnyway)}
	}
	if uses(lowNodeUtilization) {
		a.LowNodeUtilization = seatrial.LowNodeUtilization{Thresholds: seatrial.Utilization(d.Thresholds), Targets: seatrial.Utilization(d.TargetThresholds)}
	}
	return a
}

// each lets one run after the other pass, each at its time; one that comes too
// late because of the one before begins at once.
func (d *Deschedule) each(ctx context.Context, env seatrial.Env, runs []seatrial.Effect) error {
	begun := env.Clock().Now()
	for i, run := range runs {
		if err := env.Clock().Sleep(ctx, begun+time.Duration(i)*d.Every-env.Clock().Now()); err != nil {
			return err
		}
		if err := run.Act(ctx); err != nil {
			return fmt.Errorf("starting the descheduler: %w", err)
		}
		if err := proveWithin(ctx, env, run, "descheduler's run", descheduleLimit); err != nil {
			return err
		}
		if err := run.Revert(ctx); err != nil {
			return fmt.Errorf("removing the descheduler: %w", err)
		}
	}
	return env.Clock().Sleep(ctx, begun+env.Span()-env.Clock().Now())
}
