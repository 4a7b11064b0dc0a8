package network

import (
	"time"

	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/load/tally"
)

// caller is who makes calls: a user, or an application.
type caller interface {
	// returned is called once a call is over; class is empty for a success.
	returned(c *call, class string)
}

// call is one request from a client's view, over as many connections as it
// takes within its timeout.
type call struct {
	pool    *pool
	owner   caller
	replays bool   // net/http sends it again when a kept-alive connection turns out dead
	expects string // the class that is a success; empty for any status below 400

	sent     time.Duration
	deadline time.Duration
	attempts int64
	way      route // into the cluster
	conn     *conn
	fresh    bool // the connection had carried nothing before
	pod      *world.Pod
	lookups  []tally.Lookup // so far
	asked    time.Duration  // when the last of them began

	// Dialling.
	target *world.Pod
	tries  int           // SYNs, or transmissions, that were not answered
	lost   time.Duration // when the first of them was sent

	// At the server.
	at      place
	index   int           // in the server's list of those it serves
	arrived time.Duration // when the server's kernel had it
	finish  time.Duration // when its answer is ready
	status  string        // class of an answer that is no success
	below   *call         // the call that its server makes on its behalf
	above   *call         // the call on whose behalf this is made

	number  uint64 // of the request, for its timeout
	turn    uint64 // of every other timer
	guarded bool   // the timeout is set
}

// place is where a call is.
type place uint8

const (
	nowhere place = iota
	dialling
	sending
	queued  // arrived, and not begun with
	serving // with the application
)

// The timers of a call, in the low bits of an event's code.
const (
	onTimeout = iota + 1
	onLookedUp
	onSYN
	onConnected
	onSend
	onAnswer
	onFailure
	onGone
	timerBits = 4
)

func (c *call) set(at time.Duration, what uint64) {
	c.turn++
	c.pool.network.clock.At(at, c, c.turn<<timerBits|what)
}

func (c *call) after(d time.Duration, what uint64) { c.set(c.pool.network.clock.Now()+d, what) }

// guard sets the timeout, once it may matter.
func (c *call) guard() {
	if !c.guarded {
		c.guarded = true
		c.pool.network.clock.At(c.deadline, c, c.number<<timerBits|onTimeout)
	}
}

// Fire is one of its timers.
func (c *call) Fire(code uint64) {
	what, turn := code&(1<<timerBits-1), code>>timerBits
	if what == onTimeout {
		if turn == c.number && c.at != nowhere {
			c.fail(tally.Timeout)
		}
		return
	}
	if turn != c.turn {
		return
	}
	switch what {
	case onLookedUp:
		c.pool.learn()
		c.resolved()
	case onSYN:
		c.dial()
	case onConnected:
		c.connected()
	case onSend:
		c.transmit()
	case onAnswer:
		c.conn.server.answer(c)
	case onFailure:
		c.fail(c.status)
	case onGone:
		c.gone()
	}
}

// begin sends the request now.
func (c *call) begin() {
	c.sent = c.pool.network.clock.Now()
	c.deadline = c.sent + c.pool.timeout
	c.number++
	c.attempts, c.guarded, c.status, c.pod = 0, false, "", nil
	c.lookups = c.lookups[:0]
	c.attempt()
}

// attempt uses an idle connection, or opens one.
func (c *call) attempt() {
	c.attempts++
	c.tries = 0
	to, none := c.balance()
	if none {
		c.later(roundTrip, unavailable)
		return
	}
	if c.conn = c.pool.take(to); c.conn != nil {
		c.fresh, c.way = false, c.conn.way
		c.transmit()
		return
	}
	c.at = dialling
	if to != nil {
		c.way = to.way
		c.choose()
		return
	}
	c.lookUp()
}

// later ends the call with a class after d.
func (c *call) later(d time.Duration, class string) {
	c.status = class
	c.guard()
	c.after(d, onFailure)
}

// choose lets kube-proxy's rules pick the endpoint.
func (c *call) choose() {
	p := c.pool
	if p.local {
		c.target = p.inside.Pod
		c.dial()
		return
	}
	service := c.way.service
	if !service.Serves(p.port) || p.outside() && c.way.node.Silent() {
		c.guard() // nothing answers at a virtual address's other ports, nor at a gateway that is gone
		return
	}
	pods := c.way.node.View(service).Endpoints()
	if len(pods) == 0 {
		c.later(roundTrip, tally.Refused) // kube-proxy rejects
		return
	}
	c.target = pods[p.random.IntN(len(pods))]
	c.dial()
}

// dial sends a SYN. One to an address that is gone is lost: the node sends it on
// by its default route, where somebody's firewall drops it without a word (seen
// on kind). Its connection stays bound to that address until the client gives
// up, whatever kube-proxy learns meanwhile.
func (c *call) dial() {
	switch {
	case cut(c.way.node, c.target.Node), !c.target.Addressed():
		c.again(onSYN)
	case c.listener() == nil:
		c.later(roundTrip, tally.Refused)
	default:
		c.after(roundTrip, onConnected)
	}
}

// listener is the process that accepts at the target; nil where none does.
func (c *call) listener() *world.Process {
	var p *world.Process
	if c.pool.local {
		p = c.target.Listener(c.pool.port)
	} else {
		p = c.way.service.Target(c.target, c.pool.port)
	}
	if p == nil || !p.Listening() {
		return nil
	}
	return p
}

// again sends a packet that was lost once more, as late as TCP does.
func (c *call) again(what uint64) {
	var wait time.Duration
	if what == onSYN {
		wait = synWait(c.tries)
	} else {
		wait = rtoWait(c.tries, c.conn.roundTrip)
	}
	wait += time.Duration(c.pool.random.Int64N(int64(granule(wait))))
	if c.tries == 0 {
		c.lost = c.pool.network.clock.Now()
	}
	c.tries++
	c.guard()
	if most := c.pool.how.UserTimeout; most > 0 && c.pool.network.clock.Now()+wait >= c.lost+most {
		c.set(c.lost+most, onGone) // tcp_timer.c: tcp_clamp_rto_to_user_timeout
		return
	}
	c.after(wait, what)
}

// gone: the kernel gives the connection up (ETIMEDOUT).
func (c *call) gone() {
	if c.conn == nil {
		c.fail(tally.Timeout)
		return
	}
	c.broken(tally.Timeout)
}

func (c *call) connected() {
	p := c.listener()
	if p == nil { // gone since the SYN
		c.later(roundTrip, tally.Refused)
		return
	}
	c.tries, c.fresh = 0, true
	c.conn = serverOf(c.way.network, p).accept(c.pool, c.way)
	c.transmit()
}

// transmit brings the request to the server's kernel.
func (c *call) transmit() {
	c.at = sending
	server := c.conn.server
	switch {
	case cut(c.way.node, server.process.Pod.Node):
		c.again(onSend)
	case c.conn.dead:
		c.broken(tally.Reset)
	default:
		c.arrived = c.pool.network.clock.Now()
		server.arrive(c)
	}
}

// broken: the connection ended under the request. net/http tries again, once
// more each time, where the connection was an old one and the request may be
// repeated.
func (c *call) broken(class string) {
	old := c.conn.used
	c.drop()
	if old && c.replays {
		c.attempt()
		return
	}
	c.fail(class)
}

// drop takes the call off its connection, which is of no use any more.
func (c *call) drop() {
	c.turn++
	if c.conn != nil {
		c.conn.server.leave(c)
		c.conn.close()
		c.conn = nil
	}
}

// fail ends the call without an answer.
func (c *call) fail(class string) {
	c.drop()
	c.at = nowhere
	c.owner.returned(c, class)
}

// giveUp ends the call without telling its owner.
func (c *call) giveUp() {
	c.drop()
	c.at = nowhere
	c.number++
}

// succeed ends it with the answer's class; close says that the server wants the
// connection closed.
func (c *call) succeed(class string, close bool) {
	class = c.judge(class)
	c.turn++
	c.at = nowhere
	c.pod = c.conn.server.process.Pod
	conn := c.conn
	conn.smooth(c.pool.network.clock.Now() - c.arrived)
	c.conn = nil
	if close || c.pool.spurns(class) {
		conn.close()
	} else {
		c.pool.put(conn)
	}
	c.owner.returned(c, class)
}

// judge is the class of an answer as its load expects it. What the application
// answers with when it is well is taken to be expected: the model has neither its
// bodies nor its other statuses.
func (c *call) judge(class string) string {
	switch class {
	case c.expects:
		return ""
	case "":
		return tally.Check
	}
	return class
}
