package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

const minute = time.Minute

func named(names ...string) Nodes { return Nodes{Names: names} }

func TestAnOutageIsInForceForItsSpan(t *testing.T) {
	over := minute + expiryMargin
	for _, tc := range []struct {
		fault   seatrial.Fault
		actions []seatrial.Action
	}{
		{&NodeNotReady{Cause: CauseKubelet, Nodes: named("a", "b")},
			[]seatrial.Action{seatrial.StopKubelet{Node: "a", Expires: over}, seatrial.StopKubelet{Node: "b", Expires: over}}},
		{&NodeNotReady{Cause: CauseRuntime, Nodes: named("a")}, []seatrial.Action{seatrial.StopRuntime{Node: "a", Expires: over}}},
		{&NodeNotReady{Cause: CausePartition, Nodes: named("a")}, []seatrial.Action{seatrial.Partition{Node: "a", Expires: over}}},
		{&NodeNotReady{Cause: CausePower, Nodes: named("a")}, []seatrial.Action{seatrial.PowerOff{Node: "a", Expires: over}}},
		{&NodeNotReady{Cause: CauseCPU, CPUs: 0.1, Nodes: named("a")}, []seatrial.Action{seatrial.Throttle{Node: "a", CPUs: 0.1, Expires: over}}},
		{&ControlPlaneOutage{Hang: true}, []seatrial.Action{seatrial.StopControlPlane{Hang: true, Expires: over}}},
		{&DNSDown{}, []seatrial.Action{seatrial.DNSDown{Expires: over}}},
	} {
		kind := tc.actions[0].Kind()
		for _, run := range []struct {
			env   fakeEnv
			steps string
			err   error
		}{
			{env: fakeEnv{}, steps: "arm K@0s begin@0s act K@0s prove K@1s revert K@1m0s"},
			{env: fakeEnv{begin: errFake}, err: errFake, steps: "arm K@0s begin@0s revert K@0s"},
			{env: fakeEnv{failAt: "act " + kind}, err: errFake, steps: "arm K@0s begin@0s act K@0s revert K@0s"},
			{env: fakeEnv{failAt: "prove " + kind}, err: errFake, steps: "arm K@0s begin@0s act K@0s prove K@1s revert K@1s"},
			{env: fakeEnv{failAt: "revert " + kind}, err: errFake, steps: "arm K@0s begin@0s act K@0s prove K@1s revert K@1m0s"},
			{env: fakeEnv{cancelAt: 5 * time.Second}, err: context.Canceled, steps: "arm K@0s begin@0s act K@0s prove K@1s revert K@5s"},
		} {
			env := run.env
			env.cluster, env.span, env.proof = threeWorkers(), minute, time.Second
			if err := tc.fault.Run(t.Context(), &env); !errors.Is(err, run.err) {
				t.Errorf("%s: got error %v, want %v", kind, err, run.err)
			}
			if want := strings.ReplaceAll(run.steps, "K", kind); env.steps() != want {
				t.Errorf("got  %s\nwant %s", env.steps(), want)
			}
			if got, want := fmt.Sprint(env.actions), fmt.Sprint(tc.actions); got != want {
				t.Errorf("%s: got %s, want %s", kind, got, want)
			}
		}
	}
}

func TestADeadDNSPodIsCuredByItsDeletionAlone(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cure  time.Duration
		env   fakeEnv
		steps string
		err   error
	}{
		{name: "never", steps: "arm D@0s begin@0s act D@0s prove D@1s revert D@1m0s"},
		{name: "cured", cure: 20 * time.Second,
			steps: "arm D@0s arm deletePod@0s begin@0s act D@0s prove D@1s act deletePod@20s prove deletePod@21s revert deletePod@1m0s revert D@1m0s"},
		{name: "a dry run", cure: 20 * time.Second, env: fakeEnv{begin: errFake}, err: errFake,
			steps: "arm D@0s arm deletePod@0s begin@0s revert deletePod@0s revert D@0s"},
		{name: "the cure cannot be armed", cure: 20 * time.Second, env: fakeEnv{failAt: "arm deletePod"}, err: errFake,
			steps: "arm D@0s arm deletePod@0s revert D@0s"},
		{name: "unproven", cure: 20 * time.Second, env: fakeEnv{failAt: "prove dnsTerminated"}, err: errFake,
			steps: "arm D@0s arm deletePod@0s begin@0s act D@0s prove D@1s revert deletePod@1s revert D@1s"},
		{name: "interrupted", cure: 20 * time.Second, env: fakeEnv{cancelAt: 10 * time.Second}, err: context.Canceled,
			steps: "arm D@0s arm deletePod@0s begin@0s act D@0s prove D@1s revert deletePod@10s revert D@10s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := tc.env
			env.cluster, env.span, env.proof = threeWorkers(), minute, time.Second
			if err := (&DNSTerminated{Cure: tc.cure}).Run(t.Context(), &env); !errors.Is(err, tc.err) {
				t.Errorf("got error %v, want %v", err, tc.err)
			}
			want := strings.ReplaceAll(tc.steps, " D@", " dnsTerminated@")
			if env.steps() != want {
				t.Errorf("got  %s\nwant %s", env.steps(), want)
			}
			if asked := (seatrial.Selector{Namespace: "kube-system", Labels: "k8s-app=kube-dns"}); env.cluster.asked != asked {
				t.Errorf("asked for %+v", env.cluster.asked)
			}
		})
	}
}

func TestALostVolumeIsCuredByTheDeletionOfItsPods(t *testing.T) {
	for _, tc := range []struct {
		cure  time.Duration
		steps string
	}{
		{steps: "arm loseVolume@0s begin@0s act loseVolume@0s prove loseVolume@1s revert loseVolume@1m0s"},
		{cure: 20 * time.Second, steps: "arm loseVolume@0s arm deletePod@0s begin@0s act loseVolume@0s prove loseVolume@1s " +
			"act deletePod@20s prove deletePod@21s revert deletePod@1m0s revert loseVolume@1m0s"},
	} {
		env := fakeEnv{cluster: threeWorkers(), span: minute, proof: time.Second}
		fault := &VolumeLost{Pods: Pods{Labels: "app=shop", Nodes: "zone=two"}, Volume: "data", Cure: tc.cure}
		if err := fault.Run(t.Context(), &env); err != nil {
			t.Error(err)
		}
		if env.steps() != tc.steps {
			t.Errorf("got  %s\nwant %s", env.steps(), tc.steps)
		}
		want := []seatrial.Action{seatrial.LoseVolume{Namespace: "default", Pod: "p3", Volume: "data", Expires: minute + expiryMargin},
			seatrial.DeletePod{Namespace: "default", Name: "p3"}}
		if tc.cure == 0 {
			want = want[:1]
		}
		if got := fmt.Sprint(env.actions); got != fmt.Sprint(want) {
			t.Errorf("got %s, want %v", got, want)
		}
	}
}

func TestARollingUpdateIsOverWhenItIsRolledOut(t *testing.T) {
	for _, tc := range []struct {
		env   fakeEnv
		steps string
		err   error
	}{
		{steps: "arm restart@0s begin@0s act restart@0s prove restart@1s revert restart@1s"},
		{env: fakeEnv{begin: errFake}, err: errFake, steps: "arm restart@0s begin@0s revert restart@0s"},
		{env: fakeEnv{proof: minute}, err: context.DeadlineExceeded, steps: "arm restart@0s begin@0s act restart@0s revert restart@20s"},
		{env: fakeEnv{failAt: "revert restart"}, err: errFake, steps: "arm restart@0s begin@0s act restart@0s prove restart@1s revert restart@1s"},
	} {
		env := tc.env
		env.cluster = threeWorkers()
		if env.proof == 0 {
			env.proof = time.Second
		}
		if err := (&RollingUpdate{Workload: "deployment/shop"}).Run(t.Context(), &env); !errors.Is(err, tc.err) {
			t.Errorf("got error %v, want %v", err, tc.err)
		}
		if env.steps() != tc.steps || env.actions[0] != (seatrial.Restart{Namespace: "default", Workload: "deployment/shop"}) {
			t.Errorf("got  %s with %v\nwant %s", env.steps(), env.actions, tc.steps)
		}
	}
}

// busyWorker has pods of every kind on node a.
func busyWorker() fakeCluster {
	c := threeWorkers()
	c.pods = []seatrial.Pod{
		{Namespace: "default", Name: "shop", UID: "1", Node: "a", Controller: "ReplicaSet", Phase: "Running"},
		{Namespace: "kube-system", Name: "dns", UID: "2", Node: "a", Controller: "ReplicaSet", Phase: "Running"},
		{Namespace: "kube-system", Name: "proxy", UID: "3", Node: "a", Controller: "DaemonSet", Phase: "Running"},
		{Namespace: "kube-system", Name: "static", UID: "4", Node: "a", Controller: "Node", Phase: "Running"},
		{Namespace: "default", Name: "leaving", UID: "5", Node: "a", Controller: "ReplicaSet", Phase: "Running", Terminating: true},
		{Namespace: "default", Name: "done", UID: "6", Node: "a", Controller: "Job", Phase: "Succeeded"},
		{Namespace: "default", Name: "elsewhere", UID: "7", Node: "b", Controller: "ReplicaSet", Phase: "Running"},
	}
	return c
}

func TestADrainCordonsThenEvictsAndUncordonsFirst(t *testing.T) {
	for _, tc := range []struct {
		name  string
		env   fakeEnv
		steps string
		err   error
	}{
		{name: "as planned", steps: "arm C@0s arm E@0s begin@0s act C@0s prove C@1s act E@1s prove E@2s revert C@1m0s revert E@1m0s"},
		{name: "a dry run", env: fakeEnv{begin: errFake}, err: errFake, steps: "arm C@0s arm E@0s begin@0s revert C@0s revert E@0s"},
		{name: "the cordon is not proven", env: fakeEnv{failAt: "prove cordon"}, err: errFake,
			steps: "arm C@0s arm E@0s begin@0s act C@0s prove C@1s revert C@1s revert E@1s"},
		{name: "the evictions cannot be armed", env: fakeEnv{failAt: "arm evict"}, err: errFake, steps: "arm C@0s arm E@0s revert C@0s"},
		{name: "an eviction fails", env: fakeEnv{failAt: "act evict"}, err: errFake,
			steps: "arm C@0s arm E@0s begin@0s act C@0s prove C@1s act E@1s revert C@1s revert E@1s"},
		{name: "interrupted", env: fakeEnv{cancelAt: 30 * time.Second}, err: context.Canceled,
			steps: "arm C@0s arm E@0s begin@0s act C@0s prove C@1s act E@1s prove E@2s revert C@30s revert E@30s"},
		{name: "the cordon cannot be reverted", env: fakeEnv{failAt: "revert cordon"}, err: errFake,
			steps: "arm C@0s arm E@0s begin@0s act C@0s prove C@1s act E@1s prove E@2s revert C@1m0s revert E@1m0s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := tc.env
			env.cluster, env.span, env.proof = busyWorker(), minute, time.Second
			if err := (&Drain{Nodes: named("a"), Force: 10 * time.Second}).Run(t.Context(), &env); !errors.Is(err, tc.err) {
				t.Errorf("got error %v, want %v", err, tc.err)
			}
			want := strings.NewReplacer(" C@", " cordon@", " E@", " evict@").Replace(tc.steps)
			if env.steps() != want {
				t.Errorf("got  %s\nwant %s", env.steps(), want)
			}
			actions := fmt.Sprint([]seatrial.Action{seatrial.Cordon{Node: "a"},
				seatrial.Evict{Namespace: "default", Name: "shop", Force: 10 * time.Second},
				seatrial.Evict{Namespace: "kube-system", Name: "dns", Force: 10 * time.Second}})
			if got := fmt.Sprint(env.actions); got != actions {
				t.Errorf("got  %s\nwant %s", got, actions)
			}
		})
	}
}

// What a budget refuses to the end is a finding and not a failure.
func TestADrainThatABudgetBlocksIsToldAndNotInvalid(t *testing.T) {
	env := fakeEnv{cluster: busyWorker(), span: minute, proof: time.Second, slowAct: map[string]time.Duration{"evict": 2 * minute}}
	if err := (&Drain{Nodes: named("a")}).Run(t.Context(), &env); err != nil {
		t.Error(err)
	}
	want := "arm cordon@0s arm evict@0s begin@0s act cordon@0s prove cordon@1s note message@1m0s revert cordon@1m0s revert evict@1m0s"
	if env.steps() != want {
		t.Errorf("got  %s\nwant %s", env.steps(), want)
	}
	if len(env.events) != 1 || !strings.Contains(env.events[0].Message, "the drain was not done after 1m0s") {
		t.Errorf("noted %+v", env.events)
	}
}

func TestOnlyTheEndOfTheTimeIsAnOutcome(t *testing.T) {
	late := fmt.Errorf("evicting: %w: refused", context.DeadlineExceeded)
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{late, true}, {errors.Join(late, late), true}, {fmt.Errorf("act: %w", errors.Join(late, late)), true},
		{errFake, false}, {errors.Join(late, errFake), false}, {context.Canceled, false},
	} {
		if got := ranOut(tc.err); got != tc.want {
			t.Errorf("%v: %v", tc.err, got)
		}
	}
}

func TestAPodThatNothingWouldMakeAgainIsNotDrained(t *testing.T) {
	env := fakeEnv{cluster: busyWorker(), span: minute}
	env.cluster.pods = append(env.cluster.pods, seatrial.Pod{Namespace: "default", Name: "bare", UID: "8", Node: "a", Phase: "Running"})
	err := (&Drain{Nodes: named("a")}).Run(t.Context(), &env)
	var known *seatrial.Error
	if !errors.As(err, &known) || known.Class != seatrial.BadInput || !strings.Contains(err.Error(), "pod default/bare") {
		t.Errorf("got %v", err)
	}
	if env.steps() != "arm cordon@0s revert cordon@0s" {
		t.Errorf("got %s", env.steps())
	}
}

func TestIncidentsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, tc := range map[string]struct {
		fault seatrial.Checker
		span  time.Duration
	}{
		"for is required":       {&ControlPlaneOutage{}, 0},
		"for is 1s":             {&NodeNotReady{Cause: CausePower}, time.Second},
		"for is 2h0m0s":         {&NodeNotReady{Cause: CausePower}, 2 * time.Hour},
		`cause "memory leak"`:   {&NodeNotReady{Cause: "memory leak"}, minute},
		"cpus is 0":             {&NodeNotReady{Cause: CauseCPU}, minute},
		"nodes.count -1":        {&NodeNotReady{Cause: CausePower, Nodes: Nodes{Count: -1}}, minute},
		"linger":                {&DNSDown{}, 5 * time.Second},
		"cure is 1m0s":          {&DNSTerminated{Cure: minute}, minute},
		"cure is 1s":            {&DNSTerminated{Cure: time.Second}, minute},
		"volume is empty":       {&VolumeLost{Pods: Pods{Labels: "app=db"}}, minute},
		"pods.labels is empty":  {&VolumeLost{Volume: "data"}, minute},
		"pods.nodes \"a b\"":    {&VolumeLost{Volume: "data", Pods: Pods{Labels: "app=db", Nodes: "a b"}}, minute},
		"cure is 2m0s":          {&VolumeLost{Volume: "data", Pods: Pods{Labels: "app=db"}, Cure: 2 * minute}, minute},
		"force is 1m0s":         {&Drain{Force: minute}, minute},
		"force is -1s":          {&Drain{Force: -time.Second}, minute},
		"nodes.names has 1":     {&Drain{Nodes: Nodes{Names: []string{"a"}, Count: 2}}, minute},
		`workload "shop"`:       {&RollingUpdate{Workload: "shop"}, 0},
		`workload "job/x"`:      {&RollingUpdate{Workload: "job/x"}, 0},
		"strategy \"yolo\"":     {&NodeUpgrade{Strategy: "yolo"}, minute},
		"the window of":         {&NodeUpgrade{Strategy: Surge, MaxSurge: 1}, 0},
		"are both 0":            {&NodeUpgrade{Strategy: Surge, Batch: 1, Force: minute}, minute},
		"neither is negative":   {&NodeUpgrade{Strategy: Surge, MaxSurge: -1}, minute},
		"batch is 0":            {&NodeUpgrade{Strategy: BlueGreen, Force: minute}, minute},
		"respected for some":    {&ScaleIn{}, minute},
		"rounds is -1":          {&Skew{Workload: "deployment/shop", Rounds: -1}, 0},
		"is up to the workload": {&RollingUpdate{Workload: "deployment/shop"}, minute},
	} {
		var known *seatrial.Error
		err := tc.fault.Check(tc.span)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		} else if errors.As(err, &known) && known.Hint == "" {
			t.Errorf("%v has no hint", err)
		}
	}
	for _, b := range Catalog() {
		if err := b.New().(seatrial.Checker).Check(minute); err != nil && !strings.Contains(err.Error(), "leave for out") &&
			b.Name != "deschedule" && b.Name != "podDelete" && b.Name != "rollingUpdate" && b.Name != "skew" && b.Name != "volumeLost" {
			t.Errorf("%s, as it is by default: %v", b.Name, err)
		}
	}
}
