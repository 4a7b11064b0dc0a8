package guardian

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/seatrial/seatrial"
)

// linux is the host that the container shares its PID namespace with.
type linux struct {
	host
	reason string // see noBlackout
}

func newMachine() (machine, error) {
	m := linux{host: host{proc: "/proc", cgroups: HostCgroups}}
	if err := probeDrop(); err != nil {
		m.reason = fmt.Sprintf("this kernel has no nftables netdev hooks for both directions (Linux 5.16 or later has): %v", err)
	}
	return m, nil
}

func (m linux) noBlackout() string { return m.reason }

func (m linux) prepare(p Plan) (Prior, effect, error) {
	k, err := m.knobs(p.Node)
	if err != nil {
		return Prior{}, nil, err
	}
	switch {
	case p.CPUs > 0:
		return m.prepareThrottle(k, p)
	case len(p.Units) > 0:
		return m.prepareUnits(k, p)
	case p.Cut != nil:
		return m.prepareCut(k, p)
	case p.Plugin:
		return m.preparePlugin(p)
	case p.Lose != nil:
		return m.prepareLose(k, p)
	case p.Hog != nil:
		return m.prepareHog(p)
	case len(p.Restore) > 0:
		return Prior{Part: Objects}, restore{m.host, p.Node, p.Restore}, nil
	}
	all, err := m.scan(k.group, p.Node.PID)
	if err != nil {
		return Prior{}, nil, err
	}
	prior, err := priorFreeze(k, all)
	if err != nil {
		return Prior{}, nil, err
	}
	if p.PowerOff {
		return m.preparePower(k, p, prior)
	}
	switch p.Freeze {
	case seatrial.Sigstop:
		return prior, sigstop{m.host, k.group, p.Node.PID, prior, all}, nil
	case seatrial.Cgroup:
		return prior, freezer{k, prior}, nil
	case seatrial.Blackout:
		d, err := openDrop(m.host, p.Node)
		if err != nil {
			return Prior{}, nil, err
		}
		// Undone in this same order: see sequence.
		return prior, sequence{d, freezer{k, prior}}, nil
	}
	return Prior{}, nil, fmt.Errorf("freeze mode %q is unknown", p.Freeze)
}

func (m linux) prepareThrottle(k knobs, p Plan) (Prior, effect, error) {
	text, err := readText(k.quota)
	if err != nil {
		return Prior{}, nil, err
	}
	prior := Prior{Part: CPU, Quota: text}
	return prior, quota{k, p.CPUs, prior}, nil
}

func priorFreeze(k knobs, all []process) (Prior, error) {
	state, err := k.frozen()
	if err != nil {
		return Prior{}, err
	}
	prior := Prior{Part: Standing, Frozen: state != "THAWED"}
	for _, p := range all {
		if p.state == 'T' {
			prior.Stopped = append(prior.Stopped, p.Process)
		}
	}
	return prior, nil
}

func (m linux) sweeper(n Node, prior Prior) effect {
	k, err := m.knobs(n)
	if gone(err) {
		return sequence{}
	}
	if err != nil {
		return failed{err}
	}
	all := sequence{}
	if prior.Concerns(Memory) || prior.Concerns(Computing) {
		all = append(all, sweepHogs{m.host, n, prior})
	}
	if prior.Concerns(Standing) {
		all = append(all, sweepDrop{m.host, n}, freezer{k, prior})
	}
	if prior.Quota != "" {
		all = append(all, quota{k, 0, prior})
	}
	if prior.Concerns(Standing) || prior.Concerns(Units) {
		all = append(all, sigstop{host: m.host, group: k.group, init: n.PID, prior: prior})
	}
	if prior.Concerns(Network) {
		all = append(all, sweepCuts{m.host, n, k.group})
	}
	if prior.Concerns(Mounts) {
		all = append(all, covers{m.host, k.group, n, prior})
	}
	return append(all, units{host: m.host, group: k.group, node: n, prior: prior})
}

func (m linux) again(p Plan, prior Prior) effect {
	if len(p.Restore) > 0 {
		return restore{m.host, p.Node, p.Restore}
	}
	return m.sweeper(p.Node, prior)
}

func (m linux) look(n Node, deep bool) (State, error) {
	s, err := m.lookAt(n, deep)
	if gone(err) {
		return State{Gone: true, Freezer: "THAWED"}, nil
	}
	return s, err
}

// lookAt fails with an error that is gone when the node's init is.
func (m linux) lookAt(n Node, deep bool) (State, error) {
	k, err := m.knobs(n)
	if err != nil {
		return State{}, err
	}
	all, err := m.scan(k.group, n.PID)
	if err != nil {
		return State{}, err
	}
	s := State{Processes: len(all)}
	for _, p := range all {
		switch {
		case p.state == 'T':
			s.Stopped = append(s.Stopped, p.PID)
		case len(s.Awake) < 5:
			s.Awake = append(s.Awake, p.String())
		}
	}
	s.Daemons = daemons(all)
	for _, mark := range []string{HeldMark, JoiningMark} {
		if _, err := os.Lstat(m.path(n.PID, "root"+mark)); err == nil {
			s.Held = true
		} else if !errors.Is(err, os.ErrNotExist) {
			return State{}, fmt.Errorf("looking for %s: %w", mark, err)
		}
	}
	if s.Freezer, err = k.frozen(); err != nil {
		return State{}, err
	}
	if s.Quota, err = readText(k.quota); err != nil {
		return State{}, err
	}
	if s.Throttled, err = k.throttled(); err != nil {
		return State{}, err
	}
	if s.Covered, err = m.covered(n.PID); err != nil {
		return State{}, err
	}
	if err := lookAtHogs(m.host, n, &s); err != nil {
		return State{}, err
	}
	if err := lookAtDrop(m.host, n, &s); err != nil {
		return State{}, err
	}
	return s, lookAtCuts(m.host, n, all, deep, &s)
}

// daemons are the known ones among processes, of those that run.
func daemons(all []process) []string {
	var found []string
	for _, p := range all {
		if p.state != 'T' && slices.Contains(KnownDaemons, p.name) && !slices.Contains(found, p.name) {
			found = append(found, p.name)
		}
	}
	slices.Sort(found)
	return found
}

// sequence does its parts in order and undoes them in the same order.
//
// For a blackout that means: drop packets, then freeze; and on resume: let
// packets through, then thaw. A packet that arrives between those two steps,
// within a millisecond, waits in the socket of a process that is about to
// wake. The other way round, what a woken process sends at once would be
// dropped, and TCP would wait another 200 ms at least to send it again: an
// artefact that no migrated VM has.
type sequence []effect

func (s sequence) do() error {
	for _, e := range s {
		if err := e.do(); err != nil {
			return err
		}
	}
	return nil
}

func (s sequence) undo() error {
	var errs []error
	for _, e := range s {
		errs = append(errs, e.undo())
	}
	return errors.Join(errs...)
}

func (s sequence) close() error {
	var errs []error
	for _, e := range s {
		errs = append(errs, e.close())
	}
	return errors.Join(errs...)
}

// freezer is the cgroup freezer.
type freezer struct {
	knobs
	prior Prior
}

func (f freezer) do() error { return f.freeze(true) }

func (f freezer) undo() error {
	if f.prior.Frozen {
		return nil
	}
	return unlessGone(f.freeze(false))
}

func (freezer) close() error { return nil }

// quota is the CPU throttle.
type quota struct {
	knobs
	cpus  float64
	prior Prior
}

func (q quota) do() error    { return q.limit(q.cpus) }
func (q quota) undo() error  { return unlessGone(writeText(q.knobs.quota, q.prior.Quota)) }
func (q quota) close() error { return nil }

// failed stands for a part that could not be looked at.
type failed struct{ err error }

func (f failed) do() error    { return f.err }
func (f failed) undo() error  { return f.err }
func (f failed) close() error { return nil }
