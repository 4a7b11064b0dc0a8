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
	wish   []domains // preferred, in the order of s.attract
}

// counted is a spread constraint with its counts.
type counted struct {
	*spread
	domains
	least int64 // matching pods in the domain that has the fewest
	self  int64 // 1 when the pod itself counts
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
	for _, other := range s.anti {
		for _, one := range other.scheduling.anti {
			if one.selects(t) {
				c.away = append(c.away, c.domains(one.key, s.world.tallies.ofTemplate(other)))
			}
		}
	}
	for _, one := range c.s.attract {
		c.wish = append(c.wish, c.count(one.term))
	}
	return c
}

func (t *term) selects(other *Template) bool {
	for _, namespace := range t.namespaces {
		if namespace == other.Namespace && t.selector.Matches(other.Labels) {
			return true
		}
	}
	return false
}

// count adds up the namespaces of a term; almost always it is one.
func (c *constraints) count(one term) domains {
	first := c.domains(one.key, c.world.tallies.of(one.namespaces[0], one.selector))
	for _, namespace := range one.namespaces[1:] {
		more := c.domains(one.key, c.world.tallies.of(namespace, one.selector))
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

// any says whether a pod is counted anywhere.
func (d *domains) any() bool {
	return slices.ContainsFunc(d.byNode, func(n int32) bool { return n > 0 })
}

// countSpread finds the domain with the fewest among the nodes that count
// (podtopologyspread/filtering.go: calPreFilterState).
func (c *constraints) countSpread(s *spread) counted {
	t := c.world.tallies.ofTemplate(c.t)
	self := true
	if s.selector != nil {
		t = c.world.tallies.of(c.t.Namespace, s.selector)
		self = s.selector.Matches(c.t.Labels)
	}
	k := counted{spread: s, domains: c.domains(s.key, t), least: math.MaxInt64}
	if self {
		k.self = 1
	}
	if !s.hard {
		return k
	}
	for _, n := range c.world.Nodes {
		if count, has := k.of(n); has && c.eligible(s, n) {
			k.least = min(k.least, count)
		}
	}
	return k
}

// eligible nodes make domains, with pods or without.
func (c *constraints) eligible(s *spread, n *Node) bool {
	return (s.ignoreNode || c.s.selects(n)) && (!s.honorTaints || c.s.tolerates(n))
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
		count, has := c.near[i].of(n)
		// The first of a group may go anywhere (interpodaffinity/filtering.go:
		// satisfyPodAffinity).
		if !has || count == 0 && (c.near[i].any() || !c.s.near[i].selects(c.t)) {
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
