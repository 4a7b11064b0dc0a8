package guardian

import (
	"errors"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// units stops units of a node's systemd, and the processes that they would
// otherwise look after.
type units struct {
	host
	group string
	node  Node
	plan  Plan
	prior Prior
}

func (m linux) prepareUnits(k knobs, p Plan) (Prior, effect, error) {
	active, err := m.active(p.Node, p.Units)
	if err != nil {
		return Prior{}, nil, err
	}
	all, err := m.scan(k.group, p.Node.PID)
	if err != nil {
		return Prior{}, nil, err
	}
	prior := Prior{Part: Units, Units: active}
	for _, name := range daemons(all) {
		if slices.Contains(active, name) || slices.Contains(p.Kill, name) || slices.Contains(p.Stop, name) {
			prior.Daemons = append(prior.Daemons, name)
		}
	}
	for _, process := range all {
		if process.state == 'T' {
			prior.Stopped = append(prior.Stopped, process.Process)
		}
	}
	return prior, units{m.host, k.group, p.Node, p, prior}, nil
}

// active are those of the units that run. systemctl exits with 3 when one does
// not, and names their states all the same.
func (h host) active(n Node, names []string) ([]string, error) {
	out, err := h.run(n, append([]string{"systemctl", "is-active"}, names...)...)
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) {
		return nil, nil // no systemd, no units
	}
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var active []string
	for i, state := range strings.Fields(out) {
		if i < len(names) && state == "active" {
			active = append(active, names[i])
		}
	}
	return active, nil
}

func (u units) do() error {
	if len(u.prior.Units) > 0 {
		if _, err := u.run(u.node, append([]string{"systemctl", "stop"}, u.prior.Units...)...); err != nil {
			return err
		}
	}
	return errors.Join(u.signal(u.plan.Kill, unix.SIGKILL), u.signal(u.plan.Stop, unix.SIGSTOP))
}

// signal sends sig to all processes of these names, but not to those that were
// stopped before.
func (u units) signal(names []string, sig unix.Signal) error {
	if len(names) == 0 {
		return nil
	}
	all, err := u.scan(u.group, u.node.PID)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !slices.Contains(names, p.name) || slices.Contains(u.prior.Stopped, p.Process) {
			continue
		}
		if err := send(p, sig); err != nil {
			return err
		}
	}
	return nil
}

// undo continues what was stopped and starts what was active. A unit that is
// active again stays as it is.
func (u units) undo() error {
	if err := u.signal(u.plan.Stop, unix.SIGCONT); err != nil {
		return unlessGone(err)
	}
	if len(u.prior.Units) == 0 {
		return nil
	}
	_, err := u.run(u.node, append([]string{"systemctl", "start"}, u.prior.Units...)...)
	return unlessGone(err)
}

func (units) close() error { return nil }
