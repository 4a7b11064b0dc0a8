package network

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/load/policy"
)

// pool is the connections of one client to one target.
type pool struct {
	route                    // of what is no front's
	front     *Front         // nil for a target of the client's own cluster
	answer    *member        // of the front's DNS, which knows says to be there
	inside    *world.Process // that is the client; nil for a user
	namespace string         // that short names are looked up in
	host      string
	port      int
	local     bool // the target is the client's own pod
	addressed bool // its address needs no lookup: a front asks
	keepAlive bool
	most      int // idle connections that are kept
	how       seatrial.Connection
	learnt    time.Duration // when the address was last looked up
	knows     bool          // it was
	timeout   time.Duration
	policies  *policy.Client // of a user that has some
	random    *rand.Rand
	idle      []*conn // the last used last
}

// aim reads the target's URL.
func (p *pool) aim(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	p.host, p.port = u.Hostname(), 80
	if u.Scheme == "https" {
		p.port = 443
	}
	if u.Port() != "" {
		if p.port, err = strconv.Atoi(u.Port()); err != nil {
			return err
		}
	}
	ip := net.ParseIP(p.host)
	p.local = p.host == "localhost" || ip != nil && ip.IsLoopback()
	if f := p.network.front; f != nil && p.inside == nil && p.host == f.spec.Host {
		p.front = f
		return nil
	}
	if !p.local {
		p.service = p.network.world.Lookup(p.host, p.namespace)
	}
	return nil
}

// outside says whether the client comes into clusters by their gateways.
func (p *pool) outside() bool { return p.front != nil || p.addressed }

// replayable follows net/http: Request.isReplayable.
func replayable(method string, body bool) bool {
	return !body && slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, method)
}

// take is an idle connection that is not too old, the last used first; nil where
// there is none. A load balancer takes one to the cluster that it has chosen.
func (p *pool) take(to *member) *conn {
	for i := len(p.idle) - 1; i >= 0; i-- {
		c := p.idle[i]
		if to != nil && c.way.network != to.way.network {
			continue
		}
		p.idle = slices.Delete(p.idle, i, i+1)
		c.idle = false
		if p.how.Age == 0 || p.network.clock.Now()-c.born < p.how.Age {
			return c
		}
		c.close()
	}
	return nil
}

// put keeps a connection for the next request.
func (p *pool) put(c *conn) {
	if !p.keepAlive || len(p.idle) >= p.most || !c.open {
		c.close()
		return
	}
	c.used, c.idle = true, true
	p.idle = append(p.idle, c)
}

// spurns says whether the client closes a connection that brought this failure.
func (p *pool) spurns(class string) bool {
	return p.policies != nil && p.policies.Retries(class)
}

// conn is one TCP connection.
type conn struct {
	pool   *pool
	way    route
	server *server
	open   bool // as the client knows
	dead   bool // the server has closed it, and the client could not hear of it
	used   bool // it has carried a request before
	idle   bool
	born   time.Duration // on the clock
	index  int           // in the server's list

	roundTrip time.Duration // smoothed, as its sender sees it
}

// delayedACK is how long a receiver may keep an acknowledgement that it hopes
// to send with an answer (TCP_DELACK_MIN).
const delayedACK = 40 * time.Millisecond

// smooth takes a measured round trip: that of the acknowledgement, which comes
// with the answer or when it has waited long enough (RFC 6298, 2).
func (c *conn) smooth(answered time.Duration) {
	measured := min(answered, delayedACK)
	if c.roundTrip == 0 {
		c.roundTrip = measured
	}
	c.roundTrip += (measured - c.roundTrip) / 8
}

// close is the client's.
func (c *conn) close() {
	if c.open {
		c.open = false
		c.server.forget(c)
	}
}

// lost: the server's side is gone. The client drops an idle connection as soon
// as it hears of it.
func (c *conn) lost() {
	if cut(c.way.node, c.server.process.Pod.Node) {
		c.dead = true
		return
	}
	c.open = false
	if c.idle {
		c.idle = false
		c.pool.idle = slices.DeleteFunc(c.pool.idle, func(o *conn) bool { return o == c })
	}
}
