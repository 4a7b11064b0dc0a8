package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// first is how a run on kind came to its first request.
type first struct {
	after        time.Duration // the command's start
	idle, stolen float64       // shares of the machine's CPU time until then
	cluster      string
	reused       bool // it was there
}

func (f first) String() string {
	return fmt.Sprintf("first request after %.1f s; %.0f %% of the CPU time was idle, and %.0f %% stolen",
		f.after.Seconds(), 100*f.idle, 100*f.stolen)
}

// firstRequest runs one of testdata/e2e's scenarios to its end.
func (e *e2e) firstRequest(t testing.TB, name string) first {
	t.Helper()
	began, cpu := time.Now(), cpuSince(t)
	c, _, messages := e.start(t, "run", "--on", "kind", "--out", e.runs, scenario(t, name))
	await(t, messages, `(load begins)`, 10*time.Minute)
	f := first{after: time.Since(began)}
	f.idle, f.stolen = cpu()
	if err := c.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, messages)
	}
	f.cluster = await(t, messages, `cluster (seatrial-\S+):`, time.Second)
	f.reused = strings.Contains(messages.String(), "reusing cluster")
	return f
}

// BenchmarkE2EStart holds the promise on a start, the first request within 15 s
// where a cluster is there, beside a start that has to boot one.
func BenchmarkE2EStart(b *testing.B) {
	e := kindE2E(b)
	for b.Loop() {
		cold := e.firstRequest(b, "short.yaml")
		if cold.reused {
			if out, err := exec.Command(e.binary, "clusters", "delete", cold.cluster).CombinedOutput(); err != nil {
				b.Fatalf("deleting cluster %s: %v\n%s", cold.cluster, err, out)
			}
			cold = e.firstRequest(b, "short.yaml")
		}
		warm := e.firstRequest(b, "short.yaml")
		if cold.reused || !warm.reused {
			b.Fatalf("reused a cluster: first %v, then %v; want false, true", cold.reused, warm.reused)
		}
		b.Logf("cold: %v", cold)
		b.Logf("warm: %v", warm)
		b.ReportMetric(cold.after.Seconds(), "cold-s")
		b.ReportMetric(warm.after.Seconds(), "warm-s")
	}
}
