package network

import (
	"slices"

	"github.com/seatrial/seatrial/cluster/sim/internal/world"
)

// server is the sockets and the requests of one process.
type server struct {
	network *Network
	process *world.Process
	conns   []*conn
	queue   []*call // arrived, not begun with
	serving []*call
	ending  bool
	up      *pool      // to its upstream; nil where it has none
	back    []returned // from there, while the process stood still
}

// returned is an upstream's answer that nobody was there to take.
type returned struct {
	call  *call
	class string
}

func serverOf(n *Network, p *world.Process) *server {
	return p.Backend(func() world.Backend { return &server{network: n, process: p} }).(*server)
}

// accept opens a connection. The kernel does so also for a process that stands
// still: Go's backlog is somaxconn, 4096, more than any scenario fills.
func (s *server) accept(p *pool, way route) *conn {
	c := &conn{pool: p, way: way, server: s, open: true, index: len(s.conns), born: s.network.clock.Now()}
	s.conns = append(s.conns, c)
	return c
}

// forget closes a connection on this side.
func (s *server) forget(c *conn) {
	last := len(s.conns) - 1
	if last < 0 || c.index > last || s.conns[c.index] != c {
		return
	}
	s.conns[c.index] = s.conns[last]
	s.conns[c.index].index = c.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
}

// arrive takes a request from the kernel.
func (s *server) arrive(c *call) {
	if s.process.Still() || s.full() {
		c.at = queued
		c.guard()
		s.queue = append(s.queue, c)
		return
	}
	s.begin(c)
}

func (s *server) full() bool {
	most := s.process.App.Concurrency
	return most > 0 && len(s.serving) >= most
}

// begin works on a request: its data and the upstream first, then the service
// time.
func (s *server) begin(c *call) {
	c.at = serving
	c.index = len(s.serving)
	s.serving = append(s.serving, c)
	switch {
	case s.process.Broken():
		s.refuse(c, internalError)
	case s.process.App.Upstream != "":
		s.ask(c)
	default:
		s.work(c)
	}
}

// refuse answers at once with an error.
func (s *server) refuse(c *call, status string) {
	c.status = status
	c.finish = s.network.clock.Now() + overhead(s.process.Rand)
	c.set(c.finish, onAnswer)
}

func (s *server) work(c *call) {
	r := s.process.Rand
	c.finish = s.network.clock.Now() + s.process.App.ServiceTime.Sample(r) + overhead(r) +
		s.process.Compute()
	if c.finish >= c.deadline {
		c.guard()
	}
	c.set(c.finish, onAnswer)
}

// answer sends the response.
func (s *server) answer(c *call) {
	s.leave(c)
	c.succeed(c.status, s.process.Draining())
	s.next()
}

// leave takes a call out, whether it is served or waits.
func (s *server) leave(c *call) {
	switch c.at {
	case queued:
		s.queue = slices.DeleteFunc(s.queue, func(o *call) bool { return o == c })
	case serving:
		last := len(s.serving) - 1
		s.serving[c.index] = s.serving[last]
		s.serving[c.index].index = c.index
		s.serving[last] = nil
		s.serving = s.serving[:last]
		s.forgo(c)
	}
	c.at = nowhere
}

// forgo gives up what the server asked its upstream on behalf of a call. An
// answer that waits for the process to go on is thrown away when it does.
func (s *server) forgo(c *call) {
	below := c.below
	if below == nil {
		return
	}
	c.below, below.above = nil, nil
	if !slices.ContainsFunc(s.back, func(r returned) bool { return r.call == below }) {
		below.abandon()
	}
}

// abandon ends a call whose result nobody waits for any more.
func (c *call) abandon() {
	c.giveUp()
	c.pool.network.free = append(c.pool.network.free, c)
}

// next takes what waits, and ends the process that only waited for the last.
func (s *server) next() {
	for len(s.queue) > 0 && !s.process.Still() && !s.full() {
		c := s.queue[0]
		s.queue = slices.Delete(s.queue, 0, 1)
		s.begin(c)
	}
	if s.ending && len(s.serving) == 0 && len(s.queue) == 0 {
		s.process.Exit()
	}
}

// Freeze stops the clocks of the answers. Timers go on in the kernel, so what
// would have been ready is ready at the thaw.
func (s *server) Freeze() {
	for _, c := range s.serving {
		c.turn++
		c.guard()
	}
}

// Thaw goes on with what was begun, and with what has come since.
func (s *server) Thaw() {
	now := s.network.clock.Now()
	for _, c := range s.serving {
		if c.below == nil {
			c.set(max(c.finish, now+overhead(s.process.Rand)), onAnswer)
		}
	}
	back := s.back
	s.back = nil
	for _, r := range back {
		s.returned(r.call, r.class)
	}
	s.next()
}

// Shutdown is the end of a graceful farewell: idle connections close, and the
// process ends with its last answer.
func (s *server) Shutdown() {
	for _, c := range slices.Clone(s.conns) {
		if c.idle {
			s.forget(c)
			c.lost()
		}
	}
	s.ending = true
	s.next()
}

// Exit breaks every connection: what was read ends with EOF, what was not with
// a reset.
func (s *server) Exit() {
	conns := s.conns
	s.conns = nil
	for _, c := range conns {
		c.lost()
	}
	s.end(s.serving, eof)
	s.end(s.queue, reset)
}

// end breaks calls whose client can hear of it; the others wait in vain.
func (s *server) end(calls []*call, class string) {
	for _, c := range slices.Clone(calls) {
		if c.conn.dead {
			s.hang(c)
			continue
		}
		c.broken(class)
	}
}

// hang leaves a call waiting for an answer that will not come.
func (s *server) hang(c *call) {
	s.leave(c)
	c.at = sending
	c.turn++
	c.guard()
}
