package world

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
)

// newWorld makes a cluster that ends with the test.
func newWorld(t *testing.T, c Config) *World {
	t.Helper()
	clock := virtual.NewClock()
	t.Cleanup(clock.Close)
	w, err := New(clock, c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func give(t *testing.T, w *World, manifests ...string) {
	t.Helper()
	for _, m := range manifests {
		if err := w.Apply([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// sleep lets virtual time pass.
func sleep(t *testing.T, w *World, d time.Duration) {
	t.Helper()
	if err := w.Clock.Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// long is more than anything here takes.
const long = time.Hour

// until waits for a condition that the cluster reports, and returns when it
// was.
func until(t *testing.T, w *World, what string, cond func() bool) time.Duration {
	t.Helper()
	ctx, cancel := w.Clock.WithTimeout(t.Context(), long)
	defer cancel()
	if err := w.Clock.Until(ctx, cond); err != nil {
		t.Fatalf("%s did not come: %v; missing: %q", what, err, w.Missing())
	}
	return w.Clock.Now()
}

func settle(t *testing.T, w *World) {
	t.Helper()
	until(t, w, "the settled cluster", func() bool { return w.Missing() == nil })
}

// during calls see after every change that the API shows, for so long.
func during(t *testing.T, w *World, d time.Duration, see func()) {
	t.Helper()
	ctx, cancel := w.Clock.WithTimeout(t.Context(), d)
	defer cancel()
	err := w.Clock.Until(ctx, func() bool { see(); return false })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// sampled calls see every millisecond, which is shorter than any reaction of a
// controller.
func sampled(t *testing.T, w *World, d time.Duration, see func()) {
	t.Helper()
	for range d / time.Millisecond {
		see()
		sleep(t, w, time.Millisecond)
	}
}

// within fails where a time is not in [low, high].
func within(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %v, want between %v and %v", what, got, low, high)
	}
}

// appPod is a pod's spec with the sample application; more is fields of its
// only container.
func appPod(flags, more string) string {
	return fmt.Sprintf(`{containers: [{name: app, image: seatrial, command: [/seatrial-agent, app], args: [--drain-time=0s, %s]%s}]}`,
		orNone(flags), prefix(more))
}

func orNone(flags string) string {
	if flags == "" {
		return "--seed=1"
	}
	return flags
}

func prefix(more string) string {
	if more == "" {
		return ""
	}
	return ", " + more
}

// readyz probes readiness every second.
const readyz = `readinessProbe: {periodSeconds: 1, httpGet: {path: /readyz, port: 8080}}`

// deploy is a Deployment's manifest; spec is further fields of its spec.
func deploy(name string, replicas int, spec, pod string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {replicas: %[2]d%[3]s,
selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: %[4]s}}}`, name, replicas, prefix(spec), pod)
}

// barePod is the manifest of a pod without a controller.
func barePod(name, labels, spec string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {%s}}, spec: %s}`, name, labels, spec)
}

// only is the one pod of the default namespace.
func only(t *testing.T, w *World) *Pod {
	t.Helper()
	pods := w.Pods("default", everything)
	if len(pods) != 1 {
		t.Fatalf("%d pods, want 1", len(pods))
	}
	return pods[0]
}

// perNode counts the pods of the default namespace that are not terminating.
func perNode(w *World) map[string]int {
	count := map[string]int{}
	for _, p := range w.Pods("default", everything) {
		if p.Active() {
			count[p.nodeName()]++
		}
	}
	return count
}
