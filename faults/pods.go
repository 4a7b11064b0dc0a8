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
	Nodes     string `yaml:"nodes" doc:"only pods on nodes that match this label selector, as in zone=a"`
	Count     int    `yaml:"count" doc:"how many, picked at random by the trial's seed; 0 means 1"`
}

// check reports what cannot be right before any cluster is asked.
func (p Pods) check() error {
	if p.Labels == "" {
		return seatrial.Fail(seatrial.BadInput, errors.New("pods.labels is empty"), "say which pods, such as pods: {labels: app=shop, count: 1}")
	}
	for _, s := range []struct{ field, selector string }{{"labels", p.Labels}, {"nodes", p.Nodes}} {
		if _, err := labels.Parse(s.selector); err != nil {
			return fmt.Errorf("pods.%s %q is not a label selector: %w", s.field, s.selector, err)
		}
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
	closed, err := p.closedNodes(ctx, env)
	if err != nil {
		return nil, err
	}
	var fit []seatrial.Pod
	var names, unfit []string
	for _, pod := range all {
		if why := refusePod(pod, closed); why != "" {
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

// closedNodes are those whose pods are not chosen, and why.
func (p Pods) closedNodes(ctx context.Context, env seatrial.Env) (map[string]string, error) {
	nodes, err := env.Cluster().Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the nodes of the pods: %w", err)
	}
	closed := map[string]string{}
	if p.Nodes != "" {
		closed[""] = "on no node"
	}
	for _, n := range nodes {
		switch {
		case n.Agents:
			closed[n.Name] = "on the node of the load agents"
		case !matches(p.Nodes, n.Labels):
			closed[n.Name] = "on node " + n.Name
		}
	}
	return closed, nil
}

func refusePod(pod seatrial.Pod, closed map[string]string) string {
	switch {
	case closed[pod.Node] != "":
		return closed[pod.Node]
	case pod.Terminating:
		return "terminating"
	case pod.Phase == "Succeeded" || pod.Phase == "Failed":
		return pod.Phase
	}
	return ""
}
