package world

import (
	"k8s.io/apimachinery/pkg/labels"
)

// tallies count pods by node for the selectors of constraints, so that the
// scheduler does not look at every pod.
type tallies struct {
	world *World
	all   map[string]*tally
	list  []*tally
}

// tally counts the pods of a namespace that match. Spreading leaves those out
// that terminate (podtopologyspread/common.go: countPodsMatchSelector), affinity
// does not.
type tally struct {
	namespace   string
	selector    labels.Selector
	template    *Template // counts these alone, instead of a selector
	terminating bool      // counts those, too
	byNode      []int32
}

// of finds or makes the tally of a selector.
func (t *tallies) of(namespace string, selector labels.Selector, terminating bool) *tally {
	key := namespace + "|" + selector.String()
	if terminating {
		key += "|"
	}
	return t.get(key, &tally{namespace: namespace, selector: selector, terminating: terminating})
}

// ofTemplate finds or makes the tally of a template's own pods.
func (t *tallies) ofTemplate(own *Template, terminating bool) *tally {
	to := &own.tally
	if terminating {
		to = &own.presence
	}
	if *to == nil {
		*to = t.add(&tally{template: own, terminating: terminating})
	}
	return *to
}

func (t *tallies) get(key string, fresh *tally) *tally {
	if known := t.all[key]; known != nil {
		return known
	}
	if t.all == nil {
		t.all = map[string]*tally{}
	}
	t.all[key] = t.add(fresh)
	return fresh
}

func (t *tallies) add(fresh *tally) *tally {
	fresh.byNode = make([]int32, len(t.world.Nodes))
	t.list = append(t.list, fresh)
	for _, n := range t.world.Nodes {
		for _, p := range n.pods {
			if (p.counted || fresh.terminating) && fresh.matches(p.Template) {
				fresh.byNode[n.index]++
			}
		}
	}
	return fresh
}

func (t *tally) matches(own *Template) bool {
	if t.template != nil {
		return t.template == own
	}
	return t.namespace == own.Namespace && t.selector.Matches(own.Labels)
}

// count adds a pod on a node, or takes it away when it terminates.
func (t *tallies) count(p *Pod, in bool) {
	if p.Node == nil || p.counted == in {
		return
	}
	p.counted = in
	t.change(p, in, false)
}

// change counts the pod in or out, in the tallies with or without terminating
// pods.
func (t *tallies) change(p *Pod, in, terminating bool) {
	if p.Node.gone { // and its column with it
		return
	}
	by := int32(1)
	if !in {
		by = -1
	}
	for _, one := range t.matching(p.Template) {
		if one.terminating == terminating {
			one.byNode[p.Node.index] += by
		}
	}
}

// matching are the tallies that count a template's pods.
func (t *tallies) matching(own *Template) []*tally {
	for ; own.talliesSeen < len(t.list); own.talliesSeen++ {
		if one := t.list[own.talliesSeen]; one.matches(own) {
			own.tallies = append(own.tallies, one)
		}
	}
	return own.tallies
}
