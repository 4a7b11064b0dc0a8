package world

import "time"

// probeKind says what follows from a probe.
type probeKind int

const (
	readinessProbe probeKind = iota
	livenessProbe
	startupProbe
)

// prober is one probe of one container. It sleeps while the answer can only be
// the one that is known; whatever may change it wakes it at the next tick of
// its period. pkg/kubelet/prober/worker.go.
type prober struct {
	container *Container
	kind      probeKind
	spec      *probeSpec
	phase     time.Duration // when its worker began to tick
	running   bool          // the kubelet has seen the container run
	armed     bool
	off       bool // it was taken away
	turn      uint64
	result    bool
	inRow     int  // answers like the last one
	last      bool // the last answer
}

func (c *Container) prober(kind probeKind, spec *probeSpec) *prober {
	if spec == nil {
		return nil
	}
	return &prober{container: c, kind: kind, spec: spec, phase: c.pod.world.Clock.Now(), result: kind == livenessProbe}
}

// begin: the kubelet sees the container run. Readiness is probed at once, the
// others at their worker's ticks.
func (p *prober) begin() {
	if p == nil || p.running {
		return
	}
	p.running = true
	if p.kind == readinessProbe {
		p.trigger()
		return
	}
	p.wake()
}

// trigger probes at once, and every period from here: what happens to the
// readiness of a container that has started and is not ready whenever its pod
// is synced (prober_manager.go: UpdatePodStatus; worker.go: manualTriggerCh).
func (p *prober) trigger() {
	if p == nil || !p.running {
		return
	}
	p.phase = p.container.pod.world.Clock.Now()
	p.Fire(p.arm())
}

// forget what was found, as a kubelet does that starts: its workers wait for a
// random part of their period first, so that not all probe at once (worker.go:
// run).
func (p *prober) forget() {
	if p == nil || !p.running {
		return
	}
	c := p.container
	p.inRow, p.result, c.ready = 0, false, false
	p.phase = c.pod.world.Clock.Now() + c.pod.world.Draw(Range{0, p.spec.period}, "first probe", c.identity())
	c.pod.world.Clock.At(p.phase, p, p.arm())
}

func (p *prober) reset() {
	if p == nil {
		return
	}
	p.running, p.armed, p.inRow, p.result = false, false, 0, p.kind == livenessProbe
	p.turn++
}

func (p *prober) arm() uint64 {
	p.armed = true
	p.turn++
	return p.turn
}

// wake sets the timer for the next tick.
func (p *prober) wake() {
	if p == nil || p.armed || !p.running {
		return
	}
	now := p.container.pod.world.Clock.Now()
	ticks := (now-p.phase)/p.spec.period + 1
	p.container.pod.world.Clock.At(p.phase+ticks*p.spec.period, p, p.arm())
}

// Fire is one probe.
func (p *prober) Fire(turn uint64) {
	c := p.container
	switch {
	case turn != p.turn || !p.armed:
		return
	case c.pod.Node.frozen || c.pod.Node.blind: // it goes on with the tick that it missed
		c.pod.Node.idle = append(c.pod.Node.idle, func() { p.Fire(turn) })
		return
	}
	p.armed = false
	if p.idle() {
		return
	}
	if c.pod.world.Clock.Now()-c.startedAt < p.spec.delay {
		p.wake()
		return
	}
	if c.process != nil && c.process.listening && c.process.hung { // connected, and no answer
		turn := p.arm()
		c.pod.Node.acts(p.spec.timeout, func() {
			if turn == p.turn && p.armed {
				p.armed = false
				p.answer()
			}
		})
		return
	}
	p.answer()
}

// answer is the end of a probe.
func (p *prober) answer() {
	if p.idle() {
		return
	}
	p.take(p.ask())
	if !p.settled() {
		p.wake()
	}
}

// idle probes wait for something else first: the startup probe; liveness ends
// with the pod.
func (p *prober) idle() bool {
	c := p.container
	return p.off || !p.running || !c.begun && p.kind != startupProbe || c.begun && p.kind == startupProbe ||
		c.pod.ending && p.kind != readinessProbe
}

// ask is the application's answer.
func (p *prober) ask() bool {
	process := p.container.process
	switch {
	case process == nil || !process.listening || process.hung:
		return false
	case p.spec.path == "/readyz":
		return process.ready()
	}
	return true
}

// take counts an answer, and acts when the threshold is reached.
func (p *prober) take(answer bool) {
	if answer != p.last {
		p.inRow = 0
	}
	p.last = answer
	p.inRow++
	if threshold := p.threshold(answer); p.inRow < threshold || p.inRow > threshold && p.result == answer {
		return
	}
	p.result = answer
	p.act()
}

func (p *prober) threshold(answer bool) int {
	if answer {
		return p.spec.success
	}
	return p.spec.failures
}

func (p *prober) act() {
	c := p.container
	switch {
	case p.kind == readinessProbe:
		c.ready = p.result
		c.pod.updateReady()
		if !p.result {
			p.trigger()
		}
	case p.kind == startupProbe && p.result:
		c.begin()
		if c.readiness == nil {
			c.ready = true
			c.pod.updateReady()
		}
		c.readiness.trigger()
		c.wakeProbers()
	case !p.result:
		grace := c.pod.Template.grace
		if p.spec.grace > 0 {
			grace = p.spec.grace
		}
		c.kill(grace, c.spec.preStop)
	}
}

// settled: another probe would say the same, and change nothing.
func (p *prober) settled() bool {
	switch {
	case p.kind == startupProbe: // worker.go: onHold
		return p.inRow >= p.threshold(p.last)
	case p.kind == livenessProbe && !p.result:
		return true // it is being killed
	}
	return p.last == p.result && p.inRow >= p.threshold(p.last) && p.container.process != nil && !p.container.process.hung
}
