package world

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
)

// Workload is a controller of pods that can be given a new revision.
type Workload interface {
	// Restart changes its template in nothing that matters.
	Restart() error
	// Revision names its latest template.
	Revision() string
	// Renewed counts the pods of the latest template, ready or not.
	Renewed() int
	// Missing says in what it is not yet as its spec asks; "" when it is.
	Missing() string
}

// Workload finds a controller by its kind, as in "deployment", and name; nil
// where there is none.
func (w *World) Workload(kind, namespace, name string) Workload {
	key := kind + " " + namespace + "/" + name
	for _, o := range w.owners {
		if found, ok := o.(Workload); ok && o.key() == key {
			return found
		}
	}
	return nil
}

// again is the template's next revision.
func (t *Template) again(revision int) (*Template, error) {
	next := *t
	next.lookups = lookups{}
	own := &next
	own.Hash = fmt.Sprintf("%s%d", t.Hash, revision)
	own.Labels = labels.Set{}
	for key, value := range t.Labels {
		if key != "pod-template-hash" {
			own.Labels[key] = value
		}
	}
	var err error
	own.scheduling, err = schedulingOf(own)
	return own, err
}

// Restart rolls the template out anew.
func (d *deployment) Restart() error {
	d.restarts++
	t, err := d.latest().template.again(d.restarts)
	if err == nil {
		d.rollTo(t)
	}
	return err
}

// Renewed counts the pods of the latest ReplicaSet.
func (d *deployment) Renewed() int { return len(d.latest().pods) }

// Missing says what it lacks.
func (d *deployment) Missing() string { return d.missing() }

// Scale asks for another number of pods, and returns the one before.
func (d *deployment) Scale(replicas int) int {
	before := d.replicas
	d.replicas = replicas
	d.poke()
	return before
}

// Scaled is what can be scaled.
type Scaled interface {
	Workload
	Scale(replicas int) int
	Replicas() int
}

// Replicas is how many pods it asks for.
func (d *deployment) Replicas() int { return d.replicas }

// Restart gives every pod a successor.
func (s *statefulSet) Restart() error {
	t, err := s.template.again(1)
	if err == nil {
		s.template = t
		s.poke()
	}
	return err
}

// Renewed counts the pods of the latest template.
func (s *statefulSet) Renewed() int {
	n := 0
	for _, p := range s.pods {
		if p.Template == s.template {
			n++
		}
	}
	return n
}

// Missing says what it lacks.
func (s *statefulSet) Missing() string { return s.missing() }

// Restart gives every pod a successor.
func (d *daemonSet) Restart() error {
	t, err := d.template.again(1)
	if err == nil {
		d.template = t
		d.poke()
	}
	return err
}

// Renewed counts the pods of the latest template.
func (d *daemonSet) Renewed() int {
	n := 0
	for _, p := range d.pods {
		if p.Template == d.template {
			n++
		}
	}
	return n
}

// Missing says what it lacks.
func (d *daemonSet) Missing() string { return d.missing() }

// Hang lets every process of the pod stand still, for good or again not, while
// its probes are away: to Kubernetes it is as ready as before.
func (p *Pod) Hang(on bool) {
	for _, c := range p.containers {
		if c.process != nil {
			c.process.hung = on
		}
		for _, one := range []*prober{c.readiness, c.liveness, c.startup} {
			if one != nil {
				one.off = on
				one.wake()
			}
		}
	}
}

// Hung says whether one of its processes stands still on its own.
func (p *Pod) Hung() bool {
	for _, c := range p.containers {
		if c.process != nil && c.process.hung {
			return true
		}
	}
	return false
}

// Controller is the kind of what made the pod; empty for nothing.
func (p *Pod) Controller() string {
	switch p.owner.(type) {
	case *replicaSet:
		return "ReplicaSet"
	case *statefulSet:
		return "StatefulSet"
	case *daemonSet:
		return "DaemonSet"
	}
	return ""
}

// Revision names the latest template.
func (d *deployment) Revision() string { return d.latest().template.Hash }

// Revision names the latest template.
func (s *statefulSet) Revision() string { return s.template.Hash }

// Revision names the latest template.
func (d *daemonSet) Revision() string { return d.template.Hash }
