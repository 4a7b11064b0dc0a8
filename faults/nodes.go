package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
)

// Nodes chooses nodes. Conditions add up; none means any worker. A node of the
// load agents is never chosen, a control plane only by name, and a node only
// while it is Ready.
type Nodes struct {
	Names     []string `yaml:"names" doc:"these nodes and no others"`
	Labels    string   `yaml:"labels" doc:"nodes that match this label selector, as in zone=a"`
	Running   string   `yaml:"running" doc:"nodes where a running pod matches this label selector, as in app=shop"`
	Namespace string   `yaml:"namespace" doc:"of the pods meant by running; default is \"default\""`
	Count     int      `yaml:"count" doc:"how many, picked at random by the trial's seed; 0 means 1, or all of names"`
}

// check reports what cannot be right before any cluster is asked.
func (n Nodes) check() error {
	for _, name := range []struct{ field, selector string }{{"labels", n.Labels}, {"running", n.Running}} {
		if _, err := labels.Parse(name.selector); err != nil {
			return fmt.Errorf("nodes.%s %q is not a label selector: %w", name.field, name.selector, err)
		}
	}
	if n.Count < 0 {
		return fmt.Errorf("nodes.count %d is negative", n.Count)
	}
	if len(n.Names) > 0 && n.Count > len(n.Names) {
		return fmt.Errorf("nodes.count is %d, but nodes.names has %d", n.Count, len(n.Names))
	}
	return nil
}

// want is how many nodes are to be chosen.
func (n Nodes) want() int {
	if n.Count == 0 {
		return max(1, len(n.Names))
	}
	return n.Count
}

// choose picks the nodes, sorted by name. The same cluster and seed give the
// same choice. Its error says which nodes there are and why each does not fit.
func (n Nodes) choose(ctx context.Context, env seatrial.Env) ([]seatrial.Node, error) {
	fit, unfit, err := n.fitting(ctx, env)
	if err != nil {
		return nil, err
	}
	if len(fit) < n.want() {
		return nil, tooFew("nodes", n.want(), nodeNames(fit), unfit)
	}
	return pick(env.Rand(), fit, n.want(), func(a seatrial.Node) string { return a.Name }), nil
}

// chooseAll is choose, but a count of zero means all that fit.
func (n Nodes) chooseAll(ctx context.Context, env seatrial.Env) ([]seatrial.Node, error) {
	if n.Count > 0 || len(n.Names) > 0 {
		return n.choose(ctx, env)
	}
	fit, unfit, err := n.fitting(ctx, env)
	if err == nil && len(fit) == 0 {
		err = tooFew("nodes", 1, nil, unfit)
	}
	return fit, err
}

// fitting lists the nodes that fit, and those that do not with the reason.
func (n Nodes) fitting(ctx context.Context, env seatrial.Env) (fit []seatrial.Node, unfit []string, err error) {
	if err := n.check(); err != nil {
		return nil, nil, seatrial.Fail(seatrial.BadInput, err, "")
	}
	all, err := env.Cluster().Nodes(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the nodes to choose from: %w", err)
	}
	if err := n.missing(all); err != nil {
		return nil, nil, err
	}
	busy, err := n.running(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	for _, node := range all {
		if why := n.refuse(node, busy); why != "" {
			unfit = append(unfit, node.Name+" ("+why+")")
			continue
		}
		fit = append(fit, node)
	}
	return fit, unfit, nil
}

// missing refuses names that no node has.
func (n Nodes) missing(all []seatrial.Node) error {
	there := nodeNames(all)
	for _, name := range n.Names {
		if !slices.Contains(there, name) {
			return seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no node %s", name), "the nodes are: "+list(there))
		}
	}
	return nil
}

// running lists the nodes with a pod that `running` asks for; nil when it does
// not.
func (n Nodes) running(ctx context.Context, env seatrial.Env) (map[string]bool, error) {
	if n.Running == "" {
		return nil, nil
	}
	pods, err := env.Cluster().Pods(ctx, seatrial.Selector{Namespace: orDefault(n.Namespace), Labels: n.Running})
	if err != nil {
		return nil, fmt.Errorf("listing the pods %s: %w", n.Running, err)
	}
	busy := map[string]bool{}
	for _, p := range pods {
		if p.Phase == "Running" && !p.Terminating {
			busy[p.Node] = true
		}
	}
	return busy, nil
}

// refuse says why a node does not fit; "" when it does.
func (n Nodes) refuse(node seatrial.Node, busy map[string]bool) string {
	named := slices.Contains(n.Names, node.Name)
	switch {
	case node.Agents:
		return "runs the load agents"
	case len(n.Names) > 0 && !named:
		return "not named"
	case node.ControlPlane && !named:
		return "control plane"
	case !matches(n.Labels, node.Labels):
		return "lacks " + n.Labels
	case n.Running != "" && !busy[node.Name]:
		return "runs no pod " + n.Running
	case !node.Ready:
		return "not Ready"
	}
	return ""
}

// matches is whether labels fit a selector that check has accepted.
func matches(selector string, set map[string]string) bool {
	parsed, err := labels.Parse(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// pick takes count of all at random. It sorts first, so that the choice
// depends on the seed alone, and after, so that targets are listed in order.
func pick[T any](r *rand.Rand, all []T, count int, name func(T) string) []T {
	byName := func(a, b T) int { return strings.Compare(name(a), name(b)) }
	all = slices.Clone(all)
	slices.SortFunc(all, byName)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	chosen := all[:count]
	slices.SortFunc(chosen, byName)
	return chosen
}

// tooFew says what was looked for and what there is.
func tooFew(what string, want int, fit, unfit []string) error {
	err := fmt.Errorf("%d %s are needed and %d fit: %s; not %s", want, what, len(fit), list(fit), list(unfit))
	return seatrial.Fail(seatrial.BadInput, err, "loosen the fault's choice of "+what+" or lower its count")
}

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	if len(words) > 12 {
		words = append(slices.Clone(words[:12]), fmt.Sprintf("and %d more", len(words)-12))
	}
	return strings.Join(words, ", ")
}

func nodeNames(nodes []seatrial.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

func orDefault(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}
