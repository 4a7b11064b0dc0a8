package kind

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// freeze: the processes of a node stand still.
func (c *Cluster) freeze(a seatrial.Freeze) *power {
	p := &power{on: a.Node, expires: a.Expires, beats: true, drops: a.Mode == seatrial.Blackout}
	if a.Mode != seatrial.Sigstop && a.Mode != seatrial.Cgroup && a.Mode != seatrial.Blackout {
		p.wrong = fmt.Errorf("freeze mode %q is unknown to kind: sigstop, cgroup and blackout are known", a.Mode)
	}
	p.plan = func(_ context.Context, _ *armed, p *guardian.Plan, _ map[string]container) (string, error) {
		p.Freeze = a.Mode
		return a.Node, nil
	}
	p.see = c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
		silent, err := x.heart.silent(x.at)
		if err == nil {
			err = unfrozen(now.State, a.Mode, silent)
		}
		if err != nil {
			return seatrial.Proof{}, err
		}
		return freezeProof(now.State, a.Mode, silent), nil
	})
	return p
}

// throttle: a node has less CPU time.
func (c *Cluster) throttle(a seatrial.Throttle) *power {
	p := &power{on: a.Node, expires: a.Expires, beats: true}
	if a.CPUs <= 0 {
		p.wrong = errors.New("throttle needs a number of CPUs above 0")
	}
	p.plan = func(_ context.Context, _ *armed, p *guardian.Plan, _ map[string]container) (string, error) {
		p.CPUs = a.CPUs
		return a.Node, nil
	}
	looks := 0
	p.see = c.bySight(func(_ context.Context, x *armed, now sight) (seatrial.Proof, error) {
		err := unthrottled(now.State, x.prior.Found, x.before.Throttled)
		if err == nil {
			return x.throttleProof(now.State), nil
		}
		// The node is to compute, once a second, in case nothing there does.
		if looks++; looks%int(time.Second/glance) == 10 {
			err = errors.Join(err, x.heart.exert())
		}
		return seatrial.Proof{}, err
	})
	return p
}

func unthrottled(s guardian.State, found guardian.Prior, before uint64) error {
	if s.Quota == found.Quota {
		return fmt.Errorf("the CPU quota is %s still", s.Quota)
	}
	if s.Throttled <= before {
		return errors.New("the node did not run out of its quota yet")
	}
	return nil
}

func unfrozen(s guardian.State, mode seatrial.FreezeMode, silent time.Duration) error {
	switch {
	case mode == seatrial.Sigstop && (s.Processes == 0 || len(s.Stopped) < s.Processes):
		return fmt.Errorf("%d of %d processes are stopped; running: %s", len(s.Stopped), s.Processes, strings.Join(s.Awake, ", "))
	case mode != seatrial.Sigstop && s.Freezer != "FROZEN":
		return fmt.Errorf("the freezer is %s", s.Freezer)
	case mode == seatrial.Blackout && s.Rules < 2:
		return fmt.Errorf("%d drop rules are in force", s.Rules)
	case silent < silence:
		return fmt.Errorf("the last heartbeat was %v ago", silent.Round(time.Millisecond))
	}
	return nil
}

// throttleProof puts what was seen in words.
func (x *armed) throttleProof(s guardian.State) seatrial.Proof {
	return seatrial.Proof{
		Method: "cpu.stat of the node's cgroup, read from its host",
		Evidence: map[string]string{
			"quota":             s.Quota,
			"quota before":      x.prior.Found.Quota,
			"throttled periods": strconv.FormatUint(s.Throttled-x.before.Throttled, 10),
		},
	}
}

// freezeProof puts what was seen in words.
func freezeProof(s guardian.State, mode seatrial.FreezeMode, silent time.Duration) seatrial.Proof {
	p := seatrial.Proof{
		Method:   "a heartbeat inside the node that stopped, and the state of its processes and its freezer, read from its host",
		Evidence: map[string]string{"last heartbeat": silent.Round(time.Millisecond).String() + " ago"},
	}
	if mode == seatrial.Sigstop {
		p.Evidence["processes stopped"] = fmt.Sprintf("%d of %d", len(s.Stopped), s.Processes)
	} else {
		p.Evidence["freezer"] = s.Freezer
		p.Evidence["processes frozen"] = strconv.Itoa(s.Processes)
	}
	if mode == seatrial.Blackout {
		p.Evidence["drop rules"] = strconv.Itoa(s.Rules)
		p.Evidence["packets dropped"] = strconv.FormatUint(s.Dropped, 10)
	}
	return p
}
