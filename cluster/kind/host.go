package kind

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// adaptation is what this host needs that a usual one does not.
type adaptation struct {
	// hostCores and hostMemory, in bytes, are those of the daemon's host.
	hostCores  int
	hostMemory int64
	// CgroupV1: the kubelet has refused cgroup version 1 since Kubernetes 1.35
	// unless it is told not to.
	CgroupV1 bool
	// NoSysResource: processes here cannot have CAP_SYS_RESOURCE, so that
	// containerd may not lower the OOM score of pods below its own.
	NoSysResource bool
}

// capSysResource is the number of CAP_SYS_RESOURCE in capability(7).
const capSysResource = 24

// adapt looks at the daemon's host. Its capabilities can be read only where it
// is this machine; elsewhere they are taken to be complete, as they are on
// every usual one.
func adapt(ctx context.Context, d daemon) (adaptation, error) {
	a := adaptation{hostCores: d.NCPU, hostMemory: d.MemTotal, CgroupV1: d.CgroupVersion == "1"}
	local, err := daemonIsLocal(ctx)
	if err != nil || !local {
		return a, err
	}
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	a.NoSysResource = err == nil && lacks(string(status), capSysResource)
	return a, err
}

// daemonIsLocal: Linux, and the docker command talks to a unix socket. Docker
// Desktop on Linux does so too; its virtual machine has every capability, and
// so has its host.
func daemonIsLocal(ctx context.Context) (bool, error) {
	if runtime.GOOS != "linux" {
		return false, nil
	}
	if h := os.Getenv("DOCKER_HOST"); h != "" {
		return strings.HasPrefix(h, "unix://"), nil
	}
	out, err := docker(ctx, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	return strings.HasPrefix(string(out), "unix://"), err
}

// lacks reads the capability bounding set from /proc/PID/status: the most that
// any descendant can get.
func lacks(status string, capability uint) bool {
	for line := range strings.Lines(status) {
		hex, ok := strings.CutPrefix(line, "CapBnd:")
		if !ok {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		return err == nil && set&(1<<capability) == 0
	}
	return false
}

// inotifyPerNode is about what one node's systemd, kubelet and containerd take
// of fs.inotify.max_user_instances: with the kernel's default of 128 kubelets
// stop coming up at eight nodes.
const inotifyPerNode = 16

// inotifyHint is a warning when this machine's limit is too low for so many
// nodes; empty when it is not, or cannot be read.
func inotifyHint(nodes int) string {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		return ""
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || limit >= nodes*inotifyPerNode {
		return ""
	}
	return "fs.inotify.max_user_instances is " + strconv.Itoa(limit) + ", which is low for " + strconv.Itoa(nodes) +
		" nodes: if a kubelet does not come up, run `sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576`"
}
