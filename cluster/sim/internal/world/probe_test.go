package world

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// hang lets the application of a pod stand still, while its kernel goes on
// accepting connections.
func hang(p *Pod, on bool) {
	for _, c := range p.containers {
		c.process.hung = on
		c.wakeProbers()
	}
}

// one boots a cluster with one pod and waits until it is ready.
func one(t *testing.T, seed int, flags, container string) (*World, *Pod) {
	t.Helper()
	w := newWorld(t, Config{Workers: 1, Seed: virtual.Seed(seed)})
	give(t, w, deploy("shop", 1, "", appPod(flags, container)))
	settle(t, w)
	return w, only(t, w)
}

// The defaults are period 10, timeout 1, failures 3 (pkg/apis/core/v1/
// defaults.go: SetDefaults_Probe). The third failure in a row is 20 to 30 s
// after the application hangs, and each takes its second to time out.
func TestAHungApplicationIsNotReadyAfter21To31Seconds(t *testing.T) {
	const seeds = 100
	var sum time.Duration
	for seed := range seeds {
		w, p := one(t, seed, "", `readinessProbe: {httpGet: {path: /readyz, port: 8080}}`)
		sleep(t, w, w.Seed.Between(time.Minute, 2*time.Minute, "hang", "", 0))
		hung := w.Clock.Now()
		hang(p, true)
		noticed := until(t, w, "NotReady", func() bool { return !p.Ready })
		within(t, "NotReady", noticed-hung, 21*time.Second, 31*time.Second+100*time.Millisecond)
		sum += noticed - hung
		// It is never restarted: that would take a liveness probe.
		sleep(t, w, 5*time.Minute)
		if p.restarts() != 0 {
			t.Error("restarted")
		}
		back := w.Clock.Now()
		hang(p, false)
		ready := until(t, w, "Ready", func() bool { return p.Ready })
		within(t, "Ready again", ready-back, 0, 10*time.Second+100*time.Millisecond)
	}
	within(t, "the mean", sum/seeds, 25*time.Second, 27*time.Second)
}

func TestAnApplicationThatHangsBrieflyStaysReady(t *testing.T) {
	w, p := one(t, 1, "", `readinessProbe: {httpGet: {path: /readyz, port: 8080}}`)
	sleep(t, w, time.Minute)
	hang(p, true)
	w.Clock.Do(19*time.Second, func() { hang(p, false) })
	during(t, w, 2*time.Minute, func() {
		if !p.Ready {
			t.Fatal("NotReady")
		}
	})
}

// Without a readiness probe a container is ready as soon as it has started, and
// stays so (prober_manager.go: UpdatePodStatus).
func TestAPodWithoutAReadinessProbeIsReadyBeforeItListens(t *testing.T) {
	w, p := one(t, 1, "--startup=1m", "")
	if p.Listener(8080).Listening() {
		t.Error("it listens already")
	}
	hang(p, true)
	sleep(t, w, 10*time.Minute)
	if !p.Ready {
		t.Error("NotReady")
	}
}

// worker.go: doProbe. Readiness is asked only once the startup probe has
// passed, and then at once (prober_manager.go: UpdatePodStatus).
func TestAStartupProbeGatesTheOthers(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("--startup=35s", `startupProbe: {periodSeconds: 10, failureThreshold: 6, tcpSocket: {port: 8080}},
		livenessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /livez, port: 8080}},
		readinessProbe: {periodSeconds: 60, httpGet: {path: /readyz, port: 8080}}`)))
	until(t, w, "the pod", func() bool { return len(w.Pods("default", everything)) == 1 })
	p := only(t, w)
	passed := until(t, w, "Ready", func() bool { return p.Ready })
	started := p.containers[0].startedAt
	within(t, "Ready", passed-started, 35*time.Second, 45*time.Second+200*time.Millisecond)
	if p.restarts() != 0 {
		t.Errorf("%d restarts before it had started", p.restarts())
	}
}

func TestAStartupProbeThatNeverPassesRestartsTheContainer(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("--startup=10m", `startupProbe: {periodSeconds: 10, failureThreshold: 3, tcpSocket: {port: 8080}}`)))
	until(t, w, "the pod", func() bool { return len(w.Pods("default", everything)) == 1 })
	p := only(t, w)
	for p.restarts() == 0 && w.Clock.Now() < time.Minute {
		sleep(t, w, 100*time.Millisecond)
	}
	// Failures at 10, 20 and 30 s of the worker; SIGTERM during start-up ends it.
	within(t, "the restart", w.Clock.Now()-p.createdAt, 30*time.Second, 33*time.Second)
	if p.Ready {
		t.Error("Ready though it never started")
	}
}

// worker.go: liveness failures restart the container, which keeps its pod.
func TestALivenessProbeRestartsAHungContainer(t *testing.T) {
	for _, c := range []struct {
		name, more string
		low, high  time.Duration
	}{
		// 20 to 30 s to the third failure, 1 s for it to time out, SIGKILL after
		// the grace period of 5 s.
		{"the pod's grace", ``, 26 * time.Second, 37 * time.Second},
		{"the probe's grace", `, terminationGracePeriodSeconds: 15`, 36 * time.Second, 47 * time.Second},
	} {
		w := newWorld(t, Config{Workers: 1, Seed: 1})
		give(t, w, deploy("shop", 1, "", `{terminationGracePeriodSeconds: 5, containers: [{name: app, command: [/seatrial-agent, app], args: [--on-sigterm=ignore],
			livenessProbe: {httpGet: {path: /livez, port: 8080}`+c.more+`}}]}`))
		settle(t, w)
		p := only(t, w)
		sleep(t, w, time.Minute)
		hung := w.Clock.Now()
		hang(p, true)
		restarted := until(t, w, "a restart", func() bool { return p.restarts() == 1 })
		within(t, c.name, restarted-hung, c.low, c.high)
		settle(t, w)
		if only(t, w) != p {
			t.Error("it is another pod")
		}
	}
}

// A liveness kill runs the preStop hook, too (kuberuntime_container.go:
// killContainer).
func TestALivenessKillRunsThePreStopHook(t *testing.T) {
	w, p := one(t, 1, "", `livenessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /livez, port: 8080}}, lifecycle: {preStop: {sleep: {seconds: 7}}}`)
	sleep(t, w, time.Minute)
	hung := w.Clock.Now()
	hang(p, true)
	restarted := until(t, w, "a restart", func() bool { return p.restarts() == 1 })
	// A process that stands still does not take SIGTERM: it ends with the grace
	// period of 30 s, of which the hook is a part.
	within(t, "the restart", restarted-hung, 31*time.Second, 34*time.Second)
}

func TestAProbeWaitsForItsInitialDelay(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", `readinessProbe: {initialDelaySeconds: 20, periodSeconds: 5, httpGet: {path: /readyz, port: 8080}}`)))
	settle(t, w)
	p := only(t, w)
	within(t, "Ready after the start", p.readyAt-p.containers[0].startedAt, 20*time.Second, 25*time.Second+200*time.Millisecond)
}

func TestASuccessThresholdTakesThatManyProbes(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, deploy("shop", 1, "", appPod("", `readinessProbe: {successThreshold: 3, periodSeconds: 5, httpGet: {path: /readyz, port: 8080}}`)))
	settle(t, w)
	p := only(t, w)
	// At once, or 5 s later where the application was not up yet, and 5 and 10 s
	// after that.
	within(t, "Ready after the start", p.readyAt-p.containers[0].startedAt, 10*time.Second, 17*time.Second)
}

// doBackOff and client-go/util/flowcontrol/backoff.go: at once, then 10 s from
// the end, doubling up to 300 s, and from the beginning after running for 600 s.
func TestRestartsBackOff(t *testing.T) {
	w, p := one(t, 1, "", "")
	c := p.containers[0]
	crash := func(want time.Duration) {
		t.Helper()
		ended, before := w.Clock.Now(), c.restarts
		c.process.Exit()
		for c.restarts == before || !c.running {
			sleep(t, w, 100*time.Millisecond)
		}
		within(t, "the back-off", c.startedAt-ended, want, want+1500*time.Millisecond)
	}
	for _, seconds := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300} {
		crash(seconds * time.Second)
	}
	sleep(t, w, 10*time.Minute)
	crash(0)
	crash(10 * time.Second)
	sleep(t, w, 9*time.Minute) // not long enough
	crash(20 * time.Second)
}

// prober/prober_manager.go: UpdatePodStatus; with the kubelet of 1.34, a worker
// begins without a result, and a pod without one is not ready.
func TestARestartedKubeletOf134TakesProbedPodsOutUntilItHasProbedThem(t *testing.T) {
	for version, want := range map[string]bool{"v1.34.1": true, "v1.35.0": false, "v1.37.1": false} {
		for _, probe := range []string{readyz, ""} {
			w := newWorld(t, Config{Workers: 1, Seed: 1, Kubernetes: version})
			give(t, w, deploy("shop", 4, "", appPod("", probe)))
			settle(t, w)
			n := w.Node("worker")
			n.StopKubelet()
			sleep(t, w, 5*time.Second) // not long enough for anyone to notice
			n.StartKubelet()
			out := map[string]bool{}
			during(t, w, 10*time.Minute, func() {
				for _, p := range n.pods {
					if !p.Ready {
						out[p.Name] = true
					}
				}
			})
			if got := len(out) == 4; got != (want && probe != "") || len(out)%4 != 0 {
				t.Errorf("%s, probe %q: %d of 4 pods were NotReady, want all: %v", version, probe, len(out), want && probe != "")
			}
			if missing := w.Missing(); missing != nil {
				t.Errorf("%s, probe %q: in the end %q", version, probe, missing)
			}
		}
	}
}
