package world

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// scheduling is what a template says about where its pods go.
type scheduling struct {
	tolerations []corev1.Toleration
	selector    nodeaffinity.RequiredNodeAffinity
	preferred   *nodeaffinity.PreferredSchedulingTerms
	spread      []spread
	defaulted   bool   // the spread is the scheduler's own
	hard        bool   // some of the spread is DoNotSchedule
	near        []term // required pod affinity
	anti        []term // required pod anti-affinity
	attract     []weighted
}

// spread is a topology spread constraint.
type spread struct {
	skew        int
	key         string
	hard        bool
	domains     int             // minDomains
	selector    labels.Selector // nil: the template's own pods
	honorTaints bool
	ignoreNode  bool // nodeAffinityPolicy Ignore
}

// term is a required (anti-)affinity to pods.
type term struct {
	key        string
	namespaces []string
	selector   labels.Selector
}

// weighted is a preferred one; anti-affinity has a weight below zero.
type weighted struct {
	term
	weight int64
}

func schedulingOf(t *Template) (scheduling, error) {
	s := scheduling{tolerations: t.Spec.Tolerations}
	pod := &corev1.Pod{Spec: *t.Spec}
	s.selector = nodeaffinity.GetRequiredNodeAffinity(pod)
	for _, c := range t.Spec.TopologySpreadConstraints {
		one, err := t.spread(c)
		if err != nil {
			return s, err
		}
		s.spread = append(s.spread, one)
		s.hard = s.hard || one.hard
	}
	if len(s.spread) == 0 {
		s.defaulted = true
		// pkg/scheduler/apis/config/v1: systemDefaultConstraints.
		s.spread = []spread{{skew: 3, key: corev1.LabelHostname}, {skew: 5, key: corev1.LabelTopologyZone}}
	}
	return s, s.affinity(t)
}

func (t *Template) spread(c corev1.TopologySpreadConstraint) (spread, error) {
	selector, err := selectorOf(c.LabelSelector)
	if err != nil {
		return spread{}, fmt.Errorf("topologySpreadConstraints: %w", err)
	}
	domains := 1
	if c.MinDomains != nil {
		domains = int(*c.MinDomains)
	}
	return spread{skew: int(c.MaxSkew), key: c.TopologyKey, hard: c.WhenUnsatisfiable == corev1.DoNotSchedule, domains: domains,
		selector:    t.withKeys(selector, c.MatchLabelKeys),
		honorTaints: c.NodeTaintsPolicy != nil && *c.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor,
		ignoreNode:  c.NodeAffinityPolicy != nil && *c.NodeAffinityPolicy == corev1.NodeInclusionPolicyIgnore}, nil
}

// withKeys narrows a selector to pods that have the template's own values.
func (t *Template) withKeys(selector labels.Selector, keys []string) labels.Selector {
	for _, key := range keys {
		value, has := t.Labels[key]
		if !has {
			continue
		}
		narrow, _ := labels.SelectorFromSet(labels.Set{key: value}).Requirements()
		selector = selector.Add(narrow...)
	}
	return selector
}

func (s *scheduling) affinity(t *Template) error {
	a := t.Spec.Affinity
	if a == nil {
		return nil
	}
	var err error
	if a.NodeAffinity != nil && len(a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution) > 0 {
		if s.preferred, err = nodeaffinity.NewPreferredSchedulingTerms(a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution); err != nil {
			return err
		}
	}
	if near := a.PodAffinity; near != nil {
		if s.near, err = terms(t, near.RequiredDuringSchedulingIgnoredDuringExecution); err != nil {
			return err
		}
		together(s.near)
		if err := s.prefer(t, near.PreferredDuringSchedulingIgnoredDuringExecution, 1); err != nil {
			return err
		}
	}
	if anti := a.PodAntiAffinity; anti != nil {
		if s.anti, err = terms(t, anti.RequiredDuringSchedulingIgnoredDuringExecution); err != nil {
			return err
		}
		return s.prefer(t, anti.PreferredDuringSchedulingIgnoredDuringExecution, -1)
	}
	return nil
}

func terms(t *Template, from []corev1.PodAffinityTerm) ([]term, error) {
	var all []term
	for _, f := range from {
		one, err := t.term(f)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// together: only pods that match all required terms count for any of them
// (interpodaffinity/filtering.go: updateWithAffinityTerms).
func together(near []term) {
	if len(near) < 2 {
		return
	}
	all := near[0]
	for _, one := range near[1:] {
		requirements, _ := one.selector.Requirements()
		all.selector = all.selector.Add(requirements...)
		all.namespaces = slices.DeleteFunc(slices.Clone(all.namespaces), func(n string) bool { return !slices.Contains(one.namespaces, n) })
	}
	for i := range near {
		near[i].selector, near[i].namespaces = all.selector, all.namespaces
	}
}

func (t *Template) term(f corev1.PodAffinityTerm) (term, error) {
	selector, err := metav1.LabelSelectorAsSelector(f.LabelSelector)
	if err != nil {
		return term{}, fmt.Errorf("pod affinity: %w", err)
	}
	namespaces := f.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{t.Namespace}
	}
	return term{key: f.TopologyKey, namespaces: namespaces, selector: t.withKeys(selector, f.MatchLabelKeys)}, nil
}

func (s *scheduling) prefer(t *Template, from []corev1.WeightedPodAffinityTerm, sign int64) error {
	for _, f := range from {
		one, err := t.term(f.PodAffinityTerm)
		if err != nil {
			return err
		}
		s.attract = append(s.attract, weighted{one, sign * int64(f.Weight)})
	}
	return nil
}

// tolerates says whether the pods may be scheduled to the node, and stay.
func (s *scheduling) tolerates(n *Node) bool {
	for i := range n.Taints {
		if effect := n.Taints[i].Effect; effect == corev1.TaintEffectPreferNoSchedule {
			continue
		}
		if !s.toleratesTaint(&n.Taints[i]) {
			return false
		}
	}
	return true
}

func (s *scheduling) toleratesTaint(t *corev1.Taint) bool {
	return slices.ContainsFunc(s.tolerations, func(o corev1.Toleration) bool { return tolerated(&o, t) })
}

// tolerated follows k8s.io/api/core/v1: Toleration.ToleratesTaint.
func tolerated(o *corev1.Toleration, t *corev1.Taint) bool {
	if o.Effect != "" && o.Effect != t.Effect || o.Key != "" && o.Key != t.Key {
		return false
	}
	return o.Operator == corev1.TolerationOpExists || o.Value == t.Value
}

// selects is the node selector and the required node affinity.
func (s *scheduling) selects(n *Node) bool {
	fits, err := s.selector.Match(n.object())
	return err == nil && fits
}

// object is the node as the scheduler's helpers read it.
func (n *Node) object() *corev1.Node {
	if n.asObject == nil {
		n.asObject = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels}}
	}
	return n.asObject
}
