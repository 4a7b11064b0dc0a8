package guardian

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be a hog, as its own child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hog" {
		if err := RunHog(context.Background(), os.Args[2:], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 3 && os.Args[1] == "eat" {
		eat(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

const nodeLimit = 96 << 20

// cell is a real cgroup that is limited like a node, with one process in it, and
// one more below like a pod's container.
type cell struct {
	linux
	node  Node
	group string // the container's id
}

// newCell needs root and cgroup version 1.
func newCell(t *testing.T) cell {
	t.Helper()
	const root = "/sys/fs/cgroup"
	id, group := strings.Repeat("5ea", 21)+"1", strings.Repeat("90d", 21)+"1"
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
	for _, controller := range []string{"memory", "cpu", "cpuacct", "freezer"} {
		folder := filepath.Join(root, controller, id)
		if err := os.MkdirAll(filepath.Join(folder, "cri-"+group), 0o755); err != nil {
			t.Skipf("no cgroup of version 1 can be made here: %v", err)
		}
		t.Cleanup(func() {
			for _, gone := range []string{filepath.Join(folder, "cri-"+group), folder} {
				limit := time.Now().Add(5 * time.Second)
				for err := os.Remove(gone); err != nil && !errors.Is(err, fs.ErrNotExist); err = os.Remove(gone) {
					if time.Now().After(limit) {
						t.Fatalf("%s is left: %v", gone, err)
					}
					<-time.After(10 * time.Millisecond)
				}
			}
		})
		if err := writeText(filepath.Join(folder, "cgroup.procs"), fmt.Sprint(sleeper.Process.Pid)); err != nil {
			t.Skipf("no process can be moved there: %v", err)
		}
	}
	if err := writeText(filepath.Join(root, "memory", id, "memory.limit_in_bytes"), fmt.Sprint(nodeLimit)); err != nil {
		t.Skipf("no memory limit can be set here: %v", err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() }) // before the cgroups go
	return cell{linux{host: host{proc: "/proc", cgroups: root}}, Node{Container: id, PID: sleeper.Process.Pid}, group}
}

// begin prepares and does a hog.
func (c cell) begin(t *testing.T, h Hog) (Prior, effect) {
	t.Helper()
	h.Time = time.Minute
	prior, e, err := c.prepare(Plan{ID: "x", Node: c.node, Hog: &h})
	if err == nil {
		err = e.do()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.undo(); err != nil {
			t.Error(err)
		}
	})
	return prior, e
}

// until looks at a group until it is so.
func (c cell) until(t *testing.T, group, what string, so func(Group) bool) {
	t.Helper()
	var last Group
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); <-time.After(10 * time.Millisecond) {
		var err error
		if last, err = c.linux.group(c.node, group); err != nil {
			t.Fatal(err)
		}
		if so(last) {
			return
		}
	}
	t.Fatalf("%s: %+v", what, last)
}

// clean waits until no hog is left: one that has seen a kill ends by itself.
func (c cell) clean(t *testing.T) {
	t.Helper()
	var s State
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit); <-time.After(10 * time.Millisecond) {
		if err := lookAtHogs(c.host, c.node, &s); err != nil {
			t.Fatal(err)
		}
		if len(s.Hogs) == 0 && s.OOM == "0" {
			return
		}
	}
	t.Errorf("hogs %v, oom_kill_disable %s; want none and 0", s.Hogs, s.OOM)
}

// eater runs in a cgroup, has so much memory, and takes a little more again and
// again.
func (c cell) eater(t *testing.T, group string, bytes int) *exec.Cmd {
	t.Helper()
	g, err := c.groups(c.node, group)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "eat", filepath.Join(g.memory, "cgroup.procs"), strconv.Itoa(bytes))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	c.until(t, group, "the eater does not eat", func(g Group) bool { return g.Used > int64(bytes) })
	return cmd
}

// eat is the process of an eater.
func eat(file, bytes string) {
	size, err := strconv.Atoi(bytes)
	if err == nil {
		err = writeText(file, "0")
	}
	if err != nil {
		panic(err)
	}
	var kept [][]byte
	for ; ; size = 16 << 10 {
		helping := make([]byte, size)
		for i := 0; i < size; i += 4 << 10 {
			helping[i] = 1
		}
		kept = append(kept, helping)
		runtime.KeepAlive(kept)
		time.Sleep(20 * time.Millisecond)
	}
}

func TestAHogTakesAllOfANodesMemoryAndGivesItBack(t *testing.T) {
	c := newCell(t)
	c.eater(t, "", 4<<20)
	prior, e := c.begin(t, Hog{Rate: 512 << 20, Hang: true})
	c.until(t, "", "nothing waits for memory", func(g Group) bool { return g.Waits > 0 && g.Used >= nodeLimit*98/100 })
	if g, _ := c.linux.group(c.node, ""); g.Killed > 0 {
		t.Errorf("%d were killed", g.Killed)
	}
	if err := e.undo(); err != nil {
		t.Fatal(err)
	}
	c.clean(t)
	c.until(t, "", "memory is not given back", func(g Group) bool { return g.Waits == 0 && g.Used < nodeLimit/2 })
	// A later guardian has nothing but the plan and the prior state.
	if err := c.again(Plan{Node: c.node, Hog: &Hog{}}, prior).undo(); err != nil {
		t.Error(err)
	}
}

func TestAHogThatItsGuardianLostIsSweptUp(t *testing.T) {
	c := newCell(t)
	prior, _ := c.begin(t, Hog{Rate: 512 << 20, Hang: true})
	if err := c.sweeper(c.node, prior).undo(); err != nil {
		t.Fatal(err)
	}
	c.clean(t)
}

func TestAHogWithinALimitIsTheEndOfWhatItIsBeside(t *testing.T) {
	c := newCell(t)
	g, err := c.groups(c.node, c.group)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeText(filepath.Join(g.memory, "memory.limit_in_bytes"), fmt.Sprint(32<<20)); err != nil {
		t.Fatal(err)
	}
	victim := c.eater(t, c.group, 16<<20)
	c.begin(t, Hog{Group: c.group, Rate: 256 << 20})
	ended := make(chan error, 1)
	go func() { ended <- victim.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("what the hog is beside lives on")
	}
	c.until(t, c.group, "the hog lives on", func(g Group) bool { return g.Killed > 0 && g.Used < 8<<20 })
	c.clean(t)
}

func TestAHogOfCPUComputesInItsCgroup(t *testing.T) {
	c := newCell(t)
	_, e := c.begin(t, Hog{Group: c.group, Threads: 2})
	c.until(t, c.group, "nothing was computed", func(g Group) bool { return g.Computed > 100*time.Millisecond })
	if err := e.undo(); err != nil {
		t.Fatal(err)
	}
	c.clean(t)
}

func TestAHogOfMemoryIsRefusedWhereNoLimitProtectsTheMachine(t *testing.T) {
	c := newCell(t)
	g, err := c.groups(c.node, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"-1", fmt.Sprint(1 << 50)} {
		if err := writeText(filepath.Join(g.memory, "memory.limit_in_bytes"), limit); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.prepare(Plan{ID: "x", Node: c.node, Hog: &Hog{Rate: 1}}); err == nil {
			t.Errorf("accepted with the limit %s", limit)
		}
	}
}

func TestAHogEndsWithItsGuardianAndWithItsTime(t *testing.T) {
	quiet, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	defer quiet.Close()
	file := filepath.Join(t.TempDir(), "cgroup.procs")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]hogging{
		"guardian": {Hog: Hog{Threads: 1, Time: time.Hour}, Join: []string{file}},
		"time":     {Hog: Hog{Rate: 1, Memory: 1, Time: 50 * time.Millisecond}, Join: []string{file}},
	} {
		cmd := exec.Command(os.Args[0], h.args()...)
		if name == "time" {
			cmd.Stdin = quiet
		} // no standard input is one that has ended
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil || time.Since(begun) > 20*time.Second {
			t.Errorf("%s: %v after %v: %s", name, err, time.Since(begun), out)
		}
	}
}
