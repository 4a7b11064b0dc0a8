package world

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// bound: the kubelet hears of a pod that is its own.
func (p *Pod) bound() {
	n := p.Node
	n.tells(func() {
		n.acts(0, func() {
			switch {
			case p.Gone || p.Node != n || p.started:
			case p.Deleting:
				p.remove()
			default:
				p.begin()
			}
		})
	})
}

// begin makes the sandbox, then starts the containers.
func (p *Pod) begin() {
	p.started = true
	if p.Ready { // it has lost what ran
		p.report()
	}
	t := p.Template
	for i := range t.containers {
		c := &Container{pod: p, spec: &t.containers[i]}
		c.readiness = c.prober(readinessProbe, c.spec.readiness)
		c.liveness = c.prober(livenessProbe, c.spec.liveness)
		c.startup = c.prober(startupProbe, c.spec.startup)
		p.containers = append(p.containers, c)
	}
	w := p.world
	setup := w.Draw(w.Timings.Sandbox, "sandbox", p.Node.Name)
	for range t.setup {
		setup += w.Draw(w.Timings.Start, "start", p.Node.Name) + w.Timings.Relist/2
	}
	p.sandbox(setup)
}

// sandbox makes the pod's sandbox and network, and then lets its containers
// start. Where the network plugin fails, the kubelet tries again when it syncs
// the pod next.
func (p *Pod) sandbox(setup time.Duration) {
	w, n, made := p.world, p.Node, p.containers
	n.acts(setup, func() {
		switch {
		case p.ending || p.Gone || !slices.Equal(p.containers, made): // it ends, or has been lost and begun anew
		case n.unplugged:
			p.news("FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"cni\" failed (add)")
			p.sandbox(w.Draw(w.Timings.SyncBackoff, "sync back-off", n.Name))
		default:
			p.addressed = true
			p.startFrom(0)
		}
	})
}

// startFrom starts sidecars one after the other, and the rest side by side.
func (p *Pod) startFrom(i int) {
	for ; i < len(p.containers); i++ {
		c := p.containers[i]
		c.start()
		if c.spec.sidecar {
			p.Node.acts(p.world.Timings.Start.High+p.world.Timings.Relist/2, func() {
				if !c.begun {
					c.unblocks = func() { p.startFrom(i + 1) }
					return
				}
				p.startFrom(i + 1)
			})
			return
		}
	}
}

// relist lets f happen at the kubelet's next look at the runtime.
func (p *Pod) relist(f func()) {
	w := p.world
	period := w.Timings.Relist
	phase := w.Seed.Between(0, period, "relist phase", p.Node.Name, 0)
	now := w.Clock.Now()
	ticks := max(0, now-phase)/period + 1
	p.Node.acts(phase+ticks*period-now, f)
}

// updateReady tells the API when the pod's readiness, as its kubelet sees it,
// has changed.
func (p *Pod) updateReady() {
	ready := len(p.containers) > 0
	for _, c := range p.containers {
		ready = ready && c.seen && c.ready
	}
	if ready == p.ready {
		return
	}
	p.ready = ready
	p.report()
}

// report writes the status as it will be when it arrives.
func (p *Pod) report() {
	p.Node.tells(func() {
		if p.Gone {
			return
		}
		if p.Phase == corev1.PodPending && len(p.containers) > 0 {
			p.Phase = corev1.PodRunning
			p.reachable()
		}
		p.setReady(p.ready)
	})
}

// reachable: the API has its address, which is all that some services ask for.
func (p *Pod) reachable() {
	for _, s := range p.world.servicesOf(p.Template) {
		if s.publish {
			s.poke()
		}
	}
}

// setReady changes the condition in the API.
func (p *Pod) setReady(ready bool) {
	if p.Ready == ready || p.Gone {
		return
	}
	p.Ready = ready
	p.readyAt = p.world.Clock.Now()
	if ready {
		p.tell(seatrial.Info, "ready on node %s", p.nodeName())
	} else {
		p.tell(worse(!p.Deleting), "not ready on node %s", p.nodeName())
	}
	p.changed()
}

// Delete is the API's: the object stays until its kubelet has ended the pod. A
// negative grace takes the pod's own; zero removes the object at once.
func (p *Pod) Delete(grace time.Duration) {
	if grace < 0 {
		grace = p.Template.grace
	}
	if p.Phase == corev1.PodFailed {
		grace = 0 // nothing runs (pkg/registry/core/pod/strategy.go: CheckGracefulDelete)
	}
	if p.Gone || p.Deleting && grace >= p.grace {
		return
	}
	first := !p.Deleting
	p.Deleting, p.grace = true, grace
	p.world.tallies.count(p, false)
	node := p.Node
	if node == nil || grace == 0 {
		p.remove()
	}
	if first && !p.Gone {
		p.tell(worse(p.Ready), "terminating on node %s", p.nodeName())
		p.changed()
	}
	if node != nil {
		node.tells(func() { node.acts(p.world.Draw(p.world.Timings.Signal, "signal", node.Name), p.end) })
	}
}

// end is the kubelet's part: main containers first, then sidecars, in reverse
// (kuberuntime_container.go: killContainer). All preStop hooks begin at once,
// and nothing waits for its turn beyond the grace period.
func (p *Pod) end() {
	if p.ending {
		p.hurry()
		return
	}
	p.ending = true
	if !p.started {
		p.remove()
		return
	}
	p.endingSince = p.world.Clock.Now()
	p.endFrom(len(p.containers))
	p.Node.acts(p.grace, func() {
		for _, c := range p.containers {
			if c.running && !c.killing {
				c.kill(0, 0)
			}
		}
	})
}

// hurry: another deletion has shortened the grace period.
func (p *Pod) hurry() {
	for _, c := range p.containers {
		if c.process != nil {
			p.Node.acts(max(p.grace, p.world.Timings.MinimumGrace), c.process.Exit)
		}
	}
}

// endFrom ends the containers before index i: all mains at once, or one
// sidecar.
func (p *Pod) endFrom(i int) {
	if i == 0 {
		p.teardown()
		return
	}
	from := i - 1
	for from > 0 && !p.containers[from].spec.sidecar && !p.containers[from-1].spec.sidecar {
		from--
	}
	left := i - from
	ended := func() {
		if left--; left == 0 {
			p.endFrom(from)
		}
	}
	passed := p.world.Clock.Now() - p.endingSince
	for _, c := range p.containers[from:i] {
		if !c.running {
			ended()
			continue
		}
		c.terminated = ended
		c.kill(max(0, p.grace-passed), max(0, c.spec.preStop-passed))
	}
}

// teardown takes the network away, and then the object.
func (p *Pod) teardown() {
	w, n := p.world, p.Node
	n.acts(w.Draw(w.Timings.Teardown, "teardown", n.Name), func() {
		p.addressed = false
		if p.evicted && !p.Deleting {
			n.tells(p.fail)
			return
		}
		n.acts(w.Draw(w.Timings.Removal, "removal", n.Name), func() { n.tells(p.remove) })
	})
}

// remove takes the object away.
func (p *Pod) remove() {
	if p.Gone {
		return
	}
	was := p.Ready
	p.Gone, p.Ready = true, false
	delete(p.world.pods, p.Key())
	if p.Node != nil && p.Phase != corev1.PodFailed {
		p.leave()
	}
	p.tell(worse(was && !p.Deleting), "gone from node %s", p.nodeName())
	p.changed()
}

// leave takes the pod out of its node's books.
func (p *Pod) leave() {
	p.Node.remove(p)
	p.world.tallies.count(p, false)
	p.world.tallies.change(p, false, true)
}

// changed tells everyone whom the pod may concern.
func (p *Pod) changed() {
	if p.owner != nil {
		p.owner.podChanged(p)
	}
	for _, s := range p.world.servicesOf(p.Template) {
		s.poke()
	}
	if p.Gone || p.Phase == corev1.PodFailed {
		p.world.scheduler.retry()
	}
	p.world.Clock.Changed()
}
