package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/runner"
)

// cpuTimes is /proc/stat's first line, in its own unit (proc(5)): all of the
// machine's CPU time, what of it was idle, and what its host gave to others.
type cpuTimes struct{ all, idle, steal float64 }

func readCPUTimes(t testing.TB) cpuTimes {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var c cpuTimes
	for i, field := range strings.Fields(line)[1:] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(err)
		}
		c.all += n
		switch i {
		case 3:
			c.idle = n
		case 7:
			c.steal = n
		}
	}
	return c
}

// cpuSince returns a function that tells which shares of the machine's CPU time
// were idle, and were stolen, meanwhile.
func cpuSince(t testing.TB) func() (idle, stolen float64) {
	t.Helper()
	was := readCPUTimes(t)
	return func() (float64, float64) {
		now := readCPUTimes(t)
		all := max(1, now.all-was.all)
		return (now.idle - was.idle) / all, (now.steal - was.steal) / all
	}
}

// stopped counts the stopped processes of a node's pods, kubelet and runtime,
// read from /proc and so independent of seatrial.
func stopped(t *testing.T, node string) int {
	t.Helper()
	id := docker(t, "inspect", "--format", "{{.Id}}", node)
	paths, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range paths {
		group, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(group, []byte(id)) {
			continue // a process that ended meanwhile, or another's
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(path), "stat"))
		if err == nil && regexp.MustCompile(`\) [Tt] `).Match(stat) {
			count++
		}
	}
	return count
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// wantAllWell checks, by docker and /proc alone, that nothing of a fault is
// left on any node, and that the ledger is empty.
func wantAllWell(t *testing.T) {
	t.Helper()
	for _, node := range strings.Fields(docker(t, "ps", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}")) {
		if !strings.HasPrefix(node, "seatrial-") {
			continue
		}
		if n := stopped(t, node); n > 0 {
			t.Errorf("%d processes of %s are still stopped", n, node)
		}
		if state := docker(t, "inspect", "--format", "{{.State.Status}}", node); state != "running" {
			t.Errorf("node %s is %s", node, state)
		}
	}
	wantEmptyLedgers(t)
}

func wantEmptyLedgers(t *testing.T) {
	t.Helper()
	folder, err := backend.Ledgers()
	if err != nil {
		t.Fatal(err)
	}
	refs, err := runner.Ledgers(folder)
	if err != nil || len(refs) > 0 {
		t.Errorf("ledgers of %v are left, %v", refs, err)
	}
}

func awaitThaw(t *testing.T, node string, limit time.Duration) time.Duration {
	t.Helper()
	for since := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if stopped(t, node) == 0 {
			return time.Since(since)
		}
		if time.Since(since) > limit {
			t.Fatalf("%s is still frozen %s after", node, limit)
		}
	}
}

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}
