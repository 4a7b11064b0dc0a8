package guardian

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where kind's nodes have their network plugins and what says how to call them:
// containerd's defaults.
const (
	pluginConfigs = "/etc/cni/net.d"
	plugins       = "/opt/cni/bin/"
)

// pluginFolder is in the node's memory: nothing of it is left on disk.
const pluginFolder = "/run/seatrial-plugin"

// brokenPlugin speaks the protocol of network plugins (the CNI specification,
// "Section 2" and "Error"). What it does not fail, the real one does.
const brokenPlugin = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exec ` + pluginFolder + `/real "$@"
echo '{"cniVersion": "0.4.0", "code": 999, "msg": "seatrial broke this plugin"}'
exit 1
`

// plugin covers a network plugin by one that fails.
type plugin struct {
	covers
	path string
}

func (m linux) preparePlugin(p Plan) (Prior, effect, error) {
	root := m.path(p.Node.PID, "root")
	name, err := firstPlugin(root + pluginConfigs)
	if err != nil {
		return Prior{}, nil, err
	}
	path := plugins + name
	if info, err := os.Stat(root + path); err != nil || !info.Mode().IsRegular() {
		return Prior{}, nil, errors.Join(fmt.Errorf("the node has no network plugin %s", path), err)
	}
	prior := Prior{Part: Mounts, Covered: []string{path, pluginFolder}}
	return prior, plugin{covers{host: m.host, node: p.Node, prior: prior}, path}, nil
}

// firstPlugin is what a runtime calls first: the first plugin of the first
// configuration by name (libcni: ConfFiles).
func firstPlugin(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("finding the node's network plugins: %w", err)
	}
	for _, e := range entries { // sorted by name
		if !slices.Contains([]string{".conf", ".conflist", ".json"}, filepath.Ext(e.Name())) {
			continue
		}
		var conf struct {
			Type    string
			Plugins []struct{ Type string }
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err == nil {
			err = json.Unmarshal(text, &conf)
		}
		if err != nil {
			return "", fmt.Errorf("reading the node's network configuration: %w", err)
		}
		if len(conf.Plugins) > 0 {
			conf.Type = conf.Plugins[0].Type
		}
		if conf.Type == "" || strings.ContainsRune(conf.Type, '/') {
			return "", fmt.Errorf("%s names no network plugin", e.Name())
		}
		return conf.Type, nil
	}
	return "", errors.New("the node has no network configuration")
}

func (p plugin) do() error {
	err := p.within(p.node.PID, []string{"mnt"}, p.cover)
	if err != nil {
		return fmt.Errorf("covering %s: %w", p.path, err)
	}
	return nil
}

// cover is called inside of the node.
func (p plugin) cover() error {
	script, real := pluginFolder+"/plugin", pluginFolder+"/real"
	if err := os.MkdirAll(pluginFolder, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(coverSource+"plugin", pluginFolder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64k,mode=0755"); err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(script, []byte(brokenPlugin), 0o755), os.WriteFile(real, nil, 0o755)); err != nil {
		return err
	}
	if err := unix.Mount(p.path, real, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	// In a node mounts are shared: what covers the plugin would cover its twin,
	// too, and the script would call itself for ever.
	if err := unix.Mount("", real, "", unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount(script, p.path, "", unix.MS_BIND, "")
}

// SandboxLimit is the most that the probe of a sandbox takes: a runtime starts
// and ends processes for it, and calls network plugins.
const SandboxLimit = 25 * time.Second

// tooLate is how gRPC, and with it crictl, calls an answer that took too long.
const tooLate = "DeadlineExceeded"

// noSandbox is how trySandbox ends when the runtime refuses.
const noSandbox = 9

// trySandbox asks for a sandbox as a kubelet does, and removes it. Whatever
// happens to it in between, removing it is all that is left to do. A runtime
// whose cgroups are systemd's asks for the slice that it shall be in, and refuses
// a name that an earlier try still has: that would prove nothing.
var trySandbox = fmt.Sprintf(`crictl() { command crictl --timeout=10s --runtime-endpoint="unix://$0" "$@"; }
id=$(echo '{"metadata": {"name": "probe-'$$'", "namespace": "seatrial", "uid": "seatrial", "attempt": 1}, "linux": {"cgroup_parent": "system.slice"}}' |
	crictl runp /dev/stdin) || exit %d
crictl rmp --force "$id"`, noSandbox)

// probeSandbox tells a runtime that refuses from one that is not there, and from
// one that takes too long.
func (m linux) probeSandbox(p Probe) (Answer, error) {
	there, err := m.probe(Probe{Node: p.Node, Network: "unix", Address: p.Address})
	if err == nil && there != Answered {
		err = errors.New("the node's runtime does not answer")
	}
	if err != nil {
		return "", err
	}
	_, err = m.runFor(SandboxLimit, p.Node, "/bin/sh", "-c", trySandbox, p.Address)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == noSandbox && !strings.Contains(err.Error(), tooLate) {
		return Refused, nil
	}
	if err != nil {
		return "", err
	}
	return Answered, nil
}
