package guardian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// within runs f on a thread that is in the given namespaces of a process. The
// thread belongs to f alone and ends with it; what f starts inherits them.
func (h host) within(pid int, spaces []string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: no other goroutine may get this thread
		err := h.enter(pid, spaces)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// enter moves the calling thread. All doors are opened first, since the next
// namespace may have another /proc.
func (h host) enter(pid int, spaces []string) error {
	var doors []*os.File
	defer func() {
		for _, d := range doors {
			d.Close()
		}
	}()
	for _, space := range spaces {
		d, err := os.Open(h.path(pid, "ns/"+space))
		if err != nil {
			return fmt.Errorf("entering a node: %w", err)
		}
		doors = append(doors, d)
	}
	// A thread that shares its working folder with others cannot change its
	// mounts: setns(2).
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("entering a node: %w", err)
	}
	for i, d := range doors {
		if err := unix.Setns(int(d.Fd()), 0); err != nil {
			return fmt.Errorf("entering the %s namespace of a node: %w", spaces[i], err)
		}
	}
	return nil
}

// commandLimit is the most that a command in a node may take: less than a
// client waits for an answer.
const commandLimit = 4 * time.Second

// run runs a command in a node and returns its standard output. It stays in the
// guardian's own cgroup, so that nothing that is done to the node holds it up.
func (h host) run(n Node, args ...string) (string, error) {
	return h.runFor(commandLimit, n, args...)
}

// runFor is run for a command that takes its time.
func (h host) runFor(limit time.Duration, n Node, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out []byte
	err := h.within(n.PID, []string{"uts", "ipc", "net", "pid", "mnt"}, func() (err error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		cmd.Dir = "/"
		cmd.WaitDelay = time.Second
		out, err = cmd.Output()
		return err
	})
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return string(out), fmt.Errorf("running %s in a node: %w", args[0], err)
	}
	return string(out), nil
}

// restore undoes through the API server, from the control plane's node, what a
// runner did.
type restore struct {
	host
	node Node
	args []string
}

func (r restore) do() error    { return nil }
func (r restore) close() error { return nil }

func (r restore) undo() error {
	if _, err := os.Stat(r.path(r.node.PID, "ns")); gone(err) {
		return nil
	}
	args := append([]string{"/usr/bin/kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "--request-timeout=3s"}, r.args...)
	_, err := r.run(r.node, args...)
	return err
}
