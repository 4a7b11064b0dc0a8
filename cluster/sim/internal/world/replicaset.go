package world

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// replicaSet keeps so many pods of one template.
type replicaSet struct {
	world    *World
	name     string
	above    *deployment // nil for none
	template *Template
	replicas int
	pods     []*Pod // all that are not gone, and have not failed
	made     uint64
	order    int // among its Deployment's, by creation
	queued   bool
}

func (r *replicaSet) key() string { return "replicaset " + r.template.Namespace + "/" + r.name }

func (r *replicaSet) system() bool { return r.template.Namespace == systemNamespace }

func (r *replicaSet) podChanged(p *Pod) {
	if p.Gone || p.Phase == corev1.PodFailed {
		if i := slices.Index(r.pods, p); i >= 0 {
			r.pods = slices.Delete(r.pods, i, i+1)
		}
	}
	r.poke()
	r.above.poke()
}

func (r *replicaSet) missing() string {
	if ready := r.count((*Pod).isReady); ready < r.replicas {
		return fmt.Sprintf("%d of %d ready", ready, r.replicas)
	}
	if len(r.pods) > r.replicas {
		return fmt.Sprintf("%d too many", len(r.pods)-r.replicas)
	}
	return ""
}

func (p *Pod) isReady() bool { return p.Active() && p.Ready }

func (r *replicaSet) count(is func(*Pod) bool) int {
	n := 0
	for _, p := range r.pods {
		if is(p) {
			n++
		}
	}
	return n
}

func (r *replicaSet) poke() {
	if r.queued {
		return
	}
	r.queued = true
	r.world.Clock.After(r.world.soon(r.name), r, 0)
}

// Fire is one sync: pkg/controller/replicaset, manageReplicas.
func (r *replicaSet) Fire(uint64) {
	if r.world.stall(r) {
		return
	}
	r.queued = false
	active := slices.DeleteFunc(slices.Clone(r.pods), func(p *Pod) bool { return !p.Active() })
	for range r.replicas - len(active) {
		r.make()
	}
	if surplus := len(active) - r.replicas; surplus > 0 {
		for _, p := range r.victims(active)[:surplus] {
			p.Delete(-1)
		}
	}
}

func (r *replicaSet) make() {
	r.made++
	p := r.world.create(r, r.template, r.name+"-"+r.world.suffix(r.name, r.made))
	r.pods = append(r.pods, p)
	r.world.scheduler.enqueue(p)
	p.changed()
}

// victims puts the pods in the order in which they are deleted
// (pkg/controller: ActivePodsWithRanks.Less).
func (r *replicaSet) victims(active []*Pod) []*Pod {
	together := map[*Node]int{}
	for _, p := range r.related() {
		if p.Active() {
			together[p.Node]++
		}
	}
	now := r.world.Clock.Now()
	slices.SortStableFunc(active, func(a, b *Pod) int {
		return cmp.Or(
			before(a.Node == nil, b.Node == nil),
			before(a.Phase == corev1.PodPending, b.Phase == corev1.PodPending),
			before(!a.Ready, !b.Ready),
			cmp.Compare(a.deletionCost(), b.deletionCost()),
			cmp.Compare(together[b.Node], together[a.Node]),
			younger(a, b, a.Ready && b.Ready, now-a.readyAt, now-b.readyAt),
			cmp.Compare(b.restarts(), a.restarts()),
			younger(a, b, true, now-a.createdAt, now-b.createdAt))
	})
	return active
}

// younger puts the younger pod first; pods of about the same age are as good
// as drawn, by their UIDs, and no later rule decides on them.
func younger(a, b *Pod, known bool, ageA, ageB time.Duration) int {
	if !known || ageA == ageB {
		return 0
	}
	return cmp.Or(cmp.Compare(logAge(ageA), logAge(ageB)), cmp.Compare(a.UID, b.UID))
}

// related are the pods of all ReplicaSets of the Deployment: getPodsRankedByRelatedPodsOnSameNode.
func (r *replicaSet) related() []*Pod {
	if r.above == nil {
		return r.pods
	}
	var all []*Pod
	for _, set := range r.above.sets {
		all = append(all, set.pods...)
	}
	return all
}

// before puts those for which it is true first.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// logAge makes pods of about the same age equal, so that a scale-down does not
// always hit the zone that started last (LogarithmicScaleDown).
func logAge(age time.Duration) int {
	if age <= 0 {
		return -1
	}
	return int(math.Log2(float64(age)))
}

// deletionCost is the annotation controller.kubernetes.io/pod-deletion-cost,
// which templates carry as annotations; zero where there is none.
func (p *Pod) deletionCost() int { return p.Template.deletionCost }

func costOf(annotations map[string]string) int {
	cost, err := strconv.Atoi(annotations[corev1.PodDeletionCost])
	if err != nil {
		return 0 // as the controller reads what is no number
	}
	return cost
}

func (p *Pod) restarts() int {
	most := 0
	for _, c := range p.containers {
		most = max(most, c.restarts)
	}
	return most
}
