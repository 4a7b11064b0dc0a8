package guardian

import (
	"bytes"
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

// scan lists the processes whose cgroup names the container, its init and
// zombies excluded: neither is stopped. Pods' containers lie below their
// node's in every cgroup layout, so they are in it.
func (h host) scan(n Node) ([]process, error) {
	dir, err := os.Open(h.proc)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == n.PID {
			continue
		}
		p, ours, err := h.process(pid, n.Container)
		if err != nil {
			return nil, err
		}
		if ours && p.state != 'Z' && p.state != 'X' {
			found = append(found, p)
		}
	}
	return found, nil
}

// process reads one process; one that has just ended is not ours.
func (h host) process(pid int, container string) (process, bool, error) {
	groups, err := os.ReadFile(h.path(pid, "cgroup"))
	if gone(err) || err == nil && !bytes.Contains(groups, []byte(container)) {
		return process{}, false, nil
	}
	if err != nil {
		return process{}, false, fmt.Errorf("reading the cgroups of process %d: %w", pid, err)
	}
	p, err := h.stat(pid)
	if gone(err) {
		return process{}, false, nil
	}
	return p, err == nil, err
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
