package guardian

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// knobs are the files of one node's cgroups that the guardian turns. The two
// versions name and write them differently.
type knobs struct {
	group   string // folder of the freezer's cgroup, which has all processes in it or below
	freezer string // file: freezer.state, or cgroup.freeze
	state   string // file: freezer.state, or cgroup.events
	quota   string // file: cpu.cfs_quota_us, or cpu.max
	period  string // file: cpu.cfs_period_us; empty on version 2
	stat    string // file: cpu.stat
}

// knobs finds the cgroups of a node's container from those of its init, which
// may have moved into one below.
func (h host) knobs(n Node) (knobs, error) {
	text, err := os.ReadFile(h.path(n.PID, "cgroup"))
	if err != nil {
		return knobs{}, fmt.Errorf("reading the cgroups of the node's init: %w", err)
	}
	paths, err := cgroupPaths(string(text), n.Container)
	if err != nil {
		return knobs{}, err
	}
	var k knobs
	if dir, ok := paths["freezer"]; ok {
		k.group = h.mount(dir, "freezer")
		k.freezer = filepath.Join(k.group, "freezer.state")
		k.state = k.freezer
	} else if dir, ok := paths[""]; ok {
		k.group = filepath.Join(h.unified(), dir.path)
		k.freezer = filepath.Join(k.group, "cgroup.freeze")
		k.state = filepath.Join(k.group, "cgroup.events")
	}
	if dir, ok := paths["cpu"]; ok {
		cpu := h.mount(dir, "cpu")
		k.quota, k.period = filepath.Join(cpu, "cpu.cfs_quota_us"), filepath.Join(cpu, "cpu.cfs_period_us")
		k.stat = filepath.Join(cpu, "cpu.stat")
	} else if dir, ok := paths[""]; ok {
		k.quota = filepath.Join(h.unified(), dir.path, "cpu.max")
		k.stat = filepath.Join(h.unified(), dir.path, "cpu.stat")
	}
	if k.freezer == "" || k.quota == "" {
		return knobs{}, fmt.Errorf("container %.12s has no freezer or no CPU cgroup of its own", n.Container)
	}
	return k, nil
}

// cgroupPath is a cgroup in the hierarchy of the named controllers.
type cgroupPath struct {
	controllers string // as in /proc/PID/cgroup: "cpu,cpuacct"; empty is version 2
	path        string
}

// cgroupPaths reads /proc/PID/cgroup (cgroups(7)) and cuts each path after the
// element that names the container: "docker-ID.scope" or "ID". Hierarchies
// that do not know the container are left out. The key of version 2 is empty.
func cgroupPaths(text, container string) (map[string]cgroupPath, error) {
	paths := map[string]cgroupPath{}
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("reading %q as a line of /proc/PID/cgroup: three fields were expected", line)
		}
		at := strings.Index(fields[2], container)
		if at < 0 {
			continue
		}
		path := fields[2]
		if end := strings.IndexByte(path[at:], '/'); end >= 0 {
			path = path[:at+end]
		}
		for name := range strings.SplitSeq(fields[1], ",") {
			paths[name] = cgroupPath{controllers: fields[1], path: path}
		}
	}
	return paths, nil
}

// mount is the folder of a version 1 cgroup. Hierarchies of several
// controllers are mounted under all their names, joined.
func (h host) mount(p cgroupPath, controller string) string {
	joined := filepath.Join(h.cgroups, p.controllers)
	if _, err := os.Stat(joined); err == nil {
		return filepath.Join(joined, p.path)
	}
	return filepath.Join(h.cgroups, controller, p.path)
}

// unified is the mount of version 2: the root, or a folder beside version 1's.
func (h host) unified() string {
	if _, err := os.Stat(filepath.Join(h.cgroups, "cgroup.controllers")); err == nil {
		return h.cgroups
	}
	return filepath.Join(h.cgroups, "unified")
}

// v2 tells the versions apart by their files.
func (k knobs) v2() bool { return k.freezer != k.state }

// frozen reads the freezer: "FROZEN", "FREEZING" or "THAWED" in both versions.
func (k knobs) frozen() (string, error) {
	if !k.v2() {
		return readText(k.state)
	}
	wanted, err := readText(k.freezer)
	if err != nil {
		return "", err
	}
	events, err := readText(k.state)
	if err != nil {
		return "", err
	}
	reached, _ := field(events, "frozen")
	switch {
	case wanted == "0" && reached == 0:
		return "THAWED", nil
	case reached == 1 && wanted == "1":
		return "FROZEN", nil
	}
	return "FREEZING", nil
}

// freeze turns the freezer on or off; the kernel follows within milliseconds.
func (k knobs) freeze(on bool) error {
	text := map[bool]string{true: "FROZEN", false: "THAWED"}[on]
	if k.v2() {
		text = map[bool]string{true: "1", false: "0"}[on]
	}
	return writeText(k.freezer, text)
}

// limit gives the node so many cores.
func (k knobs) limit(cpus float64) error {
	period, err := k.currentPeriod()
	if err != nil {
		return err
	}
	// The kernel refuses quotas below a millisecond (cgroups: cpu controller).
	quota := strconv.Itoa(max(1000, int(cpus*float64(period))))
	if k.period == "" {
		quota += " " + strconv.Itoa(period)
	}
	if err := writeText(k.quota, quota); err != nil {
		return fmt.Errorf("limiting the node to %g cores (on cgroup version 1 no pod may have a higher CPU limit of its own): %w", cpus, err)
	}
	return nil
}

func (k knobs) currentPeriod() (int, error) {
	file := k.period
	if file == "" {
		file = k.quota
	}
	text, err := readText(file)
	if err != nil {
		return 0, err
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0, fmt.Errorf("reading the CPU period from %s: it is empty", file)
	}
	period, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return 0, fmt.Errorf("reading the CPU period from %s: %w", file, err)
	}
	return period, nil
}

// throttled is nr_throttled of cpu.stat.
func (k knobs) throttled() (uint64, error) {
	text, err := readText(k.stat)
	if err != nil {
		return 0, err
	}
	n, _ := field(text, "nr_throttled")
	return n, nil
}

// field finds "name value" in a flat keyed file.
func field(text, name string) (uint64, bool) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key != name {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func readText(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a cgroup: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeText writes in one call, as cgroup files want it, and creates nothing.
func writeText(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing a cgroup: %w", err)
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return fmt.Errorf("writing %q to a cgroup: %w", text, err)
	}
	return f.Close()
}

// Unlimited is the quota text that means no limit, in the version of the given
// one: "max 100000" beside "20000 100000", "-1" beside "20000".
func Unlimited(quota string) string {
	if _, period, v2 := strings.Cut(quota, " "); v2 {
		return "max " + period
	}
	return "-1"
}
