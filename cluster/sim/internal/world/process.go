package world

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seatrial/seatrial/load/app"
)

// Process is the application in a container, from its start to its exit.
type Process struct {
	Pod  *Pod
	App  *app.Config
	Port int
	Rand *rand.Rand // of its service times

	container *Container
	listening bool
	draining  bool
	ended     bool
	hung      bool
	without   []string      // volumes that were lost when it started
	cpuFree   time.Duration // when it is done with the requests so far, beside a hog
	readyAt   time.Duration
	backend   Backend
}

// Backend is what holds a process's connections and requests; it is told what
// becomes of the process.
type Backend interface {
	Freeze()
	Thaw()
	// Shutdown closes what is idle, finishes what is in flight, and then calls
	// [Process.Exit].
	Shutdown()
	// Exit breaks whatever is left.
	Exit()
}

// Backend is what serves the process's connections; made by need.
func (p *Process) Backend(make func() Backend) Backend {
	if p.backend == nil {
		p.backend = make()
	}
	return p.backend
}

// Listening says whether connections are accepted.
func (p *Process) Listening() bool { return p.listening }

// Draining says whether answers ask for their connection to be closed.
func (p *Process) Draining() bool { return p.draining }

// Broken says whether the process has lost the volume of its data.
func (p *Process) Broken() bool {
	return p.container.spec.data != "" && slices.Contains(p.without, p.container.spec.data)
}

// Still says whether the process stands still.
func (p *Process) Still() bool { return p.hung || p.Pod.Node.frozen }

// launch starts the container's application.
func (c *Container) launch() {
	p := &Process{Pod: c.pod, container: c, App: c.spec.app, Port: c.spec.port, without: slices.Clone(c.pod.lost)}
	p.Rand = c.pod.world.Seed.Rand("service time", c.identity())
	c.process = p
	launch := c.pod.world.Draw(c.pod.world.Timings.Launch, "launch", c.pod.Node.Name)
	p.uses()
	c.pod.Node.does(launch+p.App.Startup, func() {
		if p.ended {
			return
		}
		p.listening = true
		p.readyAt = c.pod.world.Clock.Now() + p.App.ReadyDelay
		c.wakeProbers()
		c.pod.Node.does(p.App.ReadyDelay, c.wakeProbers)
	})
}

// ready says what /readyz answers.
func (p *Process) ready() bool {
	return p.listening && !p.draining && !p.Broken() && p.Pod.world.Clock.Now() >= p.readyAt
}

// Terminate is SIGTERM.
func (p *Process) Terminate() {
	if p.ended || p.draining || p.hung {
		return
	}
	switch p.App.Terminate {
	case app.Ignore:
	case app.Exit:
		p.Exit()
	default:
		if !p.listening { // a signal during start-up ends it
			p.Exit()
			return
		}
		p.draining = true
		p.container.wakeProbers()
		p.Pod.Node.does(p.App.DrainTime, p.shutdown)
	}
}

func (p *Process) shutdown() {
	if p.ended {
		return
	}
	p.listening = false
	if p.backend == nil {
		p.Exit()
		return
	}
	p.backend.Shutdown()
}

// Exit ends the process, at once.
func (p *Process) Exit() {
	if p.ended {
		return
	}
	p.ended, p.listening = true, false
	if p.backend != nil {
		p.backend.Exit()
	}
	p.container.exited()
	p.frees()
}
