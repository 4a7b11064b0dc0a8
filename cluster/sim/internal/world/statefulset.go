package world

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
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
	s.replicas, s.template = replicasOf(o.Spec.Replicas), t
	s.parallel = o.Spec.PodManagementPolicy == appsv1.ParallelPodManagement
	s.onDelete = o.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
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
func (s *statefulSet) Fire(uint64) {
	s.queued = false
	for i := range s.replicas {
		p := s.pods[i]
		if p == nil {
			s.make(i)
			p = s.pods[i]
		}
		if !s.parallel && !p.isReady() {
			s.replaceBroken(i)
			return
		}
	}
	for i := range s.highest() {
		at := s.highest() - i
		if p := s.pods[at]; at >= s.replicas && p != nil {
			p.Delete(-1)
			return
		}
	}
	s.update()
}

// replaceBroken lets a pod of an old template that is not ready go, so that a
// broken revision can be repaired.
func (s *statefulSet) replaceBroken(i int) {
	if p := s.pods[i]; p.Active() && p.Template.Hash != s.template.Hash && !s.onDelete && i >= s.partition && p.Node == nil {
		p.Delete(-1)
	}
}

func (s *statefulSet) highest() int {
	highest := 0
	for i := range s.pods {
		highest = max(highest, i)
	}
	return highest
}

// update replaces one pod of an old template, the highest first, while all are
// ready.
func (s *statefulSet) update() {
	if s.onDelete {
		return
	}
	for i := s.replicas - 1; i >= s.partition; i-- {
		p := s.pods[i]
		if p == nil || !p.isReady() && p.Template.Hash == s.template.Hash {
			return
		}
		if p.Template.Hash != s.template.Hash {
			if p.Active() {
				p.Delete(-1)
			}
			return
		}
	}
}

func (s *statefulSet) make(i int) {
	p := s.world.create(s, s.template, fmt.Sprintf("%s-%d", s.name, i))
	s.pods[i] = p
	s.world.scheduler.enqueue(p)
	p.changed()
}
