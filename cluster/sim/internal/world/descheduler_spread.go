package world

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// Strategy RemovePodsViolatingTopologySpreadConstraint
// (framework/plugins/removepodsviolatingtopologyspreadconstraint).

// constraint is one that pods state, and the domains that it is about.
type constraint struct {
	spread
	template *Template
	domains  []*domain
}

// domain is all nodes of one value of the key.
type domain struct {
	value string
	pods  []*Pod
}

// topologySpread enforces what pods state themselves. The scheduler's defaults
// are no pod's own, so what violates them stays.
func (d *descheduler) topologySpread(a seatrial.TopologySpread) {
	byNamespace := map[string][]*Pod{}
	var namespaces []string
	for _, n := range d.nodes {
		for _, p := range d.podsOn(n, evictable) {
			if byNamespace[p.Namespace] == nil {
				namespaces = append(namespaces, p.Namespace)
			}
			byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
		}
	}
	chosen := map[*Pod]bool{}
	var victims []*Pod
	for _, namespace := range namespaces {
		for _, c := range stated(byNamespace[namespace], a) {
			c.fill(d.nodes, byNamespace[namespace])
			if c.balanced() {
				continue
			}
			for _, p := range d.balance(c) {
				if !chosen[p] {
					chosen[p] = true
					victims = append(victims, p)
				}
			}
		}
	}
	d.shuffle(victims)
	for _, p := range victims {
		if evictable(p) {
			d.try(p)
		}
	}
}

// stated are the constraints of the pods, each once.
func stated(pods []*Pod, a seatrial.TopologySpread) []*constraint {
	var found []*constraint
	known := map[string]bool{}
	for _, p := range pods {
		for _, c := range p.Template.Spec.TopologySpreadConstraints {
			if hard := c.WhenUnsatisfiable == corev1.DoNotSchedule; hard && !a.DoNotSchedule || !hard && !a.ScheduleAnyway {
				continue
			}
			one, err := p.Template.spread(c)
			if err != nil {
				continue // as the descheduler does; the scheduler's reading has failed before
			}
			if key := one.identity(p.Template); !known[key] {
				known[key] = true
				found = append(found, &constraint{spread: one, template: p.Template})
			}
		}
	}
	return found
}

// identity is what makes two constraints the same one (hasIdenticalConstraints).
func (s *spread) identity(t *Template) string {
	all := []any{s.skew, s.key, s.selector.String(), s.ignoreNode, s.honorTaints}
	if !s.ignoreNode {
		all = append(all, t.Spec.NodeSelector, t.Spec.Affinity)
	}
	if s.honorTaints {
		all = append(all, t.Spec.Tolerations)
	}
	key, err := json.Marshal(all)
	if err != nil {
		panic(err) // these are the API's own types
	}
	return string(key)
}

// includes is matchNodeInclusionPolicies.
func (c *constraint) includes(n *Node) bool {
	s := &c.template.scheduling
	return (c.ignoreNode || s.selects(n)) && (!c.honorTaints || s.tolerates(n) && !n.Unschedulable)
}

// fill counts the pods, also of nodes that are not included.
func (c *constraint) fill(nodes []*Node, pods []*Pod) {
	byValue := map[string]*domain{}
	at := func(value string) *domain {
		if byValue[value] == nil {
			byValue[value] = &domain{value: value}
			c.domains = append(c.domains, byValue[value])
		}
		return byValue[value]
	}
	for _, n := range nodes {
		if value, has := n.Labels[c.key]; has && c.includes(n) {
			at(value)
		}
	}
	for _, p := range pods {
		if value, has := p.Node.Labels[c.key]; has && c.selector.Matches(p.Template.Labels) {
			own := at(value)
			own.pods = append(own.pods, p)
		}
	}
}

func (c *constraint) balanced() bool {
	least, most := math.MaxInt32, 0
	for _, own := range c.domains {
		least, most = min(least, len(own.pods)), max(most, len(own.pods))
	}
	return most-least <= c.skew
}

// balance chooses pods of the largest domains until all sizes are within the
// skew (balanceDomains). A pod that fits nowhere else is left, and counted as
// moved all the same. Priorities are not looked at.
func (d *descheduler) balance(c *constraint) []*Pod {
	sum := 0
	for _, own := range c.domains {
		sum += len(own.pods)
		slices.SortStableFunc(own.pods, func(a, b *Pod) int { return before(a.Template.bound(), b.Template.bound()) })
	}
	slices.SortStableFunc(c.domains, func(a, b *domain) int { return cmp.Compare(len(a.pods), len(b.pods)) })
	ideal := float64(sum) / float64(len(c.domains))
	below := c.below(d.nodes, ideal)
	fits := map[*Pod]bool{} // nothing moves before all are chosen
	for _, own := range c.domains {
		for _, p := range own.pods {
			fits[p] = d.fitsElsewhere(p, below)
		}
	}
	var victims []*Pod
	for i, j := 0, len(c.domains)-1; i < j; {
		low, high := c.domains[i], c.domains[j]
		if float64(len(high.pods)) <= ideal {
			j--
			high = c.domains[j]
		}
		move := c.move(low, high, ideal)
		if move <= 0 {
			i++
			continue
		}
		slices.SortStableFunc(high.pods, func(a, b *Pod) int { return before(!fits[a], !fits[b]) })
		kept := len(high.pods) - move
		for _, p := range high.pods[kept:] {
			if fits[p] {
				victims = append(victims, p)
			}
		}
		low.pods = append(low.pods, high.pods[kept:]...)
		high.pods = high.pods[:kept:kept]
	}
	return victims
}

// move is how many pods go from one domain to the other: up to half of what is
// above the skew, and neither falls below nor rises above the average.
func (c *constraint) move(low, high *domain, ideal float64) int {
	skew := len(high.pods) - len(low.pods)
	if skew <= c.skew {
		return 0
	}
	above := math.Ceil(float64(len(high.pods)) - ideal)
	below := math.Ceil(ideal - float64(len(low.pods)))
	half := math.Ceil(float64(skew-c.skew) / 2)
	return int(min(above, below, half))
}

// below are the nodes of the domains that have fewer pods than the average.
func (c *constraint) below(nodes []*Node, ideal float64) []*Node {
	var found []*Node
	for _, own := range c.domains {
		if float64(len(own.pods)) >= ideal {
			continue
		}
		for _, n := range nodes {
			if value, has := n.Labels[c.key]; has && value == own.value && c.includes(n) {
				found = append(found, n)
			}
		}
	}
	return found
}

// bound templates have a node selector or a node affinity (hasSelectorOrAffinity).
func (t *Template) bound() bool {
	return t.Spec.NodeSelector != nil || t.Spec.Affinity != nil && t.Spec.Affinity.NodeAffinity != nil
}

// fitsElsewhere is descheduler/node: PodFitsAnyOtherNode.
func (d *descheduler) fitsElsewhere(p *Pod, nodes []*Node) bool {
	return slices.ContainsFunc(nodes, func(n *Node) bool { return n != p.Node && d.fits(p, n) })
}

// fits is descheduler/node: NodeFit, some of what the scheduler asks.
func (d *descheduler) fits(p *Pod, n *Node) bool {
	s, t := &p.Template.scheduling, p.Template
	if n.Unschedulable || !s.selects(n) || !s.tolerates(n) {
		return false
	}
	for i := range s.anti {
		_, keyed := n.Labels[s.anti[i].key]
		if keyed && slices.ContainsFunc(n.pods, func(o *Pod) bool { return o.Name != p.Name && s.anti[i].selects(o.Template) }) {
			return false
		}
	}
	free := n.allocatable.minus(n.requested)
	return t.request.cpu <= free.cpu && t.request.memory <= free.memory && len(n.pods) < n.limit
}
