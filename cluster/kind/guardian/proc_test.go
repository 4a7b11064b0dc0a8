package guardian

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestACgroupIsCutWhereItsContainerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"version 2, cgroupfs":               {"0::/docker/" + id + "\n", map[string]string{"": "/docker/" + id}},
		"version 2, init moved below":       {"0::/docker/" + id + "/init.scope\n", map[string]string{"": "/docker/" + id}},
		"version 2, systemd":                {"0::/system.slice/docker-" + id + ".scope/init.scope", map[string]string{"": "/system.slice/docker-" + id + ".scope"}},
		"version 2, a pod of a node":        {"0::/docker/" + id + "/kubelet.slice/pod1/" + strings.Repeat("f", 64), map[string]string{"": "/docker/" + id}},
		"version 1, controllers joined":     {"6:freezer:/docker/" + id + "\n4:cpu,cpuacct:/docker/" + id + "/kubelet\n", map[string]string{"freezer": "/docker/" + id, "cpu": "/docker/" + id, "cpuacct": "/docker/" + id}},
		"hybrid, empty unified hierarchy":   {"6:freezer:/docker/" + id + "\n9:name=systemd:/docker/" + id + "\n0::/\n", map[string]string{"freezer": "/docker/" + id, "name=systemd": "/docker/" + id}},
		"another container":                 {"0::/docker/" + strings.Repeat("e", 64), map[string]string{}},
		"a colon in the path is part of it": {"0::/a:b/docker-" + id + ".scope\n", map[string]string{"": "/a:b/docker-" + id + ".scope"}},
	} {
		t.Run(name, func(t *testing.T) {
			paths, err := cgroupPaths(c.text, id)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, p := range paths {
				got[name] = p.path
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// tree writes files below a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheKnobsOfBothCgroupVersions(t *testing.T) {
	for name, c := range map[string]struct {
		cgroup string
		files  map[string]string
		// after a freeze and a limit to half a core
		frozen, limited map[string]string
		unlimited       string
	}{
		"version 1": {
			cgroup: "6:freezer:/docker/" + id + "\n1:cpu,cpuacct:/docker/" + id + "\n0::/\n",
			files: map[string]string{
				"freezer/docker/" + id + "/freezer.state":         "THAWED\n",
				"cpu,cpuacct/docker/" + id + "/cpu.cfs_quota_us":  "-1\n",
				"cpu,cpuacct/docker/" + id + "/cpu.cfs_period_us": "100000\n",
				"cpu,cpuacct/docker/" + id + "/cpu.stat":          "nr_periods 9\nnr_throttled 4\nthrottled_time 77\n",
				"unified/docker/" + id + "/cgroup.freeze":         "0\n",
			},
			frozen:    map[string]string{"freezer/docker/" + id + "/freezer.state": "FROZEN"},
			limited:   map[string]string{"cpu,cpuacct/docker/" + id + "/cpu.cfs_quota_us": "50000"},
			unlimited: "-1",
		},
		"version 2": {
			cgroup: "0::/system.slice/docker-" + id + ".scope/init.scope\n",
			files: map[string]string{
				"cgroup.controllers": "cpu memory\n",
				"system.slice/docker-" + id + ".scope/cgroup.freeze": "0\n",
				"system.slice/docker-" + id + ".scope/cgroup.events": "populated 1\nfrozen 0\n",
				"system.slice/docker-" + id + ".scope/cpu.max":       "max 200000\n",
				"system.slice/docker-" + id + ".scope/cpu.stat":      "usage_usec 5\nnr_throttled 4\n",
			},
			frozen:    map[string]string{"system.slice/docker-" + id + ".scope/cgroup.freeze": "1"},
			limited:   map[string]string{"system.slice/docker-" + id + ".scope/cpu.max": "100000 200000"},
			unlimited: "max 200000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := host{proc: tree(t, map[string]string{"100/cgroup": c.cgroup}), cgroups: tree(t, c.files)}
			k, err := h.knobs(Node{Container: id, PID: 100})
			if err != nil {
				t.Fatal(err)
			}
			if state, err := k.frozen(); err != nil || state != "THAWED" {
				t.Error(state, err)
			}
			if n, err := k.throttled(); err != nil || n != 4 {
				t.Error(n, err)
			}
			before, err := readText(k.quota)
			if err != nil || before != c.unlimited || Unlimited(before) != before {
				t.Error(before, err)
			}
			// A file keeps the tail of a longer text; the kernel's do not.
			truncate(t, k.freezer, k.quota, k.quota)
			if k.period == "" {
				if err := os.WriteFile(k.quota, []byte(before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := k.freeze(true); err != nil {
				t.Error(err)
			}
			if err := k.limit(0.5); err != nil {
				t.Error(err)
			}
			for file, want := range c.frozen {
				if got := read(t, h.cgroups, file); got != want {
					t.Errorf("%s holds %q, want %q", file, got, want)
				}
			}
			for file, want := range c.limited {
				if got := strings.TrimSpace(read(t, h.cgroups, file)); got != want {
					t.Errorf("%s holds %q, want %q", file, got, want)
				}
			}
		})
	}
}

func truncate(t *testing.T, files ...string) {
	t.Helper()
	for _, f := range files {
		if err := os.Truncate(f, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAContainerWithoutItsOwnCgroupIsRefused(t *testing.T) {
	h := host{proc: tree(t, map[string]string{"100/cgroup": "0::/\n"}), cgroups: t.TempDir()}
	if _, err := h.knobs(Node{Container: id, PID: 100}); err == nil {
		t.Error("accepted: the whole host would be frozen")
	}
}

func TestOnlyTheNodesOwnLivingProcessesAreListed(t *testing.T) {
	stat := func(pid int, name, state string) string {
		return fmt.Sprintf("%d (%s) %s 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %d 9 9", pid, name, state, pid*10)
	}
	h := host{proc: tree(t, map[string]string{
		"100/stat": stat(100, "systemd", "S"),
		"101/stat": stat(101, "kubelet", "S"),
		"102/stat": stat(102, "a) T (b", "T"),
		"103/stat": stat(103, "dead", "Z"),
		"104/stat": stat(104, "other", "R"),
	})}
	groups := tree(t, map[string]string{
		"docker/node/cgroup.procs":                 "",
		"docker/node/init.scope/cgroup.procs":      "100\n",
		"docker/node/kubelet/cgroup.procs":         "101\n103\n105\n",
		"docker/node/kubepods/pod1/c/cgroup.procs": "0\n102\n",
		"docker/other/cgroup.procs":                "104\n",
	})
	all, err := h.scan(filepath.Join(groups, "docker/node"), 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, p := range all {
		got[p.String()] = p.Start
	}
	want := map[string]uint64{"101 kubelet S": 1010, "102 a) T (b T": 1020}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := h.scan(filepath.Join(groups, "docker/gone"), 1); !gone(err) {
		t.Errorf("a cgroup that is gone gives %v", err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 15 9 9")
	f.Add("12 (a) (b)) T")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseStat(text)
		if err == nil && p.state == 0 {
			t.Errorf("%q gave a process without a state", text)
		}
	})
}

func FuzzCgroupPaths(f *testing.F) {
	f.Add("6:freezer:/docker/" + id + "\n0::/\n")
	f.Add("0::/system.slice/docker-" + id + ".scope/init.scope")
	f.Fuzz(func(t *testing.T, text string) {
		paths, err := cgroupPaths(text, id)
		if err != nil {
			return
		}
		for name, p := range paths {
			if !strings.Contains(p.path, id) || strings.Contains(p.path[strings.Index(p.path, id):], "/") {
				t.Errorf("%q: path %q of %q is not the container's own", text, p.path, name)
			}
		}
	})
}
