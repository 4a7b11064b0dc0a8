package guardian

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// sigstop stops every process of a node but its init, which has to reap and to
// let docker exec in.
type sigstop struct {
	host
	group  string // the node's cgroup
	init   int    // its init
	prior  Prior
	listed []process // at preparation, so that the first volley needs no scan
}

// passes bounds the scans: processes that fork faster than that do not exist
// among stopped ones.
const passes = 200

// do stops what was listed, and then scans until it finds nothing new. A
// process that was signalled cannot fork any more, so this ends; one in
// uninterruptible sleep stops before it runs again.
func (s sigstop) do() error {
	signalled := map[Process]bool{}
	if _, err := stopNew(s.current(), signalled); err != nil {
		return err
	}
	for range passes {
		all, err := s.scan(s.group, s.init)
		if err != nil {
			return err
		}
		fresh, err := stopNew(all, signalled)
		if err != nil || fresh == 0 {
			return err
		}
	}
	return fmt.Errorf("stopping the processes of a node: new ones still appear after %d passes", passes)
}

// current leaves out of the list what has ended since, and numbers that name
// another process now.
func (s sigstop) current() []process {
	var live []process
	for _, p := range s.listed {
		if now, err := s.stat(p.PID); err == nil && now.Process == p.Process {
			live = append(live, now)
		}
	}
	return live
}

// stopNew stops those that are not stopped and not signalled yet, and counts
// them.
func stopNew(all []process, signalled map[Process]bool) (fresh int, err error) {
	for _, p := range all {
		if p.state == 'T' || signalled[p.Process] {
			continue
		}
		if err := send(p, unix.SIGSTOP); err != nil {
			return fresh, err
		}
		signalled[p.Process] = true
		fresh++
	}
	return fresh, nil
}

// undo continues all, also those that only have the signal pending, and then
// those that are still seen stopped. What was stopped before stays so.
func (s sigstop) undo() error {
	for pass := range passes {
		all, err := s.scan(s.group, s.init)
		if err != nil {
			return unlessGone(err)
		}
		stopped := 0
		for _, p := range all {
			if slices.Contains(s.prior.Stopped, p.Process) || pass > 0 && p.state != 'T' {
				continue
			}
			if p.state == 'T' {
				stopped++
			}
			if err := send(p, unix.SIGCONT); err != nil {
				return err
			}
		}
		if stopped == 0 {
			return nil
		}
		runtime.Gosched()
	}
	return fmt.Errorf("continuing the processes of a node: some are still stopped after %d passes", passes)
}

func (sigstop) close() error { return nil }

func send(p process, sig unix.Signal) error {
	if err := unix.Kill(p.PID, sig); err != nil && !gone(err) {
		return fmt.Errorf("sending %s to process %s: %w", unix.SignalName(sig), p, err)
	}
	return nil
}
