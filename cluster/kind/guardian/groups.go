package guardian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// groups are the cgroups of a node, or of a container there, in the hierarchies
// of memory and of CPU. On version 2 these are one.
type groups struct {
	memory, cpu string
	accounts    string // of CPU time, which some hosts keep in a hierarchy of its own
	v2          bool
	node        bool // not a container's
}

// groups of a node's container, or of a container within it.
func (h host) groups(n Node, container string) (groups, error) {
	text, err := os.ReadFile(h.path(n.PID, "cgroup"))
	if err != nil {
		return groups{}, fmt.Errorf("reading the cgroups of the node's init: %w", err)
	}
	paths, err := cgroupPaths(string(text), n.Container)
	if err != nil {
		return groups{}, err
	}
	memory, hasMemory := paths["memory"]
	cpu, hasCPU := paths["cpu"]
	accounts, hasAccounts := paths["cpuacct"]
	var g groups
	if hasMemory && hasCPU && hasAccounts {
		g = groups{memory: h.mount(memory, "memory"), cpu: h.mount(cpu, "cpu"), accounts: h.mount(accounts, "cpuacct"), node: true}
	} else if unified, ok := paths[""]; ok {
		folder := filepath.Join(h.unified(), unified.path)
		g = groups{memory: folder, cpu: folder, accounts: folder, v2: true, node: true}
	} else {
		return groups{}, fmt.Errorf("container %.12s has no memory or no CPU cgroup of its own", n.Container)
	}
	if container == "" {
		return g, nil
	}
	return g.below(container)
}

// below finds the cgroups of a container in those of its node.
func (g groups) below(container string) (groups, error) {
	memory, err := folderOf(g.memory, container)
	if err != nil || g.v2 {
		return groups{memory: memory, cpu: memory, accounts: memory, v2: g.v2}, err
	}
	cpu, err := folderOf(g.cpu, container)
	if err != nil {
		return groups{}, err
	}
	accounts, err := folderOf(g.accounts, container)
	return groups{memory: memory, cpu: cpu, accounts: accounts}, err
}

// folderOf is the folder below root that is named after a container, as in
// "cri-containerd-ID.scope".
func folderOf(root, container string) (string, error) {
	found := ""
	err := eachGroup(root, func(path string) error {
		if strings.Contains(filepath.Base(path), container) {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	if err == nil && found == "" {
		err = fmt.Errorf("container %.12s has no cgroup on its node: %w", container, fs.ErrNotExist)
	}
	return found, err
}

// leaf is the file that takes a hog of that kind in. On version 2 a node's own
// cgroup takes none, since it has others below.
func (g groups) leaf(folder string, kind Part) (string, error) {
	if g.v2 && g.node {
		folder = filepath.Join(folder, hogName(kind))
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("making a cgroup for a hog: %w", err)
		}
	}
	return filepath.Join(folder, "cgroup.procs"), nil
}

// prune removes what leaf made for hogs of that kind, who are gone.
func (g groups) prune(kind Part) error {
	if !g.v2 {
		return nil
	}
	if err := os.Remove(filepath.Join(g.memory, hogName(kind))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the cgroup of a hog: %w", err)
	}
	return nil
}

// events is the file that counts kills.
func (g groups) events() string {
	if g.v2 {
		return filepath.Join(g.memory, "memory.events")
	}
	return filepath.Join(g.memory, "memory.oom_control")
}

// knob decides what becomes of those who need memory when it is out.
func (g groups) knob() string {
	if g.v2 {
		return filepath.Join(g.memory, "memory.high")
	}
	return filepath.Join(g.memory, "memory.oom_control")
}

// oom is how the knob is turned: see [Prior].
func (g groups) oom() (string, error) {
	text, err := readText(g.knob())
	if err != nil || g.v2 {
		return text, err
	}
	off, known := field(text, "oom_kill_disable")
	if !known {
		return "", fmt.Errorf("%s does not say whether the kernel kills", g.knob())
	}
	return strconv.FormatUint(off, 10), nil
}

// hang lets what needs memory wait, rather than be killed. Version 2 has no such
// knob; there what allocates is held back from where the node is now.
func (g groups) hang() error {
	if !g.v2 {
		return writeText(g.knob(), "1")
	}
	used, err := number(filepath.Join(g.memory, "memory.current"))
	if err != nil {
		return err
	}
	return writeText(g.knob(), strconv.FormatInt(used, 10))
}

// restore turns the knob back, also of cgroups below that were made meanwhile:
// on version 1 they began as their parent was.
func (g groups) restore(oom string) error {
	if g.v2 {
		return writeText(g.knob(), oom)
	}
	return eachGroup(g.memory, func(path string) error {
		here := groups{memory: path}
		now, err := here.oom()
		if err == nil && now != oom {
			err = writeText(here.knob(), oom)
		}
		if path != g.memory {
			err = unlessGone(err)
		}
		return err
	})
}

// unbounded is from where on a limit of version 1 is none (PAGE_COUNTER_MAX).
const unbounded = 1 << 62

// look reads what the cgroups count.
func (g groups) look() (Group, error) {
	var s Group
	var err error
	read := func(to *int64, folder, file string) {
		if err == nil {
			*to, err = number(filepath.Join(folder, file))
		}
	}
	events, failed := readText(g.events())
	stat, unread := readText(filepath.Join(g.cpu, "cpu.stat"))
	if err = errors.Join(failed, unread); err != nil {
		return s, err
	}
	s.Killed, s.Throttled = counted(events, "oom_kill"), counted(stat, "nr_throttled")
	if g.v2 {
		read(&s.Used, g.memory, "memory.current")
		read(&s.Limit, g.memory, "memory.max")
		s.Waits = counted(events, "high")
		s.Computed = time.Duration(counted(stat, "usage_usec")) * time.Microsecond
		return s, err
	}
	read(&s.Used, g.memory, "memory.usage_in_bytes")
	read(&s.Limit, g.memory, "memory.limit_in_bytes")
	s.Waits = counted(events, "under_oom")
	if s.Limit >= unbounded {
		s.Limit = 0
	}
	var nanoseconds int64
	read(&nanoseconds, g.accounts, "cpuacct.usage")
	s.Computed = time.Duration(nanoseconds)
	return s, err
}

func counted(text, name string) int64 {
	n, _ := field(text, name)
	return int64(n)
}

// number reads a file of a cgroup; "max" is zero.
func number(file string) (int64, error) {
	text, err := readText(file)
	if err != nil || text == "max" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", file, err)
	}
	return n, nil
}
