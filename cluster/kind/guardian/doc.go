// Package guardian is the container that stands beside the nodes of a kind
// cluster and does to them what nothing inside them could undo: it stops their
// processes and units, freezes their cgroups, drops their packets, throttles
// their CPU, and puts all of it back when told, or by itself when the time is
// over.
//
// A timer inside a frozen node would be frozen too, and the runner may be
// killed; so the timers live here, in one container per cluster that shares
// the host's PID namespace and no network. A runner talks to it over one
// connection, one JSON object a line, so that an act takes milliseconds and
// not the start of a docker command:
//
//	c := guardian.NewClient(pipe)
//	prior, err := c.Prepare(ctx, guardian.Plan{ID: id, Node: node, Freeze: seatrial.Sigstop})
//	_, err = c.Act(ctx, id, 10*time.Second) // thaws by itself after 10 s
//	_, err = c.Revoke(ctx, id)              // or now
//
// An action has an id, made before anything is written to a ledger. Once an id
// was revoked, or has expired, it is never accepted again: that is the fence
// against the last command of a runner that is dead already.
package guardian

// Version of the protocol; a client and a server that differ refuse each
// other.
const Version = 3

// Socket is the abstract unix socket of the server, in the container's own
// network namespace.
const Socket = "@seatrial-guardian"

// HostCgroups is where the container has the host's /sys/fs/cgroup: the one
// that Docker gives a container on cgroup version 1 shows that container's own
// groups only.
const HostCgroups = "/host/cgroup"
