package network

import (
	"net/http"

	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/load/tally"
)

const (
	eof   = tally.EOF
	reset = tally.Reset
)

// What the application answers when its upstream did not, and when its data is
// lost.
var (
	badGateway    = tally.ClassOf(http.StatusBadGateway, 0)
	internalError = tally.ClassOf(http.StatusInternalServerError, 0)
)

// upstreamIdle is http.DefaultMaxIdleConnsPerHost.
const upstreamIdle = http.DefaultMaxIdleConnsPerHost

// ask calls the upstream on behalf of a request.
func (s *server) ask(c *call) {
	if s.up == nil {
		s.up = s.pool()
	}
	below := s.network.spare(s.up, s)
	c.below, below.above = below, c
	c.guard()
	below.begin()
}

func (s *server) pool() *pool {
	p := &pool{route: route{network: s.network, node: s.process.Pod.Node}, inside: s.process, namespace: s.process.Pod.Namespace,
		keepAlive: true, most: upstreamIdle, timeout: s.process.App.UpstreamTimeout, random: s.process.Rand}
	// A URL that cannot be read was refused with the flags; a name that is
	// none fails when it is looked up.
	if err := p.aim(s.process.App.Upstream); err != nil {
		p.service = nil
	}
	return p
}

// spare is a call that is not in use.
func (n *Network) spare(p *pool, owner caller) *call {
	if last := len(n.free) - 1; last >= 0 {
		c := n.free[last]
		n.free = n.free[:last]
		*c = call{pool: p, owner: owner, replays: true, number: c.number, turn: c.turn}
		return c
	}
	return &call{pool: p, owner: owner, replays: true}
}

// returned is the upstream's answer.
func (s *server) returned(below *call, class string) {
	if s.process.Still() {
		s.back = append(s.back, returned{below, class})
		return
	}
	c := below.above
	below.above = nil
	s.network.free = append(s.network.free, below)
	if c == nil {
		return
	}
	c.below = nil
	if class == "" {
		s.work(c)
		return
	}
	s.refuse(c, badGateway)
}

var _ world.Backend = (*server)(nil)
