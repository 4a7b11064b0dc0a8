package world

import (
	"fmt"
	"testing"
	"time"
)

// endings is when the containers of a pod get SIGTERM and end, counted from
// the deletion.
type endings struct{ term, end map[string]time.Duration }

// deleted deletes the pod, and follows its containers until the object is gone.
func deleted(t *testing.T, w *World, p *Pod) endings {
	t.Helper()
	e := endings{map[string]time.Duration{}, map[string]time.Duration{}}
	processes := map[string]*Process{}
	for _, c := range p.containers {
		processes[c.spec.name] = c.process
	}
	from := w.Clock.Now()
	p.Delete(-1)
	for !p.Gone {
		for name, process := range processes {
			if _, known := e.term[name]; !known && (process.draining || process.ended) {
				e.term[name] = w.Clock.Now() - from
			}
			if _, known := e.end[name]; !known && process.ended {
				e.end[name] = w.Clock.Now() - from
			}
		}
		if w.Clock.Now()-from > long {
			t.Fatal("the object does not go")
		}
		sleep(t, w, 5*time.Millisecond)
	}
	return e
}

// slack is for the deletion to reach the kubelet, and for the sampling.
const slack = 300 * time.Millisecond

func (e endings) want(t *testing.T, name string, term, end time.Duration) {
	t.Helper()
	within(t, name+" gets SIGTERM", e.term[name], term, term+slack)
	within(t, name+" ends", e.end[name], end, end+slack)
}

// withContainers makes a pod's manifest of containers; init are sidecars.
func withContainers(grace int, init, mains string) string {
	return barePod("shop", "app: shop", fmt.Sprintf(`{terminationGracePeriodSeconds: %d, initContainers: [%s], containers: [%s]}`, grace, init, mains))
}

func container(name, flags, more string) string {
	return fmt.Sprintf(`{name: %s, command: [/seatrial-agent, app], args: [--listen=:1, %s]%s}`, name, orNone(flags), prefix(more))
}

func sidecar(name, flags, more string) string {
	return container(name, flags, "restartPolicy: Always"+prefix(more))
}

// pkg/kubelet/kuberuntime/kuberuntime_container.go: killContainer. preStop,
// then SIGTERM; SIGKILL at the end of the grace period, from which preStop is
// deducted, but two seconds after SIGTERM at the earliest.
func TestAContainerEndsByPreStopThenSIGTERMThenSIGKILL(t *testing.T) {
	const ignore, preStop = "--on-sigterm=ignore", "lifecycle: {preStop: {sleep: {seconds: %d}}}"
	hook := func(seconds int) string { return fmt.Sprintf(preStop, seconds) }
	for _, c := range []struct {
		name      string
		grace     int
		flags     string
		hook      string
		term, end time.Duration // seconds
	}{
		{"obeys", 30, "--on-sigterm=exit", "", 0, 0},
		{"drains", 30, "--drain-time=4s", "", 0, 4},
		{"drains too long", 10, "--drain-time=20s", "", 0, 10},
		{"drains after preStop", 30, "--drain-time=4s", hook(5), 5, 9},
		{"preStop is deducted", 30, "--drain-time=60s", hook(10), 10, 30},
		{"preStop as long as the grace", 5, "--drain-time=60s", hook(5), 5, 7},
		{"preStop longer than the grace", 5, "--drain-time=60s", hook(50), 5, 7},
		{"one second is two", 1, "--drain-time=60s", "", 0, 2},
		{"preStop leaves one second", 10, "--drain-time=60s", hook(9), 9, 11},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 1, Seed: 1})
			give(t, w, withContainers(c.grace, "", container("app", c.flags, c.hook)))
			until(t, w, "the pod", func() bool { return only(t, w).Ready })
			sleep(t, w, time.Second)
			deleted(t, w, only(t, w)).want(t, "app", c.term*time.Second, c.end*time.Second)
		})
	}
	t.Run("ignores", func(t *testing.T) {
		w := newWorld(t, Config{Workers: 1, Seed: 1})
		give(t, w, withContainers(8, "", container("app", ignore, "")))
		until(t, w, "the pod", func() bool { return only(t, w).Ready })
		sleep(t, w, time.Second)
		within(t, "SIGKILL", deleted(t, w, only(t, w)).end["app"], 8*time.Second, 8*time.Second+slack)
	})
}

// Story 5b: a fast container is gone while a slow one still serves.
func TestPlainContainersEndAllAtOnce(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(30, "", container("app", "--drain-time=10s", "")+","+container("proxy", "--on-sigterm=exit", "")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	sleep(t, w, time.Second)
	e := deleted(t, w, only(t, w))
	e.want(t, "app", 0, 10*time.Second)
	e.want(t, "proxy", 0, 0)
}

// kuberuntime_termination_order.go: a sidecar waits for the mains and for the
// sidecars after it, but not beyond the grace period; its preStop hook does not
// wait.
func TestSidecarsEndAfterTheMainsInReverse(t *testing.T) {
	for _, c := range []struct {
		name                    string
		first, second, app      string // flags
		hook                    string // of the first sidecar
		firstT, firstE          time.Duration
		secondT, secondE, appsE time.Duration
	}{
		{"in reverse", "--drain-time=1s", "--drain-time=2s", "--drain-time=4s", "", 6, 7, 4, 6, 4},
		{"its hook is over by then", "--drain-time=1s", "--drain-time=2s", "--drain-time=4s", "lifecycle: {preStop: {sleep: {seconds: 5}}}", 6, 7, 4, 6, 4},
		{"its hook takes longer", "--drain-time=1s", "--drain-time=2s", "--drain-time=4s", "lifecycle: {preStop: {sleep: {seconds: 9}}}", 9, 10, 4, 6, 4},
		{"the mains use up the grace", "--drain-time=1s", "--drain-time=9s", "--drain-time=60s", "", 20, 21, 20, 22, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 1, Seed: 1})
			give(t, w, withContainers(20, sidecar("first", c.first, c.hook)+","+sidecar("second", c.second, ""), container("app", c.app, "")))
			until(t, w, "the pod", func() bool { return only(t, w).Ready })
			sleep(t, w, time.Second)
			e := deleted(t, w, only(t, w))
			e.want(t, "app", 0, c.appsE*time.Second)
			e.want(t, "second", c.secondT*time.Second, c.secondE*time.Second)
			e.want(t, "first", c.firstT*time.Second, c.firstE*time.Second)
		})
	}
}

// kuberuntime_manager.go: computeInitContainerActions.
func TestMainsWaitForTheStartupProbeOfASidecar(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(30, sidecar("proxy", "--startup=15s", "startupProbe: {periodSeconds: 1, failureThreshold: 60, tcpSocket: {port: 1}}"), container("app", "", "")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	p := only(t, w)
	within(t, "from sidecar to main", p.containers[1].startedAt-p.containers[0].startedAt, 15*time.Second, 17*time.Second)
}

// A second deletion can only shorten the grace period.
func TestAnotherDeletionShortensTheGrace(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(60, "", container("app", "--drain-time=10m", "")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	p := only(t, w)
	process := p.containers[0].process
	p.Delete(-1)
	sleep(t, w, 10*time.Second)
	p.Delete(100 * time.Second) // means nothing
	p.Delete(5 * time.Second)
	sleep(t, w, 4*time.Second)
	if process.ended {
		t.Error("ended before the shorter grace period")
	}
	sleep(t, w, time.Second+slack)
	if !process.ended {
		t.Error("goes on after the shorter grace period")
	}
}

// kubectl delete --force --grace-period=0: the object is gone at once, the
// process two seconds later.
func TestAForcedDeletionTakesTheObjectFirst(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(60, "", container("app", "--drain-time=10m", "lifecycle: {preStop: {sleep: {seconds: 5}}}")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	p := only(t, w)
	process := p.containers[0].process
	p.Delete(0)
	if !p.Gone || process.ended {
		t.Errorf("gone %v, ended %v", p.Gone, process.ended)
	}
	sleep(t, w, 2*time.Second+slack)
	if !process.ended {
		t.Error("its process goes on")
	}
}

// A frozen node's kubelet does nothing; what was due happens at the thaw.
func TestADeletionWaitsForAFrozenNode(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(5, "", container("app", "--drain-time=1m", "")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	p := only(t, w)
	p.Delete(-1)
	sleep(t, w, time.Second)
	p.Node.Freeze(false)
	sleep(t, w, 20*time.Second)
	if p.containers[0].process == nil {
		t.Error("ended on a frozen node")
	}
	p.Node.Thaw()
	thawed := w.Clock.Now()
	gone := until(t, w, "its end", func() bool { return p.Gone })
	within(t, "the end after the thaw", gone-thawed, 0, 2*time.Second)
}

// A pod keeps its address and stays ready until its containers are gone, so
// that connections that come late are still served.
func TestATerminatingPodServesUntilItsProcessEnds(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, withContainers(30, "", container("app", "--drain-time=20s", "")))
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	p := only(t, w)
	p.Delete(-1)
	sleep(t, w, 19*time.Second)
	if !p.Ready || !p.Addressed() || !p.Listener(1).Listening() || !p.Listener(1).Draining() {
		t.Errorf("ready %v, addressed %v", p.Ready, p.Addressed())
	}
	sleep(t, w, 2*time.Second)
	if p.Addressed() || p.Listener(1) != nil {
		t.Error("it should have no network any more")
	}
}
