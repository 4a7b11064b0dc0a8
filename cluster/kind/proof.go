package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// glance is the pause between two looks for a proof.
const glance = 25 * time.Millisecond

// Prove looks at the node from its host, and asks or listens to what runs in
// it, until both show what a does.
func (c *Cluster) Prove(ctx context.Context, a seatrial.Action) (seatrial.Proof, error) {
	if c.poolPower(a) != nil {
		return c.provePool(ctx, a)
	}
	if _, down := a.(seatrial.DNSDown); down || !guarded(a) {
		return c.Cluster.Prove(ctx, a)
	}
	x := c.find(a, true)
	if x == nil {
		return seatrial.Proof{}, fmt.Errorf("%s of %s was not done", a.Kind(), a.Target())
	}
	see := c.see
	if isHog(a) {
		see = c.hogProof
	}
	tick := time.NewTicker(glance)
	defer tick.Stop()
	missing := errors.New("nothing was seen yet")
	for looks := 1; ; looks++ {
		proof, err := see(ctx, x)
		if err == nil {
			return proof, nil
		}
		if ctx.Err() == nil {
			missing = err
		}
		if err := x.provoke(looks); err != nil {
			return seatrial.Proof{}, err
		}
		select {
		case <-ctx.Done():
			return seatrial.Proof{}, fmt.Errorf("proving %s of %s: %w: %w", a.Kind(), a.Target(), ctx.Err(), missing)
		case <-tick.C:
		}
	}
}

// see is one look for the proof; its error says what is missing.
func (c *Cluster) see(ctx context.Context, x *armed) (seatrial.Proof, error) {
	var state guardian.State
	var answer guardian.Answer
	err := c.link.askFor(ctx, x.patience(), func(ctx context.Context, g *guardian.Client) (err error) {
		if x.probe == nil {
			state, err = g.Status(ctx, x.prior.Node)
			return err
		}
		look := g.Status
		if x.uid != "" {
			look = g.Deep // the cut is at the pod's link
		}
		if answer, err = g.Probe(ctx, *x.probe); err == nil {
			state, err = look(ctx, x.prior.Node)
		}
		return err
	})
	if err != nil {
		return seatrial.Proof{}, err
	}
	if state.Gone {
		return seatrial.Proof{}, errors.New("the node's container has ended")
	}
	switch a := x.action.(type) {
	case seatrial.Freeze, seatrial.Throttle:
		return x.judge(state)
	case seatrial.PowerOff:
		return x.powerProof(state)
	case seatrial.StopControlPlane:
		return c.controlPlaneProof(ctx, x, a.Hang, state, answer)
	case seatrial.DNSTerminated:
		return c.dnsProof(ctx, x, state, answer)
	case seatrial.BreakCNI, seatrial.LoseVolume:
		return x.coverProof(answer)
	}
	return x.absenceProof(state, answer)
}

// provoke makes a throttled node compute, once a second, in case nothing there
// does.
func (x *armed) provoke(looks int) error {
	if _, throttle := x.action.(seatrial.Throttle); throttle && looks%int(time.Second/glance) == 10 {
		return x.heart.exert()
	}
	return nil
}

// judge is the proof of a freeze or a throttle, or says what is missing.
func (x *armed) judge(s guardian.State) (seatrial.Proof, error) {
	switch a := x.action.(type) {
	case seatrial.Throttle:
		if err := unthrottled(s, x.prior.Found, x.before.Throttled); err != nil {
			return seatrial.Proof{}, err
		}
		return x.throttleProof(s), nil
	case seatrial.Freeze:
		silent, err := x.heart.silent(x.at)
		if err == nil {
			err = unfrozen(s, a.Mode, silent)
		}
		if err != nil {
			return seatrial.Proof{}, err
		}
		return freezeProof(s, a.Mode, silent), nil
	}
	return seatrial.Proof{}, fmt.Errorf("no proof is known for %s", x.action.Kind())
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

// leftovers says what of a guardian's doing is in force beyond what it found;
// nil when nothing is.
func leftovers(s guardian.State, found guardian.Prior) error {
	if s.Gone {
		return nil
	}
	var left []error
	standing := found.Concerns(guardian.Standing)
	if n := len(stoppedSince(s, found)); n > 0 && (standing || found.Concerns(guardian.Units)) {
		left = append(left, fmt.Errorf("%d processes are stopped", n))
	}
	if s.Freezer != "THAWED" && !found.Frozen && standing {
		left = append(left, fmt.Errorf("the freezer is %s", s.Freezer))
	}
	if s.Table && standing {
		left = append(left, fmt.Errorf("%d drop rules are in force", s.Rules))
	}
	for kind, n := range s.Hogs {
		if found.Concerns(kind) {
			left = append(left, fmt.Errorf("%d hogs of the kind %s run", n, kind))
		}
	}
	if found.OOM != "" && s.OOM != found.OOM {
		left = append(left, fmt.Errorf("want of memory on the node is dealt with by %s, not %s", s.OOM, found.OOM))
	}
	if s.Cut > 0 && found.Concerns(guardian.Network) {
		left = append(left, fmt.Errorf("%d rules of a cut are in force", s.Cut))
	}
	if covered := stillCovered(s, found); len(covered) > 0 && found.Concerns(guardian.Mounts) {
		left = append(left, fmt.Errorf("covered by mounts: %s", strings.Join(covered, ", ")))
	}
	if found.Quota != "" && s.Quota != found.Quota {
		left = append(left, fmt.Errorf("the CPU quota is %s, not %s", s.Quota, found.Quota))
	}
	return errors.Join(left...)
}

// absent says what ran before and does not yet run again.
func absent(s guardian.State, found guardian.Prior) error {
	var away []string
	for _, name := range found.Daemons {
		if s.Held && name == "kubelet" {
			continue // the machine is no node any more
		}
		if !slices.Contains(s.Daemons, name) {
			away = append(away, name)
		}
	}
	if len(away) == 0 || s.Gone {
		return nil
	}
	return errors.New("not running: " + strings.Join(away, ", "))
}

// stoppedSince are the stopped processes that were not stopped before.
func stoppedSince(s guardian.State, found guardian.Prior) []int {
	var since []int
	for _, pid := range s.Stopped {
		if !slices.ContainsFunc(found.Stopped, func(p guardian.Process) bool { return p.PID == pid }) {
			since = append(since, pid)
		}
	}
	return since
}
