package network

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
	"github.com/seatrial/seatrial/load/tally"
)

// Front is a [seatrial.Front] of clusters that share a clock. It and the users
// behind it come into each cluster by its agents' node, as by a gateway: they are
// no nearer to one than to another.
type Front struct {
	spec    seatrial.Front // filled in
	clock   *virtual.Clock
	random  *rand.Rand
	members []*member // in the scenario's order
	sink    seatrial.Sink
	over    func() bool // nobody sends any more
}

// member is a cluster behind a front.
type member struct {
	front *Front
	name  string
	way   route
	well  bool
	run   int // checks in a row that say otherwise
	check call
}

// unavailable is what a load balancer answers where no cluster is well.
var unavailable = tally.ClassOf(http.StatusServiceUnavailable, 0)

// NewFront stands before networks, whose clusters have these names. Users of the
// first one's loads go through it.
func NewFront(spec seatrial.Front, names []string, networks []*Network) *Front {
	first := networks[0]
	f := &Front{spec: spec, clock: first.clock, random: first.seed.Rand("front", spec.Host)}
	for i, n := range networks {
		f.members = append(f.members, &member{front: f, name: names[i], way: route{network: n}, well: true})
	}
	first.front = f
	return f
}

// begin finds each cluster's service, and checks it from now on. The first checks
// are spread over an interval.
func (f *Front) begin(sink seatrial.Sink, over func() bool) error {
	f.sink, f.over = sink, over
	for _, m := range f.members {
		m.way.node = m.way.network.gateway()
		namespace, name, _ := strings.Cut(f.spec.Service, "/")
		if m.way.service = m.way.network.world.Service(namespace, name); m.way.service == nil {
			return seatrial.Fail(seatrial.BadInput, fmt.Errorf("cluster %s has no service %s for the front", m.name, f.spec.Service), "name one of the workload's in front.service")
		}
		m.check = call{owner: m, pool: &pool{route: m.way, addressed: true, port: m.way.service.Port(), timeout: f.spec.Check.Timeout,
			random: m.way.network.seed.Rand("front", m.name)}}
		f.clock.After(time.Duration(f.random.Int64N(int64(f.spec.Check.Interval))), m, 0)
	}
	return nil
}

// Fire begins a check.
func (m *member) Fire(uint64) {
	if m.front.over() {
		return
	}
	m.front.clock.After(m.front.spec.Check.Interval, m, 0)
	if m.check.at == nowhere { // a timeout may be as long as the interval
		m.check.begin()
	}
}

// returned is the end of a check.
func (m *member) returned(_ *call, class string) {
	if (class == "") == m.well {
		m.run = 0
		return
	}
	m.run++
	c := m.front.spec.Check
	if m.well && m.run < c.Failures || !m.well && m.run < c.Successes {
		return
	}
	m.well, m.run = !m.well, 0
	e := seatrial.Event{At: m.front.clock.Now(), Kind: seatrial.KindFront, Subject: m.name, Data: seatrial.FrontMark{Well: m.well},
		Message: inARow(c.Successes) + " answered: clients are sent there again"}
	if !m.well {
		e.Severity = seatrial.Warning
		e.Message = inARow(c.Failures) + " not answered (" + class + "): no client is sent there any more"
	}
	m.front.sink.Event(e)
}

// inARow counts health checks.
func inARow(n int) string {
	if n == 1 {
		return "a health check was"
	}
	return fmt.Sprintf("%d health checks in a row were", n)
}

// resolve is the answer of the front's DNS. Where no cluster is well it takes all
// for well, as Route 53 does ("How Amazon Route 53 chooses records when health
// checking is configured").
func (f *Front) resolve(r *rand.Rand) *member {
	well := f.well()
	if len(well) == 0 {
		well = f.members
	}
	if f.spec.DNS.Answers == "multivalue" {
		return well[r.IntN(len(well))]
	}
	return well[0]
}

func (f *Front) well() []*member {
	var well []*member
	for _, m := range f.members {
		if m.well {
			well = append(well, m)
		}
	}
	return well
}

// balance is the cluster that a load balancer passes this request on to; nil where
// there is none before it, and none where no cluster is well.
func (c *call) balance() (to *member, none bool) {
	f := c.pool.front
	if f == nil || f.spec.LoadBalancer == nil {
		return nil, false
	}
	well := f.well()
	switch {
	case len(well) == 0:
		return nil, true
	case f.spec.LoadBalancer.Spread == "first":
		return well[0], false
	}
	return well[c.pool.random.IntN(len(well))], false
}
