package guardian

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeProc shows the test's own children, as the kernel sees them, under a
// container's cgroup.
func fakeProc(t *testing.T, pids ...int) host {
	t.Helper()
	root := t.TempDir()
	for _, pid := range pids {
		dir := filepath.Join(root, strconv.Itoa(pid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup"), []byte("0::/docker/"+id), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(fmt.Sprintf("/proc/%d/stat", pid), filepath.Join(dir, "stat")); err != nil {
			t.Fatal(err)
		}
	}
	return host{proc: root}
}

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

func stopped(t *testing.T, h host) []int {
	t.Helper()
	all, err := h.scan(Node{Container: id, PID: 1})
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
func awaitStopped(t *testing.T, h host, want []int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !slices.Equal(stopped(t, h), want) {
		if time.Now().After(deadline) {
			t.Fatalf("stopped: %v, want %v", stopped(t, h), want)
		}
	}
}

func TestAThawedNodeHasNoStoppedProcessButThoseFoundSo(t *testing.T) {
	pids := children(t, 4)
	slices.Sort(pids)
	h := fakeProc(t, pids...)
	if err := unix.Kill(pids[0], unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStopped(t, h, pids[:1])
	n := Node{Container: id, PID: 1}
	all, err := h.scan(n)
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
		"listed before": {host: h, node: n, prior: prior, listed: all},
		"listed late":   {host: h, node: n, prior: prior},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.do(); err != nil {
				t.Fatal(err)
			}
			awaitStopped(t, h, pids)
			if err := s.undo(); err != nil {
				t.Fatal(err)
			}
			awaitStopped(t, h, pids[:1])
			if err := s.undo(); err != nil {
				t.Errorf("undoing again: %v", err)
			}
		})
	}
}

func TestANumberThatNamesAnotherProcessNowIsNotSignalled(t *testing.T) {
	pids := children(t, 1)
	h := fakeProc(t, pids...)
	old := process{Process: Process{PID: pids[0], Start: 1}, name: "gone", state: 'S'}
	if live := (sigstop{host: h, listed: []process{old}}).current(); len(live) != 0 {
		t.Errorf("still listed: %v", live)
	}
}
