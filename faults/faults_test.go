package faults

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func migration(b Brownout) *LiveMigration {
	return &LiveMigration{Mode: seatrial.Sigstop, Nodes: Nodes{Names: []string{"a"}}, Brownout: b}
}

func TestALiveMigrationPassesInThisOrderAndTime(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault *LiveMigration
		env   fakeEnv
		steps string
		err   error // wrapped by what Run returns
	}{
		{name: "as planned", fault: migration(Brownout{}),
			steps: "arm freeze@0s begin@0s act freeze@0s note audit@0s prove freeze@1s revert freeze@8s"},
		{name: "between brownouts", fault: migration(Brownout{Before: 2 * time.Second, After: time.Second, CPUs: 0.5}),
			steps: "arm throttle@0s arm freeze@0s arm throttle@0s begin@0s act throttle@0s revert throttle@2s " +
				"act freeze@2s note audit@2s prove freeze@3s revert freeze@10s act throttle@10s revert throttle@11s"},
		{name: "the proof comes too late", fault: migration(Brownout{}), env: fakeEnv{proof: time.Minute}, err: context.DeadlineExceeded,
			steps: "arm freeze@0s begin@0s act freeze@0s note audit@0s revert freeze@8s"},
		{name: "the proof is refused", fault: migration(Brownout{}), env: fakeEnv{failAt: "prove freeze"}, err: errFake,
			steps: "arm freeze@0s begin@0s act freeze@0s note audit@0s prove freeze@1s revert freeze@1s"},
		{name: "the act fails", fault: migration(Brownout{After: time.Second, CPUs: 1}), env: fakeEnv{failAt: "act freeze"}, err: errFake,
			steps: "arm freeze@0s arm throttle@0s begin@0s act freeze@0s revert freeze@0s revert throttle@0s"},
		{name: "the second arming fails", fault: migration(Brownout{Before: time.Second, CPUs: 1}), env: fakeEnv{failAt: "arm freeze"}, err: errFake,
			steps: "arm throttle@0s arm freeze@0s revert throttle@0s"},
		{name: "the revert fails", fault: migration(Brownout{}), env: fakeEnv{failAt: "revert freeze"}, err: errFake,
			steps: "arm freeze@0s begin@0s act freeze@0s note audit@0s prove freeze@1s revert freeze@8s"},
		{name: "a dry run", fault: migration(Brownout{}), env: fakeEnv{begin: errFake}, err: errFake,
			steps: "arm freeze@0s begin@0s revert freeze@0s"},
		{name: "interrupted while it holds", fault: migration(Brownout{}), env: fakeEnv{cancelAt: 5 * time.Second}, err: context.Canceled,
			steps: "arm freeze@0s begin@0s act freeze@0s note audit@0s prove freeze@1s revert freeze@5s"},
		{name: "interrupted before the freeze", fault: migration(Brownout{Before: 2 * time.Second, CPUs: 1}), env: fakeEnv{cancelAt: time.Second}, err: context.Canceled,
			steps: "arm throttle@0s arm freeze@0s begin@0s act throttle@0s revert throttle@1s revert freeze@1s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := tc.env
			env.cluster, env.span = threeWorkers(), 8*time.Second
			if env.proof == 0 {
				env.proof = time.Second
			}
			if err := tc.fault.Run(t.Context(), &env); !errors.Is(err, tc.err) {
				t.Errorf("got error %v, want %v", err, tc.err)
			}
			if got := env.steps(); got != tc.steps {
				t.Errorf("got  %s\nwant %s", got, tc.steps)
			}
		})
	}
}

func TestAFreezeExpiresSoonAfterItsSpan(t *testing.T) {
	env := &fakeEnv{cluster: threeWorkers(), span: 8 * time.Second}
	fault := migration(Brownout{Before: 2 * time.Second, CPUs: 0.5})
	if err := fault.Run(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	want := []seatrial.Action{
		seatrial.Throttle{Node: "a", CPUs: 0.5, Expires: 7 * time.Second},
		seatrial.Freeze{Node: "a", Mode: seatrial.Sigstop, Expires: 13 * time.Second},
	}
	for i, a := range want {
		if env.actions[i] != a {
			t.Errorf("action %d is %+v, want %+v", i, env.actions[i], a)
		}
	}
}

func TestALiveMigrationLeavesOneEntryANodeInTheAuditLog(t *testing.T) {
	env := &fakeEnv{cluster: threeWorkers(), span: time.Second}
	fault := &LiveMigration{Mode: seatrial.Cgroup, Nodes: Nodes{Names: []string{"a", "b"}}}
	if err := fault.Run(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if len(env.events) != 2 || env.events[0].Subject != "a" || env.events[0].Kind != seatrial.KindAudit {
		t.Fatalf("events: %+v", env.events)
	}
	data, err := json.Marshal(env.events[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"methodName":"compute.instances.migrateOnHostMaintenance"`, `cloudaudit.googleapis.com%2Fsystem_event"`,
		`"type":"gce_instance"`, `"severity":"INFO"`, `/instances/a"`,
	} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s lacks %s", data, part)
		}
	}
}

func TestPodsAreDeletedOnceAndAwaited(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   fakeEnv
		steps string
		err   error
	}{
		{name: "as planned", steps: "arm deletePod@0s begin@0s act deletePod@0s prove deletePod@0s revert deletePod@0s"},
		{name: "no proof", env: fakeEnv{proof: time.Minute}, err: context.DeadlineExceeded,
			steps: "arm deletePod@0s begin@0s act deletePod@0s revert deletePod@10s"},
		{name: "the deletion fails", env: fakeEnv{failAt: "act deletePod"}, err: errFake,
			steps: "arm deletePod@0s begin@0s act deletePod@0s revert deletePod@0s"},
		{name: "it is never whole again", env: fakeEnv{failAt: "revert deletePod"}, err: errFake,
			steps: "arm deletePod@0s begin@0s act deletePod@0s prove deletePod@0s revert deletePod@0s"},
		{name: "interrupted", env: fakeEnv{cancelAt: time.Second, proof: 2 * time.Second}, err: context.Canceled,
			steps: "arm deletePod@0s begin@0s act deletePod@0s revert deletePod@1s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := tc.env
			env.cluster = threeWorkers()
			fault := &PodDelete{Pods: Pods{Labels: "app=shop", Count: 2}}
			if err := fault.Run(t.Context(), &env); !errors.Is(err, tc.err) {
				t.Errorf("got error %v, want %v", err, tc.err)
			}
			if got := env.steps(); got != tc.steps || len(env.actions) != 2 {
				t.Errorf("got  %s with %v\nwant %s", got, env.actions, tc.steps)
			}
		})
	}
}

func TestParametersThatMakeNoSenseAreRefused(t *testing.T) {
	half := 1500 * time.Millisecond
	good := func() *LiveMigration { return liveMigration.New().(*LiveMigration) }
	odd, count, brown, negative := good(), good(), good(), good()
	odd.Mode, count.Nodes.Count = "nap", -1
	brown.Brownout = Brownout{Before: time.Second}
	negative.Brownout.After = -time.Second
	selector := good()
	selector.Nodes.Running = "app==("
	names := good()
	names.Nodes = Nodes{Names: []string{"a"}, Count: 2}
	for want, tc := range map[string]struct {
		fault seatrial.Checker
		span  time.Duration
	}{
		"for is required":           {good(), 0},
		"for is 99ms":               {good(), 99 * time.Millisecond},
		"for is 1h0m1s":             {good(), time.Hour + time.Second},
		`mode "nap"`:                {odd, time.Second},
		"nodes.count -1":            {count, time.Second},
		"nodes.names has 1":         {names, time.Second},
		"is not a label selector":   {selector, time.Second},
		"cpus above 0":              {brown, time.Second},
		"brownout needs times":      {negative, time.Second},
		"for is 1s":                 {&PodDelete{Pods: Pods{Labels: "a=b"}}, time.Second},
		"pods.labels is empty":      {&PodDelete{}, 0},
		"pods.count -1 is negative": {&PodDelete{Pods: Pods{Labels: "a=b", Count: -1}}, 0},
		"grace 1.5s":                {&PodDelete{Pods: Pods{Labels: "a=b"}, Grace: &half}, 0},
	} {
		if err := tc.fault.Check(tc.span); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := good().Check(time.Second); err != nil {
		t.Error(err)
	}
}
