package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seatrial/seatrial"
)

// hogs is where something uses too much: in one container of each pod, within
// its limits, or on nodes, beside all pods.
type hogs struct {
	pods      Pods
	container string // empty means the first
	nodes     Nodes
}

// hogPlace is a node, or a pod on it.
type hogPlace struct{ node, namespace, pod string }

func (h hogs) inPods() bool { return h.pods.Labels != "" }

func (n Nodes) any() bool {
	return len(n.Names) == 0 && n.Labels == "" && n.Running == "" && n.Count == 0
}

func (h hogs) check() error {
	switch {
	case h.inPods() && !h.nodes.any():
		return seatrial.Fail(seatrial.BadInput, errors.New("both pods and nodes are given"), "a hog is either in pods or on nodes")
	case h.container != "" || h.pods != (Pods{}):
		return h.pods.check() // which asks for their labels
	}
	return h.nodes.check()
}

// choose picks the places; in words they are the second result.
func (h hogs) choose(ctx context.Context, env seatrial.Env) ([]hogPlace, string, error) {
	var places []hogPlace
	var names []string
	if !h.inPods() {
		nodes, err := h.nodes.choose(ctx, env)
		for _, n := range nodes {
			places = append(places, hogPlace{node: n.Name})
		}
		return places, strings.Join(nodeNames(nodes), ", "), err
	}
	pods, err := h.pods.choose(ctx, env)
	if err != nil {
		return nil, "", err
	}
	for _, p := range pods {
		if p.Node == "" {
			return nil, "", seatrial.Fail(seatrial.BadInput, fmt.Errorf("pod %s/%s is not scheduled, so nothing runs in it", p.Namespace, p.Name),
				"let the fault begin when its pods run")
		}
		places, names = append(places, hogPlace{p.Node, p.Namespace, p.Name}), append(names, p.Name)
	}
	return places, strings.Join(names, ", "), nil
}
