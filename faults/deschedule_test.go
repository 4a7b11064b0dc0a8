package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestTheDeschedulerRunsOnceOrAsACronJobDoes(t *testing.T) {
	for _, c := range []struct {
		every, span time.Duration
		want        string
	}{
		{0, 0, "arm deschedule@0s begin@0s act deschedule@0s prove deschedule@3s revert deschedule@3s revert deschedule@3s"},
		{20 * time.Second, 30 * time.Second, "arm deschedule@0s arm deschedule@0s begin@0s" +
			" act deschedule@0s prove deschedule@3s revert deschedule@3s" +
			" act deschedule@20s prove deschedule@23s revert deschedule@23s revert deschedule@30s revert deschedule@30s"},
	} {
		env := &fakeEnv{span: c.span, proof: 3 * time.Second}
		d := deschedule.New().(*Deschedule)
		d.Strategies, d.Every = []string{removeDuplicates}, c.every
		if err := d.Run(t.Context(), env); err != nil {
			t.Fatal(err)
		}
		if got := env.steps(); got != c.want {
			t.Errorf("every %s:\n%s\nwant\n%s", c.every, got, c.want)
		}
		runs := map[string]bool{}
		for _, a := range env.actions {
			runs[a.Target()] = true
		}
		if len(runs) != len(env.actions) {
			t.Errorf("every %s: %d runs have %d names", c.every, len(env.actions), len(runs))
		}
	}
}

func TestARunThatIsNotProvenIsRemovedAndFailsTheFault(t *testing.T) {
	env := &fakeEnv{failAt: "prove deschedule"}
	d := deschedule.New().(*Deschedule)
	d.Strategies = []string{removeDuplicates}
	if err := d.Run(t.Context(), env); err == nil || !strings.Contains(env.steps(), "prove deschedule@0s revert deschedule@0s") {
		t.Errorf("error %v after %s", err, env.steps())
	}
}

func TestTheDeschedulersParametersMeanWhatTheyDoInAPolicy(t *testing.T) {
	d := deschedule.New().(*Deschedule)
	d.Strategies = []string{topologySpread, lowNodeUtilization, podLifeTime}
	d.Constraints, d.MaxPodLifeTimeSeconds = []string{scheduleAnyway}, 60
	got := d.action("x")
	want := seatrial.Deschedule{Run: "x", Expires: descheduleLimit, PodLifeTime: time.Minute,
		TopologySpread: seatrial.TopologySpread{ScheduleAnyway: true},
		LowNodeUtilization: seatrial.LowNodeUtilization{Thresholds: seatrial.Utilization{CPU: 20, Memory: 20, Pods: 20},
			Targets: seatrial.Utilization{CPU: 50, Memory: 50, Pods: 50}}}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestADeschedulerThatMakesNoSenseIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		span   time.Duration
		change func(d *Deschedule)
	}{
		"without strategies":         {0, func(d *Deschedule) { d.Strategies = nil }},
		"an unknown strategy":        {0, func(d *Deschedule) { d.Strategies = []string{"RemoveEverything"} }},
		"an unknown constraint":      {0, func(d *Deschedule) { d.Constraints = []string{"Never"} }},
		"a target below a threshold": {0, func(d *Deschedule) { d.TargetThresholds.CPU = 10 }},
		"a target above all":         {0, func(d *Deschedule) { d.TargetThresholds.Pods = 101 }},
		"a life time without a use":  {0, func(d *Deschedule) { d.MaxPodLifeTimeSeconds = 5 }},
		"no life time":               {0, func(d *Deschedule) { d.Strategies = []string{podLifeTime} }},
		"for, and no every":          {time.Minute, func(*Deschedule) {}},
		"every, and no for":          {0, func(d *Deschedule) { d.Every = time.Minute }},
		"too often":                  {time.Hour, func(d *Deschedule) { d.Every = time.Second }},
	} {
		d := deschedule.New().(*Deschedule)
		d.Strategies = []string{removeDuplicates}
		if err := d.Check(0); err != nil {
			t.Fatal(err)
		}
		c.change(d)
		if err := d.Check(c.span); err == nil {
			t.Errorf("%s is accepted: %+v", name, d)
		}
	}
}
