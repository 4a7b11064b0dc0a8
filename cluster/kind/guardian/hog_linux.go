package guardian

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hogs is the effect of one hog.
type hogs struct {
	sweepHogs
	plan  Hog
	group groups // that it joins
	own   int    // its process; zero before it began
}

func (m linux) prepareHog(p Plan) (Prior, effect, error) {
	node, err := m.groups(p.Node, "")
	if err != nil {
		return Prior{}, nil, err
	}
	group := node
	if p.Hog.Group != "" {
		if group, err = node.below(p.Hog.Group); err != nil {
			return Prior{}, nil, err
		}
	}
	prior := Prior{Part: p.Hog.part()}
	if prior.Part == Memory {
		if err := m.bounded(node); err != nil {
			return Prior{}, nil, err
		}
		if prior.OOM, err = node.oom(); err != nil {
			return Prior{}, nil, err
		}
		if p.Hog.Hang {
			if prior.Units, err = m.active(p.Node, fragile); err != nil {
				return Prior{}, nil, err
			}
		}
	}
	return prior, &hogs{sweepHogs: sweepHogs{m.host, p.Node, prior}, plan: *p.Hog, group: group}, nil
}

// fragile are units that a node without memory may lose for good, and that are
// restarted after it. A kubelet dies of SIGSEGV there, and systemd, which cannot
// look at its condition then, does not start it again. A containerd lives on and
// waits for ever for a shim that died so: it lists no sandboxes any more, and the
// node stays NotReady. Containers outlive the restart.
var fragile = []string{"containerd", "kubelet"}

// spare is what a hog leaves of the machine's memory.
const spare = 1 << 30

// bounded refuses a node whose limit does not protect the machine, and all else
// on it, from a hog.
func (h host) bounded(node groups) error {
	g, err := node.look()
	if err != nil {
		return err
	}
	if g.Limit == 0 {
		return errors.New("the node's container has no memory limit, so a hog would take the whole machine's")
	}
	text, err := readText(filepath.Join(h.proc, "meminfo"))
	if err != nil {
		return err
	}
	available, known := memAvailable(text)
	if !known {
		return errors.New("/proc/meminfo does not say how much memory the machine has left")
	}
	if left := available - (g.Limit - g.Used); left < spare {
		return fmt.Errorf("the node may take %d MiB more, which would leave the machine %d MiB: too few", (g.Limit-g.Used)>>20, left>>20)
	}
	return nil
}

// memAvailable reads the line "MemAvailable:   22371428 kB", in bytes.
func memAvailable(text string) (bytes int64, known bool) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == "MemAvailable:" {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}

// joined is how long a hog has to join its cgroup.
const joined = 3 * time.Second

// do lets nothing be killed first, where that is asked for: the hog must not be.
func (x *hogs) do() error {
	node, err := x.groups(x.node, "")
	if err != nil {
		return err
	}
	if x.plan.Hang {
		if err := node.hang(); err != nil {
			return err
		}
	}
	h := hogging{Hog: x.plan}
	folders := []string{x.group.memory}
	switch {
	case h.Threads > 0:
		folders = slices.Compact([]string{x.group.cpu, x.group.accounts})
	case h.Group != "" && !h.Hang:
		h.Kills = x.group.events()
	}
	for _, folder := range folders {
		file, err := x.group.leaf(folder, x.plan.part())
		if err != nil {
			return err
		}
		h.Join = append(h.Join, file)
	}
	return x.start(h)
}

// start returns once the hog is in its cgroup. It is a process of the node's PID
// namespace, so that whoever ends a pod ends it, too, and in no other of its
// namespaces. The pipe tells it when this guardian is no more.
func (x *hogs) start(h hogging) error {
	in, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting a hog: %w", err)
	}
	defer in.Close()
	var said strings.Builder
	cmd := exec.Command("/proc/self/exe", h.args()...)
	cmd.Stdin, cmd.Stderr = in, &said
	if err := x.within(x.node.PID, []string{"pid"}, cmd.Start); err != nil {
		return errors.Join(fmt.Errorf("starting a hog: %w", err), out.Close())
	}
	x.own = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { // reaps it, whenever that is
		err := cmd.Wait()
		ended <- errors.Join(err, out.Close())
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(joined); time.Now().Before(limit); {
		found, err := x.found()
		if err != nil || slices.ContainsFunc(found, x.isOwn) {
			return err
		}
		select {
		case err := <-ended:
			return fmt.Errorf("a hog ended at once: %w: %s", err, strings.TrimSpace(said.String()))
		case <-tick.C:
		}
	}
	return fmt.Errorf("a hog has not joined its cgroup after %s", joined)
}

func (x *hogs) isOwn(p process) bool { return p.PID == x.own }

// undo ends this hog alone. The last one lets the kernel kill again.
func (x *hogs) undo() error {
	if err := x.end(x.isOwn); err != nil {
		return unlessGone(err)
	}
	if others, err := x.found(); err != nil || len(others) > 0 {
		return unlessGone(err)
	}
	return x.sweepHogs.undo()
}

// sweepHogs ends the hogs of one kind on a node, of whatever guardian, and lets
// the kernel kill there again.
type sweepHogs struct {
	host
	node  Node
	prior Prior
}

func (sweepHogs) do() error    { return nil }
func (sweepHogs) close() error { return nil }

// swept is the most that killed hogs may take to be gone: their memory is given
// back page by page.
const swept = 3 * time.Second

// undo ends the hogs first: where memory is out, the kernel would kill something
// else as soon as it may.
func (s sweepHogs) undo() error {
	if err := s.end(func(process) bool { return true }); err != nil {
		return unlessGone(err)
	}
	node, err := s.groups(s.node, "")
	for _, kind := range []Part{Memory, Computing} {
		if err == nil && s.prior.Concerns(kind) {
			err = node.prune(kind)
		}
	}
	if err == nil && s.prior.OOM != "" {
		err = node.restore(s.prior.OOM)
	}
	if err == nil && len(s.prior.Units) > 0 {
		_, err = s.run(s.node, append([]string{"systemctl", "restart"}, s.prior.Units...)...)
	}
	return unlessGone(err)
}

// end returns once those of the hogs are gone.
func (s sweepHogs) end(which func(process) bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(swept); ; <-tick.C {
		all, err := s.found()
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(p process) bool { return !which(p) })
		if len(all) == 0 {
			return nil
		}
		for _, p := range all {
			if err := send(p, unix.SIGKILL); err != nil {
				return err
			}
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%d hogs are not gone after %s", len(all), swept)
		}
	}
}

// found are the hogs of the kind.
func (s sweepHogs) found() ([]process, error) {
	node, err := s.groups(s.node, "")
	if err != nil {
		return nil, err
	}
	var found []process
	for kind, folder := range map[Part]string{Memory: node.memory, Computing: node.cpu} {
		if !s.prior.Concerns(kind) {
			continue
		}
		all, err := s.scan(folder, s.node.PID)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if p.name == hogName(kind) {
				found = append(found, p)
			}
		}
	}
	return found, nil
}

// lookAtHogs counts them, and sees whether the kernel kills.
func lookAtHogs(h host, n Node, s *State) error {
	s.Hogs = map[Part]int{}
	for _, kind := range []Part{Memory, Computing} {
		found, err := sweepHogs{h, n, Prior{Part: kind}}.found()
		if err != nil {
			return err
		}
		if len(found) > 0 {
			s.Hogs[kind] = len(found)
		}
	}
	node, err := h.groups(n, "")
	if err == nil {
		s.OOM, err = node.oom()
	}
	return err
}

func (m linux) group(n Node, container string) (Group, error) {
	g, err := m.groups(n, container)
	if gone(err) {
		return Group{Gone: true}, nil
	}
	if err != nil {
		return Group{}, err
	}
	look, err := g.look()
	if gone(err) {
		return Group{Gone: true}, nil
	}
	return look, err
}
