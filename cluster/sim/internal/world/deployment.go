package world

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// deployment rolls its template out over ReplicaSets.
type deployment struct {
	restarts    int // that were asked for
	world       *World
	namespace   string
	name        string
	replicas    int
	recreate    bool
	surge       int
	unavailable int
	minReady    time.Duration
	sets        []*replicaSet // in the order of their creation, but the latest last
	created     int           // ReplicaSets so far
	queued      bool
}

func (w *World) applyDeployment(o *appsv1.Deployment) error {
	t, err := w.template(orDefault(o.Namespace), &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec)
	if err != nil {
		return err
	}
	d := w.deployment(t.Namespace, o.Name)
	if d == nil {
		d = &deployment{world: w, namespace: t.Namespace, name: o.Name}
		w.owners = append(w.owners, d)
	}
	d.replicas = replicasOf(o.Spec.Replicas)
	d.minReady = time.Duration(o.Spec.MinReadySeconds) * time.Second
	d.recreate = o.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	if d.surge, d.unavailable, err = fenceposts(o.Spec.Strategy.RollingUpdate, d.replicas); err != nil {
		return err
	}
	return d.rollTo(t)
}

func (w *World) deployment(namespace, name string) *deployment {
	for _, o := range w.owners {
		if d, ok := o.(*deployment); ok && d.namespace == namespace && d.name == name {
			return d
		}
	}
	return nil
}

func replicasOf(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

// fenceposts resolves the percentages: surge rounds up, unavailable down, and
// both zero means one unavailable (pkg/controller/deployment/util:
// ResolveFenceposts). The default of both is 25 %.
func fenceposts(r *appsv1.RollingUpdateDeployment, replicas int) (surge, unavailable int, err error) {
	most, least := intstr.FromString("25%"), intstr.FromString("25%")
	if r != nil && r.MaxSurge != nil {
		most = *r.MaxSurge
	}
	if r != nil && r.MaxUnavailable != nil {
		least = *r.MaxUnavailable
	}
	if surge, err = intstr.GetScaledValueFromIntOrPercent(&most, replicas, true); err != nil {
		return 0, 0, fmt.Errorf("maxSurge: %w", err)
	}
	if unavailable, err = intstr.GetScaledValueFromIntOrPercent(&least, replicas, false); err != nil {
		return 0, 0, fmt.Errorf("maxUnavailable: %w", err)
	}
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, replicas), nil // deployment_util.go: MaxUnavailable
}

// rollTo makes the template the latest.
func (d *deployment) rollTo(t *Template) error {
	if i := slices.IndexFunc(d.sets, func(r *replicaSet) bool { return r.template.Hash == t.Hash }); i >= 0 {
		latest := d.sets[i]
		d.sets = append(d.oldest(slices.Delete(d.sets, i, i+1)), latest)
	} else {
		own, err := t.withHash()
		if err != nil {
			return err
		}
		d.created++
		d.sets = append(d.oldest(d.sets), &replicaSet{world: d.world, above: d, name: d.name + "-" + t.Hash, template: own, order: d.created})
	}
	d.poke()
	return nil
}

// oldest sorts ReplicaSets in the order in which they are scaled down
// (ReplicaSetsByCreationTimestamp).
func (d *deployment) oldest(sets []*replicaSet) []*replicaSet {
	slices.SortFunc(sets, func(a, b *replicaSet) int { return cmp.Compare(a.order, b.order) })
	return sets
}

func (d *deployment) key() string { return "deployment " + d.namespace + "/" + d.name }

func (d *deployment) system() bool { return d.namespace == systemNamespace }

// podChanged is told to the ReplicaSets.
func (d *deployment) podChanged(*Pod) {}

func (d *deployment) missing() string {
	latest := d.latest()
	pods := 0
	for _, r := range d.sets {
		pods += len(r.pods)
	}
	ready := latest.count((*Pod).isReady)
	switch {
	case ready < d.replicas:
		return fmt.Sprintf("%d of %d ready", ready, d.replicas)
	case pods > d.replicas:
		return fmt.Sprintf("%d too many", pods-d.replicas)
	}
	return ""
}

func (d *deployment) latest() *replicaSet { return d.sets[len(d.sets)-1] }

func (d *deployment) poke() {
	if d == nil || d.queued {
		return
	}
	d.queued = true
	d.world.Clock.After(d.world.soon(d.name), d, 0)
}

// Fire is one sync.
func (d *deployment) Fire(uint64) {
	if d.world.stall(d) {
		return
	}
	d.queued = false
	latest, old := d.latest(), d.sets[:len(d.sets)-1]
	if d.recreate {
		d.replace(latest, old)
		return
	}
	if d.scaleUp(latest) {
		return
	}
	d.scaleDown(latest, old)
}

// replace is the strategy Recreate: the old pods are gone before the first new
// one comes.
func (d *deployment) replace(latest *replicaSet, old []*replicaSet) {
	left := 0
	for _, r := range old {
		d.scale(r, 0)
		left += len(r.pods)
	}
	if left == 0 {
		d.scale(latest, d.replicas)
	}
}

// scaleUp is NewRSNewReplicas: as many new pods as the surge leaves room for.
func (d *deployment) scaleUp(latest *replicaSet) bool {
	total := 0
	for _, r := range d.sets {
		total += r.replicas
	}
	if latest.replicas > d.replicas {
		return d.scale(latest, d.replicas)
	}
	room := d.replicas + d.surge - total
	if room <= 0 || latest.replicas == d.replicas {
		return false
	}
	return d.scale(latest, latest.replicas+min(room, d.replicas-latest.replicas))
}

// scaleDown is reconcileOldReplicaSets: unhealthy old pods first, then as many
// as availability allows.
func (d *deployment) scaleDown(latest *replicaSet, old []*replicaSet) {
	least := d.replicas - d.unavailable
	total := 0
	for _, r := range d.sets {
		total += r.replicas
	}
	most := total - least - (latest.replicas - latest.count(d.available))
	if most <= 0 {
		return // also while ReplicaSets have not yet deleted what they are to
	}
	d.cleanUp(old, most)
	available := 0
	for _, r := range d.sets {
		available += r.count(d.available)
	}
	surplus := available - least
	for _, r := range old {
		if surplus <= 0 {
			return
		}
		down := min(r.replicas, surplus)
		d.scale(r, r.replicas-down)
		surplus -= down
	}
}

// cleanUp takes away old pods that are not available, at most so many.
func (d *deployment) cleanUp(old []*replicaSet, most int) {
	for _, r := range old {
		down := min(most, r.replicas-r.count(d.available))
		if down <= 0 {
			continue
		}
		d.scale(r, r.replicas-down)
		most -= down
	}
}

// available pods have been ready for minReadySeconds.
func (d *deployment) available(p *Pod) bool {
	if !p.isReady() {
		return false
	}
	left := p.readyAt + d.minReady - d.world.Clock.Now()
	if left > 0 {
		d.world.Clock.Do(left, d.poke)
	}
	return left <= 0
}

func (d *deployment) scale(r *replicaSet, replicas int) bool {
	if r.replicas == replicas {
		return false
	}
	r.replicas = replicas
	r.poke()
	return true
}
