package world

import (
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// constraints are a template's wishes with the counts as they are now.
type constraints struct {
	world  *World
	t      *Template
	s      *scheduling
	spread []counted
	near   []domains
	anti   []domains
	away   []domains // others' anti-affinity to this template
	wish   []wished  // preferred, by this template and by others
}

// counted is a spread constraint with its counts.
type counted struct {
	*spread
	domains
	least int64 // matching pods in the domain that has the fewest
	self  int64 // 1 when the pod itself counts
}

// wished are pods that attract, or repel where the weight is below zero.
type wished struct {
	domains
	weight int64
}

// domains are pods counted by the value of a topology key.
type domains struct {
	key     string
	byNode  []int32          // for the host name: each node is one
	byValue map[string]int64 // for any other key
}

// of is the count in the node's domain; false when the node lacks the key.
func (d *domains) of(n *Node) (int64, bool) {
	if d.key == corev1.LabelHostname {
		return int64(d.byNode[n.index]), true
	}
	value, has := n.Labels[d.key]
	return d.byValue[value], has
}

func (s *scheduler) constraints(t *Template) *constraints {
	c := &constraints{world: s.world, t: t, s: &t.scheduling}
	for i := range c.s.spread {
		c.spread = append(c.spread, c.countSpread(&c.s.spread[i]))
	}
	for _, one := range c.s.near {
		c.near = append(c.near, c.count(one))
	}
	for _, one := range c.s.anti {
		c.anti = append(c.anti, c.count(one))
	}
	for _, one := range c.s.attract {
		c.wish = append(c.wish, wished{c.count(one.term), one.weight})
	}
	for _, other := range s.minded {
		c.heed(other)
	}
	return c
}

// heed takes in what the pods of another template, or of this one, want of
// those that come later (interpodaffinity/scoring.go: processExistingPod;
// filtering.go: satisfyExistingPodsAntiAffinity).
func (c *constraints) heed(other *Template) {
	const hardWeight = 1 // DefaultHardPodAffinityWeight
	at := func(one *term) domains { return c.domains(one.key, c.world.tallies.ofTemplate(other, true)) }
	for i := range other.scheduling.anti {
		if one := &other.scheduling.anti[i]; one.selects(c.t) {
			c.away = append(c.away, at(one))
		}
	}
	for i := range other.scheduling.near {
		if one := &other.scheduling.near[i]; one.selects(c.t) {
			c.wish = append(c.wish, wished{at(one), hardWeight})
		}
	}
	for i := range other.scheduling.attract {
		if one := &other.scheduling.attract[i]; one.selects(c.t) {
			c.wish = append(c.wish, wished{at(&one.term), one.weight})
		}
	}
}

func (t *term) selects(other *Template) bool {
	for _, namespace := range t.namespaces {
		if namespace == other.Namespace && t.selector.Matches(other.Labels) {
			return true
		}
	}
	return false
}

// count adds up the namespaces of a term; almost always it is one. Without any,
// nothing matches.
func (c *constraints) count(one term) domains {
	if len(one.namespaces) == 0 {
		return domains{key: one.key, byNode: make([]int32, len(c.world.Nodes))}
	}
	first := c.domains(one.key, c.world.tallies.of(one.namespaces[0], one.selector, true))
	for _, namespace := range one.namespaces[1:] {
		more := c.domains(one.key, c.world.tallies.of(namespace, one.selector, true))
		first = first.plus(more)
	}
	return first
}

func (d domains) plus(o domains) domains {
	sum := domains{key: d.key, byNode: make([]int32, len(d.byNode)), byValue: map[string]int64{}}
	for i := range d.byNode {
		sum.byNode[i] = d.byNode[i] + o.byNode[i]
	}
	for value, n := range d.byValue {
		sum.byValue[value] = n + o.byValue[value]
	}
	for value, n := range o.byValue {
		if _, known := d.byValue[value]; !known {
			sum.byValue[value] = n
		}
	}
	return sum
}

func (c *constraints) domains(key string, t *tally) domains {
	d := domains{key: key, byNode: t.byNode}
	if key == corev1.LabelHostname || !c.world.labelled(key) {
		return d
	}
	d.byValue = map[string]int64{}
	for i, n := range t.byNode {
		if n == 0 {
			continue
		}
		if value, has := c.world.Nodes[i].Labels[key]; has {
			d.byValue[value] += int64(n)
		}
	}
	return d
}

// labelled says whether any node has the label.
func (w *World) labelled(key string) bool {
	known, asked := w.labels[key]
	if !asked {
		known = slices.ContainsFunc(w.Nodes, func(n *Node) bool { return n.Labels.Has(key) })
		w.labels[key] = known
	}
	return known
}

// any says whether a pod is counted in any domain.
func (d *domains) any() bool {
	if d.key == corev1.LabelHostname {
		return slices.ContainsFunc(d.byNode, func(n int32) bool { return n > 0 })
	}
	return len(d.byValue) > 0 // it has those with pods only
}

// countSpread counts the pods in each domain, and finds the one with the fewest
// among the nodes that count (podtopologyspread: calPreFilterState, PreScore).
func (c *constraints) countSpread(s *spread) counted {
	t, self := c.world.tallies.ofTemplate(c.t, false), true
	if s.selector != nil {
		t = c.world.tallies.of(c.t.Namespace, s.selector, false)
		self = s.selector.Matches(c.t.Labels)
	}
	k := counted{spread: s, domains: domains{key: s.key, byNode: t.byNode}, least: math.MaxInt32}
	if self {
		k.self = 1
	}
	host := s.key == corev1.LabelHostname
	if !s.hard && (host || !c.world.labelled(s.key)) {
		return k
	}
	k.byValue = map[string]int64{}
	many := 0
	for i, n := range c.world.Nodes {
		value, has := n.Labels[s.key]
		switch {
		case !has || !c.eligible(s, n):
		case host:
			many++
			k.least = min(k.least, int64(t.byNode[i]))
		default:
			k.byValue[value] += int64(t.byNode[i])
		}
	}
	if !host {
		many = len(k.byValue)
		for _, count := range k.byValue {
			k.least = min(k.least, count)
		}
	}
	if many < s.domains {
		k.least = 0 // minMatchNum
	}
	return k
}

// eligible nodes make domains, with pods or without.
func (c *constraints) eligible(s *spread, n *Node) bool {
	return (s.ignoreNode || c.s.selects(n)) && (!s.honorTaints || c.s.tolerates(n)) && c.keyed(n, s.hard)
}

// keyed nodes have the keys of all hard constraints, or of all soft ones. The
// scheduler's own constraints do not ask for that (requireAllTopologies).
func (c *constraints) keyed(n *Node, hard bool) bool {
	if c.s.defaulted {
		return true
	}
	for i := range c.s.spread {
		if s := &c.s.spread[i]; s.hard == hard {
			if _, has := n.Labels[s.key]; !has {
				return false
			}
		}
	}
	return true
}

// refuses says why the node cannot take the pod, in the scheduler's words; ""
// when it can.
func (c *constraints) refuses(n *Node) string {
	r := c.t.request
	free := n.allocatable.minus(n.requested)
	switch {
	case n.Unschedulable && !c.toleratesCordon():
		return "node(s) were unschedulable"
	case !c.s.tolerates(n):
		return "node(s) had untolerated taint(s)"
	case !c.s.selects(n):
		return "node(s) didn't match Pod's node affinity/selector"
	case len(n.pods) >= n.limit:
		return "Too many pods"
	case r.cpu > 0 && r.cpu > free.cpu:
		return "Insufficient cpu"
	case r.memory > 0 && r.memory > free.memory:
		return "Insufficient memory"
	}
	return c.refusesTopology(n)
}

// first of a group, which may go wherever its keys are
// (interpodaffinity/filtering.go: satisfyPodAffinity).
func (c *constraints) first() bool {
	for i := range c.near {
		if c.near[i].any() || !c.s.near[i].selects(c.t) {
			return false
		}
	}
	return true
}

func (c *constraints) toleratesCordon() bool {
	return c.s.toleratesTaint(&corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
}

func (c *constraints) refusesTopology(n *Node) string {
	for i := range c.spread {
		k := &c.spread[i]
		if !k.hard {
			continue
		}
		count, has := k.of(n)
		if !has {
			return "node(s) didn't match pod topology spread constraints (missing required label)"
		}
		if count+k.self-k.least > int64(k.skew) {
			return "node(s) didn't match pod topology spread constraints"
		}
	}
	for i := range c.near {
		if count, has := c.near[i].of(n); !has || count == 0 && !c.first() {
			return "node(s) didn't match pod affinity rules"
		}
	}
	for i := range c.anti {
		if count, has := c.anti[i].of(n); has && count > 0 {
			return "node(s) didn't match pod anti-affinity rules"
		}
	}
	for i := range c.away {
		if count, has := c.away[i].of(n); has && count > 0 {
			return "node(s) didn't satisfy existing pods anti-affinity rules"
		}
	}
	return ""
}
