package scenarios

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

const (
	shortestCheck = time.Second // of a front: what managed ones offer
	mostChecks    = 20          // in a row, until a front believes them
)

var (
	serviceName = regexp.MustCompile(`^` + label + `/` + label + `$`)
	hostName    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
)

// front checks the front, whose defaults are filled in, and what needs one.
func (p *parser) front(n *yaml.Node, s *seatrial.Spec) {
	if s.Front == nil {
		if len(s.Clusters) > 1 {
			p.badHint(find(n, "front"), "such as front: {service: default/shop, dns: {ttl: 60s}}", "is required: it says which of the clusters answers whom")
		}
		return
	}
	f, at := s.Front, find(n, "front").node
	if !serviceName.MatchString(f.Service) {
		p.badHint(find(at, "service"), "such as service: default/shop", "%q is not a service of each cluster, as namespace/name", f.Service)
	}
	if !hostName.MatchString(f.Host) {
		p.bad(find(at, "host"), "%q is not a name of a host", f.Host)
	}
	if (f.DNS == nil) == (f.LoadBalancer == nil) {
		p.badHint(where{node: at}, "write dns: {}, loadBalancer: {}, or a preset", "has one of dns and loadBalancer")
	}
	if !strings.HasPrefix(f.Check.Path, "/") {
		p.bad(find(at, "check", "path"), "%q does not begin with /", f.Check.Path)
	}
	p.checks(at, f.Check)
	if !slices.ContainsFunc(s.Loads, func(l seatrial.Load) bool { return behind(l, f) }) {
		p.badHint(where{node: at}, "such as target: http://"+f.Host+"/", "no load has a target of the host %s", f.Host)
	}
}

func (p *parser) checks(at *yaml.Node, c seatrial.HealthCheck) {
	if c.Interval < shortestCheck {
		p.bad(find(at, "check", "interval"), "%s is below %s", short(c.Interval), shortestCheck)
	}
	if c.Timeout > c.Interval {
		p.bad(find(at, "check", "timeout"), "%s is longer than the interval of %s", short(c.Timeout), short(c.Interval))
	}
	if c.Failures < 1 || c.Failures > mostChecks {
		p.bad(find(at, "check", "failures"), "%d is not between 1 and %d", c.Failures, mostChecks)
	}
	if c.Successes < 1 || c.Successes > mostChecks {
		p.bad(find(at, "check", "successes"), "%d is not between 1 and %d", c.Successes, mostChecks)
	}
}

// honoured refuses to honour the TTL of answers whose TTL nobody knows.
func (p *parser) honoured(n *yaml.Node, s *seatrial.Spec) {
	for i, l := range s.Loads {
		if l.DNS.Cache == seatrial.HonourTTL && (s.Front == nil || !behind(l, s.Front)) {
			p.badHint(find(n, "loads", i, "dns", "cache"), "write a time, such as 30s", "honourTTL is for targets behind a front")
		}
	}
}

// behind says whether a request of the load goes through the front.
func behind(l seatrial.Load, f *seatrial.Front) bool {
	return slices.ContainsFunc(l.Requests(), func(t seatrial.Target) bool {
		u, err := url.Parse(t.URL)
		return err == nil && u.Hostname() == f.Host
	})
}
