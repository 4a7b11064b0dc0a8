package world

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// daemonSet keeps one pod on every node that takes it.
type daemonSet struct {
	world     *World
	namespace string
	name      string
	template  *Template
	onDelete  bool
	pods      []*Pod
	made      uint64
	queued    bool
}

func (w *World) applyDaemonSet(o *appsv1.DaemonSet) error {
	t, err := w.template(orDefault(o.Namespace), &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec)
	if err != nil {
		return err
	}
	// pkg/controller/daemon/util: AddOrUpdateDaemonPodTolerations.
	for _, taint := range []corev1.Taint{
		{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoExecute},
		{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute},
		{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeDiskPressure, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodeMemoryPressure, Effect: corev1.TaintEffectNoSchedule},
		{Key: corev1.TaintNodePIDPressure, Effect: corev1.TaintEffectNoSchedule}} {
		t.Spec.Tolerations = append(t.Spec.Tolerations,
			corev1.Toleration{Key: taint.Key, Effect: taint.Effect, Operator: corev1.TolerationOpExists})
	}
	if t.scheduling, err = schedulingOf(t); err != nil {
		return err
	}
	d := &daemonSet{world: w, namespace: t.Namespace, name: o.Name, template: t,
		onDelete: o.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType}
	for i, other := range w.owners {
		if set, ok := other.(*daemonSet); ok && set.key() == d.key() {
			d.pods, d.made = set.pods, set.made
			for _, p := range d.pods {
				p.owner = d
			}
			w.owners[i] = d
			d.poke()
			return nil
		}
	}
	w.owners = append(w.owners, d)
	d.poke()
	return nil
}

func (d *daemonSet) key() string { return "daemonset " + d.namespace + "/" + d.name }

func (d *daemonSet) system() bool { return d.namespace == systemNamespace }

func (d *daemonSet) podChanged(p *Pod) {
	if p.Gone {
		d.pods = slices.DeleteFunc(d.pods, func(o *Pod) bool { return o == p })
	}
	d.poke()
}

func (d *daemonSet) missing() string {
	want, ready := 0, 0
	for _, n := range d.world.Nodes {
		if d.wants(n) {
			want++
		}
	}
	for _, p := range d.pods {
		if p.isReady() && !p.Node.gone && p.Template.Hash == d.template.Hash {
			ready++
		}
	}
	if ready < want {
		return fmt.Sprintf("%d of %d ready", ready, want)
	}
	return ""
}

// wants: a daemon's pod goes where its selector and its tolerations let it,
// cordoned or not.
func (d *daemonSet) wants(n *Node) bool {
	s := &d.template.scheduling
	return s.selects(n) && s.tolerates(n)
}

func (d *daemonSet) poke() {
	if d.queued {
		return
	}
	d.queued = true
	d.world.Clock.After(d.world.soon(d.name), d, 0)
}

// Fire is one sync. The pods carry a node affinity of their own, so the
// scheduler has nothing to choose.
func (d *daemonSet) Fire(uint64) {
	if d.world.stall(d) {
		return
	}
	d.queued = false
	has := map[*Node]*Pod{}
	for _, p := range slices.Clone(d.pods) {
		if p.Phase == corev1.PodFailed {
			p.Delete(0) // and another comes
			continue
		}
		has[p.Node] = p
	}
	for _, n := range d.world.Nodes {
		if has[n] == nil && d.wants(n) {
			d.made++
			p := d.world.create(d, d.template, d.name+"-"+d.world.suffix(d.name, d.made))
			d.pods = append(d.pods, p)
			p.bind(n)
		}
	}
	d.update()
}

// update replaces old pods (rollingUpdate): all that are not ready anyway, and
// one other while nothing else is unavailable (maxUnavailable 1). A pod that is
// being deleted is that one.
func (d *daemonSet) update() {
	if d.onDelete {
		return
	}
	budget := 1
	var ready []*Pod
	for _, p := range d.pods {
		old := p.Template.Hash != d.template.Hash
		switch {
		case !p.isReady():
			budget--
			if old && p.Active() {
				p.Delete(-1)
			}
		case old:
			ready = append(ready, p)
		}
	}
	for _, p := range ready[:min(max(0, budget), len(ready))] {
		p.Delete(-1)
	}
}
