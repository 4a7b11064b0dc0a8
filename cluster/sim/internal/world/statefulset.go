package world

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// statefulSet keeps pods with names of their own, one after the other.
type statefulSet struct {
	world     *World
	namespace string
	name      string
	replicas  int
	parallel  bool
	onDelete  bool
	partition int
	template  *Template
	claims    []corev1.PersistentVolumeClaim // templates, one claim a pod of each
	pods      map[int]*Pod
	queued    bool
}

func (w *World) applyStatefulSet(o *appsv1.StatefulSet) error {
	t, err := w.template(orDefault(o.Namespace), &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec)
	if err != nil {
		return err
	}
	var s *statefulSet
	for _, other := range w.owners {
		if set, ok := other.(*statefulSet); ok && set.namespace == t.Namespace && set.name == o.Name {
			s = set
		}
	}
	if s == nil {
		s = &statefulSet{world: w, namespace: t.Namespace, name: o.Name, pods: map[int]*Pod{}}
		w.owners = append(w.owners, s)
	}
	s.replicas, s.template, s.claims = replicasOf(o.Spec.Replicas), t, o.Spec.VolumeClaimTemplates
	s.parallel = o.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
	s.onDelete = o.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	s.partition = 0
	if rolling := o.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		s.partition = int(*rolling.Partition)
	}
	s.poke()
	return nil
}

func (s *statefulSet) key() string { return "statefulset " + s.namespace + "/" + s.name }

func (s *statefulSet) system() bool { return s.namespace == systemNamespace }

func (s *statefulSet) podChanged(p *Pod) {
	for i, own := range s.pods {
		if own == p && p.Gone {
			delete(s.pods, i)
		}
	}
	s.poke()
}

func (s *statefulSet) missing() string {
	ready := 0
	for i, p := range s.pods {
		if i < s.replicas && p.isReady() && (s.onDelete || i < s.partition || p.Template.Hash == s.template.Hash) {
			ready++
		}
	}
	switch {
	case ready < s.replicas:
		return fmt.Sprintf("%d of %d ready", ready, s.replicas)
	case len(s.pods) > s.replicas:
		return fmt.Sprintf("%d too many", len(s.pods)-s.replicas)
	}
	return ""
}

func (s *statefulSet) poke() {
	if s.queued {
		return
	}
	s.queued = true
	s.world.Clock.After(s.world.soon(s.name), s, 0)
}

// Fire is one sync (pkg/controller/statefulset: updateStatefulSet): create in
// order, each once its predecessor is ready; a pod that terminates is not
// replaced before its object is gone; scale down and update from the end.
// A pod of a broken revision is not replaced while it is not ready: that takes
// somebody who deletes it, as on a real cluster.
func (s *statefulSet) Fire(uint64) {
	if s.world.stall(s) {
		return
	}
	s.queued = false
	for i := range s.replicas {
		if p := s.pods[i]; p != nil && p.Phase == corev1.PodFailed {
			p.Delete(0) // and another comes
		}
		if s.pods[i] == nil {
			s.make(i)
		}
		if !s.parallel && !s.pods[i].isReady() {
			return
		}
	}
	if s.condemn() {
		return
	}
	s.update()
}

// condemn deletes what is beyond the replicas, the highest first, and says
// whether the rest has to wait for it (processCondemned).
func (s *statefulSet) condemn() bool {
	for i := s.highest(); i >= s.replicas; i-- {
		p := s.pods[i]
		if p == nil || s.parallel && p.Deleting {
			continue
		}
		p.Delete(-1)
		if !s.parallel {
			return true
		}
	}
	return false
}

func (s *statefulSet) highest() int {
	highest := -1
	for i := range s.pods {
		highest = max(highest, i)
	}
	return highest
}

// update replaces pods of an old template, the highest first, while no more
// than one is unavailable (updateStatefulSetAfterInvariantEstablished). Those
// that are not ready anyway go first; only Parallel ever finds any.
func (s *statefulSet) update() {
	if s.onDelete {
		return
	}
	budget := 1
	for i := range s.replicas {
		if !s.pods[i].isReady() {
			budget--
		}
	}
	for i := s.replicas - 1; i >= s.partition; i-- {
		if p := s.pods[i]; s.old(p) && !p.Ready && p.Active() {
			p.Delete(-1)
		}
	}
	for i := s.replicas - 1; i >= s.partition && budget > 0; i-- {
		if p := s.pods[i]; s.old(p) && p.isReady() {
			p.Delete(-1)
			budget--
		}
	}
}

func (s *statefulSet) old(p *Pod) bool { return p.Template.Hash != s.template.Hash }

func (s *statefulSet) make(i int) {
	p := s.world.create(s, s.template, fmt.Sprintf("%s-%d", s.name, i))
	s.pods[i] = p
	for _, c := range s.claims { // pkg/controller/statefulset: getPersistentVolumeClaims
		p.claims[c.Name] = s.world.claim(s.namespace, fmt.Sprintf("%s-%s", c.Name, p.Name), &c.Spec)
	}
	s.world.scheduler.enqueue(p)
	p.changed()
}
