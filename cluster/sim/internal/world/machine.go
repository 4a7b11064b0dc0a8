package world

import (
	"slices"
	"time"
)

// machine is how the node really is, whatever the API says.
type machine struct {
	frozen    bool // nothing on it runs; its kernel may. It is stopped, or hangs
	stopped   bool // by a freeze
	silent    bool // no packet comes in or out
	off       bool // it has no power
	blind     bool // its kubelet does not run
	cut       bool // it and the control plane do not reach each other
	headless  bool // its container runtime does not run
	unplugged bool // its network plugin fails
	cores     float64
	throttled float64
	cpuFree   time.Duration // when its CPU is done with the requests so far
	cpuHogs   []*CPUHog
	downSince uint64 // of the timer after which its kubelet misses the runtime
	memory

	waiting []func() // what its processes would have done, had they run
	idle    []func() // what its kubelet would have done, had it run
	outbox  []func() // what passed between it and the API server, had that answered
}

// Frozen says whether a freeze lets processes stand still.
func (n *Node) Frozen() bool { return n.stopped }

// Silent says whether packets from and to the node are lost.
func (n *Node) Silent() bool { return n.silent }

// reaches says whether the kubelet runs and reaches the API server.
func (n *Node) reaches() bool { return n.renews() && n.world.up }

// renews says whether the kubelet could renew its lease, were there an API
// server.
func (n *Node) renews() bool { return !n.frozen && !n.silent && !n.blind && !n.cut }

// watches says whether other clients on the node, such as kube-proxy, hear of
// changes.
func (n *Node) watches() bool { return !n.frozen && !n.silent && !n.cut }

// kubelet says whether the kubelet can act on containers.
func (n *Node) kubelet() bool { return !n.frozen && !n.blind && !n.headless }

// change lets the state of the machine be changed, and everyone hear of it.
func (n *Node) change(to func()) {
	n.proxy.catchUp(n)
	watched := n.watches()
	to()
	if !watched && n.watches() {
		n.proxy.resume(n.world.Clock.Now())
	}
	n.world.lifecycle.reach(n)
	n.goOn()
	n.world.Clock.Changed()
}

// goOn does what can be done now and could not before.
func (n *Node) goOn() {
	catchUp(&n.waiting, func() bool { return !n.frozen })
	catchUp(&n.idle, n.kubelet)
}

// catchUp does what has waited, one after the other: what is done may let the
// node stand still again.
func catchUp(waiting *[]func(), can func() bool) {
	for len(*waiting) > 0 && can() {
		next := (*waiting)[0]
		*waiting = (*waiting)[1:]
		next()
	}
}

// Freeze lets everything on the node stand still; silent loses its packets,
// too.
func (n *Node) Freeze(silent bool) {
	if !n.stopped {
		n.stand(func() { n.stopped, n.silent = true, silent })
	}
}

// Thaw lets it go on. What was due while it stood still happens now.
func (n *Node) Thaw() {
	if n.stopped && !n.off && !n.gone {
		n.stand(func() { n.stopped, n.silent = false, false })
	}
}

// stand lets change what makes the node stand still: a freeze, or memory that
// is not there.
func (n *Node) stand(to func()) {
	was := n.frozen
	n.grow() // as far as hogs came until now
	n.change(func() {
		to()
		n.frozen = n.stopped || n.hung
	})
	for p := range n.processes() {
		switch {
		case p.backend == nil || was == n.frozen:
		case n.frozen:
			p.backend.Freeze()
		default:
			p.backend.Thaw()
		}
	}
	n.weigh()
}

// PowerOff ends everything on the node without a word.
func (n *Node) PowerOff() {
	if n.off {
		return
	}
	n.Freeze(true)
	n.off = true
	if n.ControlPlane {
		n.world.Down(true)
	}
	for p := range n.processes() {
		p.Exit()
	}
	n.forgetHogs()
}

// Off says whether the node has no power.
func (n *Node) Off() bool { return n.off }

// PowerOn boots it: the kubelet begins anew with every pod that is bound to it.
func (n *Node) PowerOn() {
	if !n.off || n.gone {
		return
	}
	n.waiting, n.idle, n.outbox = nil, nil, nil
	n.off, n.blind = false, true
	for _, p := range slices.Clone(n.pods) {
		p.lose()
	}
	n.Thaw()
	n.world.Clock.Do(n.world.Draw(n.world.Timings.Boot, "boot", n.Name), func() {
		n.StartKubelet()
		if n.ControlPlane {
			n.world.Down(false)
		}
		n.forgetPressure()
		for _, p := range slices.Clone(n.pods) {
			p.bound()
		}
	})
}

// lose forgets what ran: the pod's sandbox went with the power.
func (p *Pod) lose() {
	p.addressed, p.started, p.ready = false, false, false
	p.containers = nil
	p.ending, p.evicted = false, false
}

// StopKubelet lets the kubelet end; pods go on.
func (n *Node) StopKubelet() { n.change(func() { n.blind = true }) }

// StartKubelet lets it run again. Until 1.35 a kubelet that starts takes no pod
// with a readiness probe for ready before it has probed it.
func (n *Node) StartKubelet() {
	if !n.blind {
		return
	}
	n.change(func() { n.blind = false })
	if !n.world.forgetful {
		return
	}
	for _, p := range n.pods {
		for _, c := range p.containers {
			c.readiness.forget()
		}
		p.updateReady()
	}
}

// Blind says whether no kubelet runs.
func (n *Node) Blind() bool { return n.blind }

// Partition cuts the node off from the control plane, and from nobody else.
func (n *Node) Partition(on bool) {
	if n.cut != on {
		n.change(func() { n.cut = on })
	}
}

// Partitioned says whether it is.
func (n *Node) Partitioned() bool { return n.cut }

// StopRuntime ends the container runtime: containers go on, and nothing is
// started or ended. The kubelet misses it after a while, and says so.
func (n *Node) StopRuntime() {
	if n.headless {
		return
	}
	n.change(func() { n.headless = true })
	n.downSince++
	since := n.downSince
	t := n.world.Timings
	n.does(t.RuntimeMissed+n.world.Draw(Range{0, t.StatusUpdate}, "status tick", n.Name), func() {
		if n.headless && n.downSince == since {
			n.tells(func() { n.world.lifecycle.reported(n, false) })
		}
	})
}

// StartRuntime lets it run again.
func (n *Node) StartRuntime() {
	if !n.headless {
		return
	}
	n.change(func() { n.headless = false })
	n.downSince++
	n.does(n.world.Draw(Range{0, n.world.Timings.RuntimeCheck}, "runtime check", n.Name), func() {
		n.tells(func() { n.world.lifecycle.reported(n, true) })
	})
}

// BreakCNI lets the network plugin fail, or work again.
func (n *Node) BreakCNI(on bool) {
	n.unplugged = on
	n.world.Clock.Changed()
}

// CNIBroken says whether it fails.
func (n *Node) CNIBroken() bool { return n.unplugged }

// Headless says whether no runtime runs.
func (n *Node) Headless() bool { return n.headless }

// Throttled is the cores that are left to the node; zero means all.
func (n *Node) Throttled() float64 { return n.throttled }

// Throttle leaves so many cores to the node; zero lifts the limit.
func (n *Node) Throttle(cpus float64) { n.throttled, n.cpuFree = cpus, 0 }

// Beat lets f be called after d if something on the node can run then.
func (n *Node) Beat(d time.Duration, f func()) {
	n.world.Clock.Do(d, func() {
		if !n.frozen {
			f()
		}
	})
}

// does lets something on the node happen after d, or when the node runs again.
func (n *Node) does(d time.Duration, f func()) {
	n.world.Clock.Do(d, func() {
		if n.frozen {
			n.waiting = append(n.waiting, f)
			return
		}
		f()
	})
}

// acts is [Node.does] for the kubelet and its runtime.
func (n *Node) acts(d time.Duration, f func()) {
	n.world.Clock.Do(d, func() {
		if !n.kubelet() {
			n.idle = append(n.idle, f)
			return
		}
		f()
	})
}

// tells lets something pass between the kubelet and the API, now or when they
// reach each other again.
func (n *Node) tells(f func()) {
	if !n.reaches() {
		n.outbox = append(n.outbox, f)
		return
	}
	n.world.Clock.Do(n.world.Draw(n.world.Timings.Watch, "status", n.Name), func() {
		if !n.reaches() {
			n.outbox = append(n.outbox, f)
			return
		}
		f()
	})
}

// Down takes the control plane away, or brings it back. What is running goes
// on; nobody decides anything.
func (w *World) Down(down bool) {
	if w.up != down {
		return
	}
	w.up = !down
	if down {
		w.Clock.Changed()
		return
	}
	w.lifecycle.restart()
	stalled := w.stalled
	w.stalled = nil
	for _, c := range stalled {
		w.Clock.After(w.soon("restart"), c, 0)
	}
	w.Clock.Changed()
}

// Up says whether the API server answers.
func (w *World) Up() bool { return w.up }

// stall says whether the controller is to do nothing: its object was deleted,
// or the control plane is away, and it will be called when that is back.
func (w *World) stall(c controller) bool {
	if o, owned := c.(owner); owned && w.deleted[o] {
		return true
	}
	if !w.up {
		w.stalled = append(w.stalled, c)
	}
	return !w.up
}

// whenUp does f, now or when the control plane is back.
func (w *World) whenUp(f func()) {
	if w.up {
		f()
		return
	}
	w.stalled = append(w.stalled, later(f))
}

// later is a controller that is one call.
type later func()

// Fire calls it.
func (f later) Fire(uint64) { f() }

// controller is what acts on changes.
type controller interface{ Fire(uint64) }
