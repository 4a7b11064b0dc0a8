package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
)

func TestADryRunOfAnUpgradeSeesEveryNodeAndTouchesNone(t *testing.T) {
	for strategy, successor := range map[Strategy]string{Surge: "a-new1", Recreate: "a", BlueGreen: "a-new1"} {
		env := &fakeEnv{cluster: versioned(), span: minute, begin: errFake}
		fault := nodeUpgrade.New().(*NodeUpgrade)
		fault.Strategy, fault.Nodes = strategy, named("a")
		if err := fault.Run(t.Context(), env); !errors.Is(err, errFake) {
			t.Errorf("%s: got %v", strategy, err)
		}
		removal := seatrial.RemoveNode{Name: "a", Successor: successor}
		if strategy == Recreate {
			removal.Successor = ""
		}
		want := []seatrial.Action{seatrial.Cordon{Node: "a"}, removal, seatrial.AddNode{Name: successor, Like: "a", Version: "v1.37.2"}}
		if got := fmt.Sprint(env.actions); got != fmt.Sprint(want) {
			t.Errorf("%s: got %s, want %s", strategy, got, fmt.Sprint(want))
		}
		if got := env.steps(); got != "arm cordon@0s arm removeNode@0s arm addNode@0s begin@0s revert cordon@0s revert removeNode@0s revert addNode@0s" {
			t.Errorf("%s: %s", strategy, got)
		}
	}
}

// versioned are workers with a version, and without pods.
func versioned() fakeCluster {
	c := threeWorkers()
	c.pods = nil
	for i := range c.nodes {
		c.nodes[i].Kubernetes = "v1.37.1"
	}
	return c
}

func TestAnUpgradeTakesAllWorkersUnlessItIsToldWhich(t *testing.T) {
	for count, want := range map[int]int{0: 3, 2: 2} {
		env := &fakeEnv{cluster: versioned(), span: minute, begin: errFake}
		fault := nodeUpgrade.New().(*NodeUpgrade)
		fault.Nodes.Count = count
		if err := fault.Run(t.Context(), env); !errors.Is(err, errFake) {
			t.Fatal(err)
		}
		if got := strings.Count(env.steps(), "arm addNode"); got != want {
			t.Errorf("count %d: %d nodes, want %d", count, got, want)
		}
	}
}

func TestAPodThatNothingWouldMakeAgainIsFoundBeforeTheUpgrade(t *testing.T) {
	for _, fault := range []seatrial.Fault{nodeUpgrade.New(), &ScaleIn{Nodes: named("a"), Force: minute}} {
		env := &fakeEnv{cluster: versioned(), span: minute}
		env.cluster.pods = append(env.cluster.pods, seatrial.Pod{Namespace: "default", Name: "bare", UID: "8", Node: "a", Phase: "Running"})
		err := fault.Run(t.Context(), env)
		var known *seatrial.Error
		if !errors.As(err, &known) || known.Class != seatrial.BadInput || !strings.Contains(err.Error(), "pod default/bare") {
			t.Errorf("got %v", err)
		}
		if strings.Contains(env.steps(), "begin") {
			t.Errorf("it began: %s", env.steps())
		}
	}
}

func TestASuccessorHasAFreeNameAndTheNextVersion(t *testing.T) {
	if got := successorOf("a", []string{"a", "a-new1", "b-new2"}); got != "a-new2" {
		t.Errorf("got %s", got)
	}
	for version, want := range map[string]string{"v1.37.1": "v1.37.2", "v1.36.9": "v1.36.10", "v1.37": "", "latest": "", "": ""} {
		got, err := nextPatch(version)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("after %q comes %q, %v; want %q", version, got, err, want)
		}
	}
}

func TestASkewRollsOutOnceForEachNodeThatItCordons(t *testing.T) {
	const round = "act cordon@0s prove cordon@0s act restart@0s prove restart@0s revert restart@0s "
	armed := strings.Repeat("arm cordon@0s arm restart@0s ", 2)
	undone := "revert cordon@0s revert cordon@0s revert restart@0s revert restart@0s"
	for _, tc := range []struct {
		env   fakeEnv
		steps string
		err   error
	}{
		{steps: armed + "begin@0s " + round + round + undone},
		{env: fakeEnv{begin: errFake}, err: errFake, steps: armed + "begin@0s " + undone},
		{env: fakeEnv{failAt: "act restart"}, err: errFake, steps: armed + "begin@0s act cordon@0s prove cordon@0s act restart@0s " + undone},
		{env: fakeEnv{failAt: "prove cordon"}, err: errFake, steps: armed + "begin@0s act cordon@0s prove cordon@0s " + undone},
	} {
		env := tc.env
		env.cluster = threeWorkers()
		if err := (&Skew{Workload: "deployment/shop"}).Run(t.Context(), &env); !errors.Is(err, tc.err) {
			t.Errorf("got error %v, want %v", err, tc.err)
		}
		if env.steps() != tc.steps {
			t.Errorf("got  %s\nwant %s", env.steps(), tc.steps)
		}
	}
}
