package guardian

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// groupOf is a cgroup's folder that names the test's own children.
func groupOf(t *testing.T, pids ...int) string {
	t.Helper()
	var text strings.Builder
	for _, pid := range pids {
		fmt.Fprintln(&text, pid)
	}
	return tree(t, map[string]string{"cgroup.procs": text.String()})
}

// kernel is the real one.
var kernel = host{proc: "/proc"}

func children(t *testing.T, n int) []int {
	t.Helper()
	var pids []int
	for range n {
		cmd := exec.Command("sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		pids = append(pids, cmd.Process.Pid)
	}
	return pids
}

func stopped(t *testing.T, group string) []int {
	t.Helper()
	all, err := kernel.scan(group, 1)
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, p := range all {
		if p.state == 'T' {
			pids = append(pids, p.PID)
		}
	}
	slices.Sort(pids)
	return pids
}

// awaitStopped waits for signals to arrive, which the kernel does not promise
// at once.
func awaitStopped(t *testing.T, group string, want []int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !slices.Equal(stopped(t, group), want) {
		if time.Now().After(deadline) {
			t.Fatalf("stopped: %v, want %v", stopped(t, group), want)
		}
	}
}

func TestAThawedNodeHasNoStoppedProcessButThoseFoundSo(t *testing.T) {
	pids := children(t, 4)
	slices.Sort(pids)
	group := groupOf(t, pids...)
	if err := unix.Kill(pids[0], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, group, pids[:1])
	all, err := kernel.scan(group, 1)
	if err != nil {
		t.Fatal(err)
	}
	var prior Prior
	for _, p := range all {
		if p.state == 'T' {
			prior.Stopped = append(prior.Stopped, p.Process)
		}
	}
	for name, s := range map[string]sigstop{
		"listed before": {host: kernel, group: group, init: 1, prior: prior, listed: all},
		"listed late":   {host: kernel, group: group, init: 1, prior: prior},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.do(); err != nil {
				t.Fatal(err)
			}
			awaitStopped(t, group, pids)
			if err := s.undo(); err != nil {
				t.Fatal(err)
			}
			awaitStopped(t, group, pids[:1])
			if err := s.undo(); err != nil {
				t.Errorf("undoing again: %v", err)
			}
		})
	}
}

func TestANumberThatNamesAnotherProcessNowIsNotSignalled(t *testing.T) {
	pids := children(t, 1)
	old := process{Process: Process{PID: pids[0], Start: 1}, name: "gone", state: 'S'}
	if live := (sigstop{host: kernel, listed: []process{old}}).current(); len(live) != 0 {
		t.Errorf("still listed: %v", live)
	}
}
