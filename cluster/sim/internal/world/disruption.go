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
	s := b.status()
	if !p.Ready && (b.alwaysAllow || s.healthy >= s.desired && s.desired > 0) {
		return true
	}
	return s.allowed() > 0
}

// Allowed is how many disruptions it allows now (status.disruptionsAllowed).
func (b *Budget) Allowed() int { return b.status().allowed() }

// budgetStatus is a budget's as pkg/controller/disruption writes it.
type budgetStatus struct{ healthy, desired, expected int }

// allowed is updatePdbStatus: a budget that expects no pods allows nothing.
func (s budgetStatus) allowed() int {
	if s.expected <= 0 {
		return 0
	}
	return max(0, s.healthy-s.desired)
}

// status counts (getExpectedPodCount, countHealthyPods). Where the controller
// fails, as it does on pods of a DaemonSet, which has no scale, nothing is
// expected, so nothing is allowed (failSafe).
func (b *Budget) status() budgetStatus {
	pods := b.world.Pods(b.Namespace, b.selector)
	var s budgetStatus
	for _, p := range pods {
		if p.isReady() {
			s.healthy++
		}
	}
	if b.most == nil && b.least != nil && b.least.Type == intstr.Int {
		s.expected, s.desired = len(pods), b.least.IntValue()
		return s
	}
	expected, known := scaleOf(pods)
	share := b.least
	if b.most != nil {
		share = b.most
	}
	if !known || share == nil {
		return s
	}
	// Percentages of either round up.
	scaled, err := intstr.GetScaledValueFromIntOrPercent(share, expected, true)
	if err != nil {
		return s
	}
	s.expected, s.desired = expected, scaled
	if b.most != nil {
		s.desired = max(0, expected-scaled)
	}
	return s
}

// scaleOf is how many pods their controllers ask for (getExpectedScale); pods
// without a controller do not count, and false is a controller without a scale.
func scaleOf(pods []*Pod) (total int, known bool) {
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
		default:
			return 0, false
		}
		if !seen[key] {
			seen[key] = true
			total += replicas
		}
	}
	return total, true
}
