package guardian

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// coverSource begins the source of every file system that a guardian mounts
// into a node, by which anybody finds what is a guardian's there.
const coverSource = "seatrial-"

// mount is a line of a process's mount table.
type mount struct{ point, source string }

// mounts reads /proc/PID/mountinfo (proc(5)), in the order in which they were
// made: the path is the fifth field, and the source the second after " - ". A
// process that is ending has left its namespaces before it is gone, and opening
// the file says EINVAL (fs/proc_namespace.c, mounts_open_common).
func (h host) mounts(pid int) ([]mount, error) {
	text, err := os.ReadFile(h.path(pid, "mountinfo"))
	if errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("process %d is ending: %w", pid, unix.ESRCH)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a mount table: %w", err)
	}
	return parseMounts(string(text))
}

func parseMounts(text string) ([]mount, error) {
	var all []mount
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) < 2 {
			return nil, fmt.Errorf("reading %q as a line of /proc/PID/mountinfo: too few fields", line)
		}
		all = append(all, mount{point: left[4], source: right[1]})
	}
	return all, nil
}

// covered are the paths that guardians cover in a process's mount table, the
// last one first.
func (h host) covered(pid int) ([]string, error) {
	all, err := h.mounts(pid)
	if err != nil {
		return nil, err
	}
	var points []string
	for _, m := range slices.Backward(all) {
		if strings.HasPrefix(m.source, coverSource) {
			points = append(points, m.point)
		}
	}
	return points, nil
}

// covers uncovers what lies beneath a guardian's mounts: the paths of prior, or
// all where it names none.
type covers struct {
	host
	group string
	node  Node
	prior Prior
}

func (covers) do() error    { return nil }
func (covers) close() error { return nil }

// undo also ends the containers that have such a mount still: the kubelet
// starts them again without.
func (c covers) undo() error {
	points, err := c.covered(c.node.PID)
	if err != nil {
		return unlessGone(err)
	}
	if len(c.prior.Covered) > 0 {
		points = slices.DeleteFunc(points, func(p string) bool { return !slices.Contains(c.prior.Covered, p) })
	}
	err = c.within(c.node.PID, []string{"mnt"}, func() error { return uncover(points) })
	for _, point := range slices.Concat(points, c.prior.Covered) {
		if uid, ok := podOf(point); ok {
			err = errors.Join(err, c.killCovered(uid))
		}
	}
	return unlessGone(err)
}

// uncover is called inside of the node. A path that is no mount any more is one
// that the kubelet was quicker with.
func uncover(points []string) error {
	var errs []error
	for _, point := range points {
		err := unix.Unmount(point, unix.MNT_DETACH)
		if err != nil && !errors.Is(err, unix.EINVAL) && !gone(err) {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", point, err))
		}
		if point == pluginFolder {
			if err := os.Remove(point); err != nil && !gone(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// killCovered kills the processes of a pod that have a guardian's mount.
func (c covers) killCovered(uid string) error {
	all, err := c.podProcesses(c.group, uid)
	if err != nil {
		return err
	}
	for _, p := range all {
		points, err := c.covered(p.PID)
		if gone(err) || err == nil && len(points) == 0 {
			continue
		}
		if err == nil {
			err = send(p, unix.SIGKILL)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
