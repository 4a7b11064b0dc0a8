package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
)

// threeWorkers is a cluster as kind boots it: workers a, b and c, one of them
// not Ready, the agents' node and the control plane.
func threeWorkers() fakeCluster {
	return fakeCluster{
		nodes: []seatrial.Node{
			{Name: "a", Ready: true, Labels: map[string]string{"zone": "one"}},
			{Name: "agents", Ready: true, Agents: true, Labels: map[string]string{"zone": "one"}},
			{Name: "b", Ready: true, Labels: map[string]string{"zone": "two"}},
			{Name: "broken", Labels: map[string]string{"zone": "two"}},
			{Name: "c", Ready: true, Labels: map[string]string{"zone": "two"}},
			{Name: "control", Ready: true, ControlPlane: true},
		},
		pods: []seatrial.Pod{
			{Namespace: "default", Name: "p1", Node: "a", Phase: "Running"},
			{Namespace: "default", Name: "p2", Node: "b", Phase: "Running", Terminating: true},
			{Namespace: "default", Name: "p3", Node: "c", Phase: "Running"},
			{Namespace: "default", Name: "p4", Phase: "Pending"},
			{Namespace: "default", Name: "p5", Node: "agents", Phase: "Running"},
			{Namespace: "default", Name: "p6", Node: "control", Phase: "Running"},
			{Namespace: "default", Name: "p7", Node: "b", Phase: "Failed"},
		},
	}
}

func TestNodesAreChosenFromThoseThatFit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		choice Nodes
		want   string // every node that some seed picks
	}{
		{"any worker", Nodes{}, "a b c"},
		{"by label", Nodes{Labels: "zone=two"}, "b c"},
		{"by label, an inequality", Nodes{Labels: "zone!=two"}, "a"},
		{"by a running pod", Nodes{Running: "app=shop"}, "a c"},
		{"by both", Nodes{Running: "app=shop", Labels: "zone=two"}, "c"},
		{"by name", Nodes{Names: []string{"b"}}, "b"},
		{"a control plane by name", Nodes{Names: []string{"control"}}, "control"},
		{"all that are named", Nodes{Names: []string{"c", "a"}}, "a c"},
		{"one of those named", Nodes{Names: []string{"c", "a"}, Count: 1}, "a c"},
		{"all of a count", Nodes{Count: 3}, "a b c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var seen []string
			for seed := range uint64(50) {
				env := &fakeEnv{cluster: threeWorkers(), seed: seed}
				got, err := tc.choice.choose(t.Context(), env)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != tc.choice.want() {
					t.Fatalf("chose %d nodes, want %d", len(got), tc.choice.want())
				}
				seen = append(seen, nodeNames(got)...)
			}
			slices.Sort(seen)
			if got := strings.Join(slices.Compact(seen), " "); got != tc.want {
				t.Errorf("chose among %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTooFewNodesSayWhatThereIs(t *testing.T) {
	for _, tc := range []struct {
		choice Nodes
		want   string
	}{
		{Nodes{Names: []string{"agents"}}, "1 nodes are needed and 0 fit: none; not a (not named), agents (runs the load agents)"},
		{Nodes{Names: []string{"broken"}}, "broken (not Ready)"},
		{Nodes{Names: []string{"nowhere"}}, "there is no node nowhere"},
		{Nodes{Count: 4}, "4 nodes are needed and 3 fit: a, b, c; not agents (runs the load agents), broken (not Ready), control (control plane)"},
		{Nodes{Running: "app=shop", Count: 3}, "b (runs no pod app=shop)"},
		{Nodes{Labels: "zone=three"}, "a (lacks zone=three)"},
	} {
		_, err := tc.choice.choose(t.Context(), &fakeEnv{cluster: threeWorkers()})
		var fail *seatrial.Error
		if !errors.As(err, &fail) || fail.Class != seatrial.BadInput || fail.Hint == "" || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want %q", tc.choice, err, tc.want)
		}
	}
}

func TestTheSameSeedChoosesTheSame(t *testing.T) {
	backwards := threeWorkers()
	slices.Reverse(backwards.nodes)
	slices.Reverse(backwards.pods)
	for seed := range uint64(20) {
		var got []string
		for _, cluster := range []fakeCluster{threeWorkers(), backwards} {
			env := &fakeEnv{cluster: cluster, seed: seed}
			nodes, err := Nodes{Count: 2}.choose(t.Context(), env)
			if err != nil {
				t.Fatal(err)
			}
			pods, err := Pods{Labels: "app=shop", Count: 2}.choose(t.Context(), env)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(nodeNames(nodes), pods[0].Name, pods[1].Name))
		}
		if got[0] != got[1] {
			t.Errorf("seed %d: %s, then %s from the same cluster listed backwards", seed, got[0], got[1])
		}
	}
}

func TestPodsAreChosenFromThoseThatStay(t *testing.T) {
	var seen []string
	for seed := range uint64(100) {
		env := &fakeEnv{cluster: threeWorkers(), seed: seed}
		pods, err := Pods{Labels: "app=shop", Namespace: "team"}.choose(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		if want := (seatrial.Selector{Namespace: "team", Labels: "app=shop"}); env.cluster.asked != want {
			t.Fatalf("asked for %+v, want %+v", env.cluster.asked, want)
		}
		seen = append(seen, pods[0].Name)
	}
	slices.Sort(seen)
	if got := strings.Join(slices.Compact(seen), " "); got != "p1 p3 p4 p6" {
		t.Errorf("chose among %s", got)
	}
	_, err := Pods{Labels: "app=shop", Nodes: "zone=one", Count: 2}.choose(t.Context(), &fakeEnv{cluster: threeWorkers()})
	if err == nil || !strings.Contains(err.Error(), "1 fit: p1; not p2 (on node b), p3 (on node c), p4 (on no node), p5 (on the node of the load agents)") {
		t.Errorf("got %v", err)
	}
	_, err = Pods{Labels: "app=shop", Count: 5}.choose(t.Context(), &fakeEnv{cluster: threeWorkers()})
	want := "5 pods app=shop are needed and 4 fit: p1, p3, p4, p6; not p2 (terminating), p5 (on the node of the load agents), p7 (Failed)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
