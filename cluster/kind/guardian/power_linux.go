package guardian

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// power takes a node away: it freezes all, and has it killed when it thaws, by
// whomever that is. A killed process that is frozen never runs again.
type power struct {
	freezer
	host
	units units
	init  int
}

// preparePower lists what runs, so that all of it can be started again.
func (m linux) preparePower(k knobs, p Plan, prior Prior) (Prior, effect, error) {
	out, err := m.run(p.Node, "systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend")
	if err != nil {
		return Prior{}, nil, err
	}
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		prior.Units = append(prior.Units, strings.TrimSuffix(name, ".service"))
	}
	all, err := m.scan(k.group, p.Node.PID)
	if err != nil {
		return Prior{}, nil, err
	}
	prior.Daemons = daemons(all)
	d, err := openDrop(m.host, p.Node)
	if err != nil {
		return Prior{}, nil, err
	}
	on := units{host: m.host, group: k.group, node: p.Node, prior: prior}
	return prior, sequence{d, power{freezer{k, prior}, m.host, on, p.Node.PID}}, nil
}

// freezing bounds the wait for the freezer, which a process that waits for its
// disk can hold up.
const freezing = 3 * time.Second

// do: what has not frozen yet may fork, so it looks until all is frozen and
// nothing new was found.
func (p power) do() error {
	if err := p.freezer.do(); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	killed := map[Process]bool{}
	for limit := time.Now().Add(freezing); time.Now().Before(limit); <-tick.C {
		state, err := p.frozen()
		if err != nil {
			return err
		}
		fresh, err := p.killNew(killed)
		if err != nil || state == "FROZEN" && fresh == 0 {
			return err
		}
	}
	return fmt.Errorf("killing the processes of a node: it is not frozen after %s", freezing)
}

// killNew kills what was not killed before, and counts it.
func (p power) killNew(killed map[Process]bool) (fresh int, err error) {
	all, err := p.scan(p.group, p.init)
	if err != nil {
		return 0, err
	}
	for _, process := range all {
		if killed[process.Process] {
			continue
		}
		if err := send(process, unix.SIGKILL); err != nil {
			return fresh, err
		}
		killed[process.Process] = true
		fresh++
	}
	return fresh, nil
}

// undo lets the killed die, and starts what ran. The node's init was frozen and
// not killed: it does now what it does about services that died.
func (p power) undo() error { return errors.Join(p.freezer.undo(), p.units.undo()) }

func (power) close() error { return nil }
