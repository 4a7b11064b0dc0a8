package world

import (
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// Container is one container of a pod on its node.
type Container struct {
	pod     *Pod
	spec    *containerSpec
	process *Process // nil while none runs

	running    bool // as its runtime knows
	seen       bool // as its kubelet knows since the last relist
	ready      bool
	begun      bool // its startup probe has passed, or it has none
	unblocks   func()
	startedAt  time.Duration
	endedAt    time.Duration
	restarts   int
	oomKills   int
	oomKilled  bool // its last end was one
	backoff    time.Duration
	killing    bool
	readiness  *prober
	liveness   *prober
	startup    *prober
	terminated func() // called once when it has ended for good
}

// Container finds one by its name; an empty one is the first that is no sidecar.
// It is nil where there is none, or the pod has not begun.
func (p *Pod) Container(name string) *Container {
	for _, c := range p.containers {
		if c.spec.name == name || name == "" && !c.spec.sidecar {
			return c
		}
	}
	return nil
}

// Runs says whether its process runs.
func (c *Container) Runs() bool { return c.process != nil }

// OOMKills counts the kernel's kills for want of memory.
func (c *Container) OOMKills() int { return c.oomKills }

// identity names the container's process for draws, the same in every variant:
// by the pod's place in its controller rather than its random name.
func (c *Container) identity() string {
	return fmt.Sprintf("%s/%d/%s/%d", c.pod.Namespace, c.pod.serial, c.spec.name, c.restarts)
}

// start makes the container's process, once the image is unpacked and the
// runtime has done its part.
func (c *Container) start() {
	n := c.pod.Node
	n.acts(c.pod.world.Draw(c.pod.world.Timings.Start, "start", n.Name), func() {
		if c.pod.ending || c.running {
			return
		}
		c.running, c.killing, c.oomKilled = true, false, false
		c.startedAt = c.pod.world.Clock.Now()
		c.begun = false
		if c.spec.startup == nil {
			c.begin()
		}
		c.launch()
		c.pod.relist(c.observe)
	})
}

// begin: it counts as started, so what waits for a sidecar goes on.
func (c *Container) begin() {
	c.begun = true
	if f := c.unblocks; f != nil {
		c.unblocks = nil
		c.pod.Node.acts(0, f)
	}
}

// observe is the kubelet's next look at the runtime.
func (c *Container) observe() {
	if !c.running {
		return
	}
	c.seen = true
	for _, p := range []*prober{c.startup, c.readiness, c.liveness} {
		p.begin()
	}
	if c.readiness == nil {
		c.ready = c.begun
	}
	c.pod.updateReady()
	c.pod.report()
}

func (c *Container) wakeProbers() {
	for _, p := range []*prober{c.startup, c.readiness, c.liveness} {
		p.wake()
	}
}

// kill sends SIGTERM after preStop, which the grace period limits, and SIGKILL
// at the end of the grace period, but no sooner than two seconds after SIGTERM.
// All of it counts from now.
func (c *Container) kill(grace time.Duration, preStop time.Duration) {
	if c.killing {
		return
	}
	c.killing = true
	n, p := c.pod.Node, c.process
	if p == nil || p.ended {
		c.exited()
		return
	}
	preStop = min(preStop, grace)
	n.acts(preStop, p.Terminate)
	n.acts(max(grace, preStop+c.pod.world.Timings.MinimumGrace), p.Exit)
}

// exited is told by the process. Whoever waits for it to end, as
// killContainersWithSyncResult does, hears of it at once; otherwise the kubelet
// sees it at its next look.
func (c *Container) exited() {
	c.running, c.seen, c.ready = false, false, false
	c.process = nil
	c.endedAt = c.pod.world.Clock.Now()
	if f := c.terminated; f != nil {
		c.terminated = nil
		f()
	}
	c.pod.relist(func() {
		if c.running {
			return
		}
		c.pod.updateReady()
		if !c.pod.ending {
			c.restart()
		}
	})
}

// lastEnd says how it ended, where that says more than that it did.
func (c *Container) lastEnd() string {
	if c.oomKilled {
		return " (OOMKilled, exit code 137)"
	}
	return ""
}

// restart backs off: the first time at once, then 10 s, doubling, and from the
// beginning when it ran long enough.
func (c *Container) restart() {
	t := c.pod.world.Timings
	if c.endedAt-c.startedAt >= t.BackoffReset {
		c.backoff = 0
	}
	wait := c.backoff
	c.backoff = min(max(2*c.backoff, t.BackoffFirst), t.BackoffLimit)
	c.restarts++
	c.pod.tell(seatrial.Warning, "container %s restarted%s", c.spec.name, c.lastEnd())
	for _, p := range []*prober{c.startup, c.readiness, c.liveness} {
		p.reset()
	}
	c.pod.report()
	// It counts from the end (kuberuntime_manager.go: doBackOff).
	c.pod.Node.acts(max(0, c.endedAt+wait-c.pod.world.Clock.Now()), c.start)
}
