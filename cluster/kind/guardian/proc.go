package guardian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// host is where the kernel's files are: "/proc", and the host's
// "/sys/fs/cgroup" as it is mounted into the container.
type host struct {
	proc    string
	cgroups string
}

// process is one line of a scan.
type process struct {
	Process
	name  string
	state byte // as in proc(5): R, S, D, T, Z …
}

func (p process) String() string { return fmt.Sprintf("%d %s %c", p.PID, p.name, p.state) }

// scan lists the processes of a cgroup and of those below, the node's init and
// zombies excluded: neither is stopped. Pods' containers lie below their node's
// in every cgroup layout, so they are in it; asking the cgroups is many times
// quicker than asking every process of the host for its own.
func (h host) scan(group string, init int) ([]process, error) {
	var found []process
	err := eachGroup(group, func(path string) (err error) {
		found, err = h.members(found, path, init)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	return found, nil
}

// eachGroup calls f for a cgroup and all below it. One that ends meanwhile is
// passed over.
func eachGroup(root string, f func(path string) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if path != root && gone(err) {
			return nil
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		return f(path)
	})
}

// members adds the processes of one cgroup.
func (h host) members(found []process, group string, init int) ([]process, error) {
	text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if gone(err) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	for line := range strings.Lines(string(text)) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return found, fmt.Errorf("reading %s: %w", group, err)
		}
		if pid == init || pid == 0 { // 0 is a process outside this PID namespace
			continue
		}
		p, err := h.stat(pid)
		if gone(err) || err == nil && (p.state == 'Z' || p.state == 'X') {
			continue
		}
		if err != nil {
			return found, err
		}
		found = append(found, p)
	}
	return found, nil
}

func (h host) path(pid int, file string) string {
	return filepath.Join(h.proc, strconv.Itoa(pid), file)
}

// gone: the process or the cgroup does not exist any more.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.ENODEV)
}

func (h host) stat(pid int) (process, error) {
	text, err := os.ReadFile(h.path(pid, "stat"))
	if err != nil {
		return process{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	return parseStat(string(text))
}

// parseStat reads /proc/PID/stat: the name stands in parentheses and may hold
// any character, so fields count from the last one. See proc(5): state is
// field 3, the start time field 22.
func parseStat(text string) (process, error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return process{}, fmt.Errorf("reading %q as /proc/PID/stat: no name in parentheses", text)
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("reading %q as /proc/PID/stat: too few fields", text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text[:open]))
	if err != nil {
		return process{}, fmt.Errorf("reading %q as /proc/PID/stat: %w", text, err)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("reading %q as /proc/PID/stat: %w", text, err)
	}
	return process{Process: Process{PID: pid, Start: start}, name: text[open+1 : end], state: fields[0][0]}, nil
}

func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
