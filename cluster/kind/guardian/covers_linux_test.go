package guardian

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAGuardiansMountsAreFoundInAMountTableLastOneFirst(t *testing.T) {
	const table = `22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/root rw
90 22 0:5 / /var/lib/kubelet/pods/u-1/volumes/kubernetes.io~local-volume/pv rw shared:3 master:2 - tmpfs seatrial-empty ro
91 22 0:6 / /run/seatrial-plugin rw - tmpfs seatrial-plugin rw
92 22 0:7 / /tmp rw - tmpfs seatrial rw
`
	tree := t.TempDir()
	if err := errors.Join(os.Mkdir(tree+"/7", 0o755), os.WriteFile(tree+"/7/mountinfo", []byte(table), 0o644)); err != nil {
		t.Fatal(err)
	}
	got, err := host{proc: tree}.covered(7)
	want := []string{"/run/seatrial-plugin", "/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~local-volume/pv"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v", got, err)
	}
	if uid, ok := podOf(got[1]); uid != "u-1" || !ok {
		t.Errorf("it belongs to pod %q, %t", uid, ok)
	}
	if uid, ok := podOf(got[0]); ok {
		t.Errorf("it belongs to pod %q", uid)
	}
	if _, err := parseMounts("half a line\n"); err == nil {
		t.Error("half a line was read")
	}
}

func TestAProcessThatIsEndingHasNoMounts(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dead.Wait() }()
	// It stays a zombie: it is waited for without being reaped.
	if err := unix.Waitid(unix.P_PID, dead.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := (host{proc: "/proc"}).covered(dead.Process.Pid); !gone(err) {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstPluginOfTheFirstConfigurationIsMeant(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"ptp":                      {"20-b.conflist": `{"plugins": [{"type": "other"}]}`, "10-a.conflist": `{"plugins": [{"type": "ptp"}, {"type": "portmap"}]}`, "00.txt": "no"},
		"bridge":                   {"a.conf": `{"type": "bridge"}`},
		"names no network plugin":  {"a.conf": `{"type": "../x"}`},
		"no network configuration": {"readme": ""},
		"network configuration: ":  {"a.json": "{"},
	} {
		folder := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := firstPlugin(folder)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%v: got %s, want %s", files, got, want)
		}
	}
}

func TestABrokenPluginFailsToAddAndLeavesTheRestToTheRealOne(t *testing.T) {
	folder := t.TempDir()
	real := filepath.Join(folder, "real")
	script := strings.ReplaceAll(brokenPlugin, pluginFolder, folder)
	err := errors.Join(os.WriteFile(real, []byte("#!/bin/sh\necho $CNI_COMMAND by the real one\n"), 0o755),
		os.WriteFile(filepath.Join(folder, "plugin"), []byte(script), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{"ADD": `"code": 999`, "DEL": "DEL by the real one", "STATUS": "STATUS by the real one"} {
		cmd := exec.Command(filepath.Join(folder, "plugin"))
		cmd.Env = append(os.Environ(), "CNI_COMMAND="+command)
		out, err := cmd.Output()
		if !strings.Contains(string(out), want) || (err != nil) != (command == "ADD") {
			t.Errorf("%s: %s, %v", command, out, err)
		}
	}
}

// The mounts are made in a namespace of the test's own thread, which ends with it.
func TestWhatIsCoveredIsUncoveredAndTwiceDoesNoHarm(t *testing.T) {
	probing(t)
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/file", []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := kernel.within(self.PID, nil, func() error {
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
			return err
		}
		if err := unix.Mount(coverSource+"empty", folder, "tmpfs", unix.MS_RDONLY, ""); err != nil {
			return err
		}
		if err := os.WriteFile(folder+"/new", nil, 0o644); !errors.Is(err, unix.EROFS) {
			t.Errorf("covered, it was written to: %v", err)
		}
		if points, err := kernel.covered(unix.Gettid()); err != nil || !slices.Equal(points, []string{folder}) {
			t.Errorf("covered are %q, %v", points, err)
		}
		for range 2 {
			if err := uncover([]string{folder}); err != nil {
				return err
			}
		}
		text, err := os.ReadFile(folder + "/file")
		if string(text) != "kept" {
			t.Errorf("uncovered, it has %q", text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
