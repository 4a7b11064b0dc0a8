package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if p := c.power(a); p == nil || p.api {
		return c.Cluster.Prove(ctx, a)
	}
	x := c.find(a, true)
	if x == nil {
		return seatrial.Proof{}, fmt.Errorf("%s of %s was not done", a.Kind(), a.Target())
	}
	tick := time.NewTicker(glance)
	defer tick.Stop()
	missing := errors.New("nothing was seen yet")
	for {
		proof, err := x.power.see(ctx, x)
		if err == nil {
			return proof, nil
		}
		if ctx.Err() == nil {
			missing = err
		}
		select {
		case <-ctx.Done():
			return seatrial.Proof{}, fmt.Errorf("proving %s of %s: %w: %w", a.Kind(), a.Target(), ctx.Err(), missing)
		case <-tick.C:
		}
	}
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
