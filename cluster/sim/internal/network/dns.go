package network

import (
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/load/tally"
)

// Go's own resolver, as the agents and the sample application use it
// (net/dnsclient_unix.go), with the resolv.conf of a pod.
const (
	dnsTimeout  = 5 * time.Second // of one query: resolv.conf's default
	dnsAttempts = 2               // each from a new socket, and so to a server drawn anew
	ndots       = 5
	leastAnswer = 150 * time.Microsecond
	meanAnswer  = 150 * time.Microsecond // on top of the least
)

// searchDomains are those of a pod's resolv.conf, of which the first begins
// with its namespace.
var searchDomains = []string{"svc.cluster.local", "cluster.local"}

// names counts the names that are asked for one after the other until one is
// there.
func names(host, namespace string) int {
	if strings.HasSuffix(host, ".") || strings.Count(host, ".") >= ndots {
		return 1
	}
	for i, domain := range append([]string{namespace + "." + searchDomains[0]}, searchDomains...) {
		if exists(host + "." + domain) {
			return i + 1
		}
	}
	return 2 + len(searchDomains)
}

// exists tells the shape of a service's full name.
func exists(name string) bool {
	rest, full := strings.CutSuffix(name, ".svc.cluster.local")
	return full && strings.Count(rest, ".") == 1
}

// lookUp asks for the target's address, unless the client remembers it.
func (c *call) lookUp() {
	p := c.pool
	c.way = p.route
	if p.local || p.addressed || p.knows && !p.how.DNS.Cache.Over(p.learnt, p.network.clock.Now(), p.ttl()) {
		c.resolved()
		return
	}
	wait, found := p.resolve()
	c.asked = p.network.clock.Now()
	c.lookups = append(c.lookups, tally.Lookup{Took: wait, Failed: !found})
	switch {
	case !found:
		c.later(wait, tally.DNS)
	default:
		if wait >= time.Second {
			c.guard()
		}
		c.after(wait, onLookedUp)
	}
}

// looked are the call's lookups, once it is over. One that still went on was
// given up with it.
func (c *call) looked() []tally.Lookup {
	if n := len(c.lookups); n > 0 {
		last, took := &c.lookups[n-1], c.pool.network.clock.Now()-c.asked
		if took < last.Took {
			last.Took, last.Failed = took, true
		}
	}
	return c.lookups
}

// learn remembers an answer. The first one of a front's is as old as chance will
// have it: its client has not begun with the trial.
func (p *pool) learn() {
	now := p.network.clock.Now()
	if p.front != nil && !p.knows && p.how.DNS.Cache == seatrial.HonourTTL {
		now -= time.Duration(p.random.Int64N(int64(p.ttl())))
	}
	p.knows, p.learnt = true, now
}

// resolved goes on with the address that is known.
func (c *call) resolved() {
	if c.pool.front != nil {
		c.way = c.pool.answer.way
	}
	c.choose()
}

// serviceTTL is that of a Service's name: `ttl 30` in the Corefile of kubeadm
// (cmd/kubeadm/app/phases/addons/dns/manifests.go).
const serviceTTL = 30 * time.Second

func (p *pool) ttl() time.Duration {
	if p.front != nil {
		return p.front.spec.DNS.TTL
	}
	return serviceTTL
}

// resolve is how long the lookup takes, and whether an address comes of it. The
// name servers are taken to stay as they are meanwhile; those of a front, which
// are not in the clusters, do.
func (p *pool) resolve() (wait time.Duration, found bool) {
	if p.front != nil {
		p.answer = p.front.resolve(p.random)
		return roundTrip + leastAnswer + time.Duration(p.random.ExpFloat64()*float64(meanAnswer)), p.answer.way.service != nil
	}
	service := p.network.world.Service("kube-system", "kube-dns")
	if service == nil {
		return roundTrip, false
	}
	servers := p.node.View(service).Endpoints()
	for range names(p.host, p.namespace) {
		var took time.Duration
		took, found = p.askName(service, servers)
		wait += took
	}
	return wait, found && p.service != nil
}

// askName asks for A and AAAA side by side; the name is known once the first is
// answered, and returned once both have ended.
func (p *pool) askName(service *world.Service, servers []*world.Pod) (time.Duration, bool) {
	a, found := p.query(service, servers)
	aaaa, _ := p.query(service, servers)
	return max(a, aaaa), found
}

func (p *pool) query(service *world.Service, servers []*world.Pod) (wait time.Duration, answered bool) {
	if len(servers) == 0 {
		return dnsAttempts * roundTrip, false // kube-proxy rejects
	}
	for range dnsAttempts {
		if p.answers(service, servers[p.random.IntN(len(servers))]) {
			return wait + leastAnswer + time.Duration(p.random.ExpFloat64()*float64(meanAnswer)), true
		}
		wait += dnsTimeout
	}
	return wait, false
}

// answers says whether a name server does.
func (p *pool) answers(service *world.Service, pod *world.Pod) bool {
	if cut(p.node, pod.Node) || !pod.Addressed() {
		return false
	}
	process := service.Target(pod, 53)
	return process != nil && process.Listening() && !process.Still()
}
