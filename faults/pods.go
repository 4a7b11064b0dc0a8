package faults

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
)

// Pods chooses pods that are not on their way out. A pod on a node of the load
// agents is never chosen.
type Pods struct {
	Labels    string `yaml:"labels" doc:"pods that match this label selector, as in app=shop; required"`
	Namespace string `yaml:"namespace" doc:"where to look; default is \"default\""`
	Count     int    `yaml:"count" doc:"how many, picked at random by the trial's seed; 0 means 1"`
}

// check reports what cannot be right before any cluster is asked.
func (p Pods) check() error {
	if p.Labels == "" {
		return seatrial.Fail(seatrial.BadInput, errors.New("pods.labels is empty"), "say which pods, such as pods: {labels: app=shop, count: 1}")
	}
	if _, err := labels.Parse(p.Labels); err != nil {
		return fmt.Errorf("pods.labels %q is not a label selector: %w", p.Labels, err)
	}
	if p.Count < 0 {
		return fmt.Errorf("pods.count %d is negative", p.Count)
	}
	return nil
}

// choose picks the pods, sorted by name. The same cluster and seed give the
// same choice. Its error says which pods there are and why each does not fit.
func (p Pods) choose(ctx context.Context, env seatrial.Env) ([]seatrial.Pod, error) {
	if err := p.check(); err != nil {
		return nil, seatrial.Fail(seatrial.BadInput, err, "")
	}
	all, err := env.Cluster().Pods(ctx, seatrial.Selector{Namespace: orDefault(p.Namespace), Labels: p.Labels})
	if err != nil {
		return nil, fmt.Errorf("listing the pods %s: %w", p.Labels, err)
	}
	agents, err := agentNodes(ctx, env)
	if err != nil {
		return nil, err
	}
	var fit []seatrial.Pod
	var names, unfit []string
	for _, pod := range all {
		if why := refusePod(pod, agents); why != "" {
			unfit = append(unfit, pod.Name+" ("+why+")")
			continue
		}
		fit, names = append(fit, pod), append(names, pod.Name)
	}
	want := max(1, p.Count)
	if len(fit) < want {
		return nil, tooFew("pods "+p.Labels, want, names, unfit)
	}
	return pick(env.Rand(), fit, want, func(a seatrial.Pod) string { return a.Name }), nil
}

func agentNodes(ctx context.Context, env seatrial.Env) (map[string]bool, error) {
	nodes, err := env.Cluster().Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of the load agents: %w", err)
	}
	agents := map[string]bool{}
	for _, n := range nodes {
		if n.Agents {
			agents[n.Name] = true
		}
	}
	return agents, nil
}

func refusePod(pod seatrial.Pod, agents map[string]bool) string {
	switch {
	case agents[pod.Node]:
		return "on the node of the load agents"
	case pod.Terminating:
		return "terminating"
	case pod.Phase == "Succeeded" || pod.Phase == "Failed":
		return pod.Phase
	}
	return ""
}
