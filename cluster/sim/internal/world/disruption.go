package world

import (
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Budget is a PodDisruptionBudget.
type Budget struct {
	Namespace, Name string

	world       *World
	selector    labels.Selector
	least       *intstr.IntOrString // minAvailable
	most        *intstr.IntOrString // maxUnavailable
	alwaysAllow bool                // unhealthyPodEvictionPolicy AlwaysAllow
}

func (w *World) applyBudget(o *policyv1.PodDisruptionBudget) error {
	selector, err := selectorOf(o.Spec.Selector)
	if err != nil {
		return err
	}
	b := &Budget{world: w, Namespace: orDefault(o.Namespace), Name: o.Name, selector: selector,
		least: o.Spec.MinAvailable, most: o.Spec.MaxUnavailable}
	policy := o.Spec.UnhealthyPodEvictionPolicy
	b.alwaysAllow = policy != nil && *policy == policyv1.AlwaysAllow
	for i, other := range w.budgets {
		if other.Namespace == b.Namespace && other.Name == b.Name {
			w.budgets[i] = b
			return nil
		}
	}
	w.budgets = append(w.budgets, b)
	return nil
}

// Refusal is the eviction API's no.
type Refusal struct {
	Status int // 429, or 500 for more than one budget
	Reason string
}

// Error is the API's message.
func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Reason) }

// Evict asks the eviction API to delete the pod
// (pkg/registry/core/pod/storage/eviction.go). A nil result means that the pod
// is being deleted.
func (w *World) Evict(p *Pod) error {
	if p.Gone {
		return nil
	}
	if p.Deleting || p.Phase == "Pending" || !p.Active() {
		p.Delete(-1)
		return nil
	}
	var mine []*Budget
	for _, b := range w.budgets {
		if b.Namespace == p.Namespace && b.selector.Matches(p.Template.Labels) {
			mine = append(mine, b)
		}
	}
	if len(mine) > 1 {
		return &Refusal{500, "this pod has more than one PodDisruptionBudget, which the eviction subresource does not support"}
	}
	if len(mine) == 1 && !mine[0].allows(p) {
		return &Refusal{429, "Cannot evict pod as it would violate the pod's disruption budget."}
	}
	p.Delete(-1)
	return nil
}

// allows decides on one pod.
func (b *Budget) allows(p *Pod) bool {
	healthy, desired := b.health()
	if !p.Ready && (b.alwaysAllow || healthy >= desired && desired > 0) {
		return true
	}
	return healthy-desired > 0
}

// Allowed is how many disruptions it allows now (status.disruptionsAllowed).
func (b *Budget) Allowed() int {
	healthy, desired := b.health()
	return max(0, healthy-desired)
}

// health is currentHealthy and desiredHealthy
// (pkg/controller/disruption: getExpectedPodCount, countHealthyPods).
func (b *Budget) health() (healthy, desired int) {
	pods := b.world.Pods(b.Namespace, b.selector)
	for _, p := range pods {
		if p.isReady() {
			healthy++
		}
	}
	switch {
	case b.most != nil:
		expected := b.scale(pods)
		// Percentages round up, as for minAvailable.
		most, err := intstr.GetScaledValueFromIntOrPercent(b.most, expected, true)
		if err != nil {
			return healthy, expected
		}
		return healthy, max(0, expected-most)
	case b.least != nil && b.least.Type == intstr.Int:
		return healthy, b.least.IntValue()
	case b.least != nil:
		expected := b.scale(pods)
		desired, err := intstr.GetScaledValueFromIntOrPercent(b.least, expected, true)
		if err != nil {
			return healthy, expected
		}
		return healthy, desired
	}
	return healthy, 0
}

// scale is how many pods their controllers ask for.
func (b *Budget) scale(pods []*Pod) int {
	total := 0
	seen := map[string]bool{}
	for _, p := range pods {
		if p.owner == nil {
			continue
		}
		key, replicas := p.owner.key(), 0
		switch o := p.owner.(type) {
		case *replicaSet:
			replicas = o.replicas
			if o.above != nil {
				key, replicas = o.above.key(), o.above.replicas
			}
		case *statefulSet:
			replicas = o.replicas
		}
		if !seen[key] {
			seen[key] = true
			total += replicas
		}
	}
	return total
}
