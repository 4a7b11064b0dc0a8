package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Service is a name and a virtual address in front of pods.
type Service struct {
	Namespace, Name string

	world    *World
	selector labels.Selector
	publish  bool // publishNotReadyAddresses
	ports    []corev1.ServicePort
	views    []View // as the API had them, the latest last
	members  []*Pod // that it selects, sorted by name; some may be gone
	queued   bool
}

// View is what a kube-proxy knows of a service: whom it sends connections to.
type View struct {
	Ready   []*Pod // ready and not terminating
	Serving []*Pod // ready and terminating: used only if none is Ready

	change int // the number of this change among all services'
}

// Endpoints are the pods that new connections go to (pkg/proxy/topology.go:
// CategorizeEndpoints).
func (v *View) Endpoints() []*Pod {
	if len(v.Ready) > 0 {
		return v.Ready
	}
	return v.Serving
}

func (w *World) applyService(o *corev1.Service) error {
	s := w.Service(orDefault(o.Namespace), o.Name)
	if s == nil {
		s = &Service{world: w, Namespace: orDefault(o.Namespace), Name: o.Name, views: []View{{change: -1}}}
		w.services = append(w.services, s)
		w.generation++
	}
	s.selector, s.ports, s.publish = labels.Nothing(), o.Spec.Ports, o.Spec.PublishNotReadyAddresses
	if len(o.Spec.Selector) > 0 {
		s.selector = labels.SelectorFromSet(o.Spec.Selector)
	}
	switch {
	case o.Spec.Type == corev1.ServiceTypeExternalName:
		return fmt.Errorf("type ExternalName is not modelled")
	case o.Spec.ClusterIP == corev1.ClusterIPNone:
		w.warn("service %s is headless: the simulator spreads its connections like those of a virtual address", s.Name)
	case o.Spec.SessionAffinity == corev1.ServiceAffinityClientIP:
		w.warn("service %s: session affinity has no effect in the simulator", s.Name)
	case o.Spec.InternalTrafficPolicy != nil && *o.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal:
		w.warn("service %s: internalTrafficPolicy has no effect in the simulator", s.Name)
	}
	s.members = w.Pods(s.Namespace, s.selector)
	s.poke()
	return nil
}

// join takes a new pod in.
func (s *Service) join(p *Pod) {
	i, _ := slices.BinarySearchFunc(s.members, p, byName)
	s.members = slices.Insert(s.members, i, p)
}

func byName(a, b *Pod) int { return strings.Compare(a.Name, b.Name) }

// Service finds a service; nil where there is none.
func (w *World) Service(namespace, name string) *Service {
	for _, s := range w.services {
		if s.Namespace == namespace && s.Name == name {
			return s
		}
	}
	return nil
}

// Lookup finds a service by a host name as a pod in a namespace writes it, such
// as "shop", "shop.default" or "shop.default.svc.cluster.local"; nil where
// there is none.
func (w *World) Lookup(host, namespace string) *Service {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 1 {
		namespace = parts[1]
	}
	if len(parts) > 2 && strings.Join(parts[2:], ".") != "svc" && strings.Join(parts[2:], ".") != "svc.cluster.local" {
		return nil
	}
	return w.Service(namespace, parts[0])
}

// Port is the first that the service has.
func (s *Service) Port() int { return int(s.ports[0].Port) }

// Target is the process behind a port of the service in a pod; nil where
// nothing runs that listens on it.
func (s *Service) Target(p *Pod, port int) *Process {
	for _, sp := range s.ports {
		if int(sp.Port) == port {
			return p.process(sp)
		}
	}
	return nil
}

// Serves says whether the service has the port.
func (s *Service) Serves(port int) bool {
	return slices.ContainsFunc(s.ports, func(sp corev1.ServicePort) bool { return int(sp.Port) == port })
}

func (p *Pod) process(sp corev1.ServicePort) *Process {
	port := sp.TargetPort.IntValue()
	for _, c := range p.containers {
		if number, named := c.spec.ports[sp.TargetPort.StrVal]; sp.TargetPort.StrVal != "" && named {
			port = number
		}
	}
	if port == 0 {
		port = int(sp.Port)
	}
	return p.Listener(port)
}

// Listener is the process of the pod that has the port; nil where none runs.
func (p *Pod) Listener(port int) *Process {
	for _, c := range p.containers {
		if c.process != nil && c.process.Port == port {
			return c.process
		}
	}
	return nil
}

// servicesOf are the services that select pods of a template.
func (w *World) servicesOf(t *Template) []*Service {
	if t.generation != w.generation {
		t.generation, t.services = w.generation, nil
		for _, s := range w.services {
			if s.Namespace == t.Namespace && s.selector.Matches(t.Labels) {
				t.services = append(t.services, s)
			}
		}
	}
	return t.services
}

func (s *Service) poke() {
	if s.queued {
		return
	}
	s.queued = true
	s.world.Clock.After(s.world.soon(s.Name), s, 0)
}

// Fire is one sync of the EndpointSlice controller.
func (s *Service) Fire(uint64) {
	if s.world.stall(s) {
		return
	}
	s.queued = false
	v := View{change: len(s.world.changes)}
	s.members = slices.DeleteFunc(s.members, func(p *Pod) bool { return p.Gone })
	for _, p := range s.members {
		switch {
		// A pod whose node is not there is left out, unless it is published
		// whatever it is (staging/src/k8s.io/endpointslice/reconciler.go).
		case p.Node != nil && p.Node.gone && !s.publish:
		case !p.addressed, p.Phase == corev1.PodFailed, p.Phase == corev1.PodSucceeded:
		case s.publish, p.Ready && !p.Deleting:
			v.Ready = append(v.Ready, p)
		case p.Ready:
			v.Serving = append(v.Serving, p)
		}
	}
	last := &s.views[len(s.views)-1]
	if slices.Equal(last.Ready, v.Ready) && slices.Equal(last.Serving, v.Serving) {
		return
	}
	s.views = append(s.views, v)
	s.world.changes = append(s.world.changes, s.world.Clock.Now())
}

// proxy is how far a node's kube-proxy has come with the changes of services.
type proxy struct {
	applied  int           // changes that are in its rules
	lastSync time.Duration // when it last wrote them
	resumed  time.Duration // when it last began to run again
}

// View is what the node's kube-proxy knows of the service now.
func (n *Node) View(s *Service) *View {
	n.proxy.catchUp(n)
	for i := len(s.views) - 1; i > 0; i-- {
		if s.views[i].change < n.proxy.applied {
			return &s.views[i]
		}
	}
	return &s.views[0]
}

// catchUp replays what it has heard since the last call: at most one sync in
// ProxyMinSync, each with all changes that it knows of by then.
func (p *proxy) catchUp(n *Node) {
	w := n.world
	for n.watches() && p.applied < len(w.changes) {
		sync := max(p.hears(n, p.applied), p.lastSync+w.Timings.ProxyMinSync)
		apply := w.Timings.ProxyApply
		if sync+w.Seed.Between(apply.Low, apply.High, "proxy apply", n.Name, uint64(p.applied)) > w.Clock.Now() {
			return
		}
		p.lastSync = sync
		for p.applied < len(w.changes) && p.hears(n, p.applied) <= sync {
			p.applied++
		}
	}
}

// hears is when the change is known on the node.
func (p *proxy) hears(n *Node, change int) time.Duration {
	w, t := n.world, n.world.Timings
	lag := w.Seed.Between(t.Watch.Low, t.Watch.High, "proxy", n.Name, uint64(change))
	return max(w.changes[change], p.resumed) + lag
}

func (p *proxy) resume(now time.Duration) { p.resumed = now }
