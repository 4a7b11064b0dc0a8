package seatrial

import (
	"cmp"
	"fmt"
	"time"
)

// Front stands between clients and clusters, outside of both. It asks each
// cluster again and again whether it is well, and sends clients to one that is,
// by what it answers to DNS queries or by passing requests on.
type Front struct {
	// Preset fills in what is not said with what a managed front does.
	Preset string `yaml:"preset" enum:"route53-fast,route53-standard,gke-ingress"`
	// Host is the name that clients know: targets of this host go through the
	// front. Empty means "front".
	Host string `yaml:"host"`
	// Service is what answers in each cluster, as namespace/name.
	Service string `yaml:"service"`
	// DNS or LoadBalancer says how clients are sent to a cluster: one of both.
	DNS          *FrontDNS     `yaml:"dns"`
	LoadBalancer *LoadBalancer `yaml:"loadBalancer"`
	Check        HealthCheck   `yaml:"check"`
}

// FrontDNS answers with addresses of clusters that are well. Clients remember
// what it said, for the TTL or as their `dns.cache` says, and kept-alive
// connections outlive it.
type FrontDNS struct {
	// Answers says with which: the first in the scenario's order, or all of them,
	// of which a client takes one at random. Empty means failover.
	Answers string `yaml:"answers" enum:"failover,multivalue"`
	// TTL is how long an answer may be used. Zero means 60 s.
	TTL time.Duration `yaml:"ttl"`
}

// LoadBalancer passes each request on to a cluster that is well. What it has
// passed on hangs as long as its client waits; where no cluster is well, it
// answers with 503.
type LoadBalancer struct {
	// Spread says to which: the first in the scenario's order, or any, evenly.
	// Empty means any.
	Spread string `yaml:"spread" enum:"first,any"`
}

// HealthCheck is how a front asks a cluster's service. A cluster is well until
// Failures checks in a row have failed, and again once Successes have not.
type HealthCheck struct {
	Path      string        `yaml:"path"`      // empty means "/"
	Interval  time.Duration `yaml:"interval"`  // from one check to the next; zero means 10 s
	Timeout   time.Duration `yaml:"timeout"`   // of one; zero means 2 s
	Failures  int           `yaml:"failures"`  // zero means 3
	Successes int           `yaml:"successes"` // zero means 1
}

// FrontMark is the data of a [KindFront] event, whose Subject is a cluster.
type FrontMark struct {
	Well bool `json:"well"` // clients are sent there
}

// Filled is the front with what its preset and the defaults say of fields that
// are not set.
func (f Front) Filled() Front {
	p := presets[f.Preset]
	if f.DNS == nil && f.LoadBalancer == nil {
		f.DNS, f.LoadBalancer = p.DNS, p.LoadBalancer
	}
	if f.DNS != nil {
		d := *f.DNS
		if p.DNS != nil {
			d.TTL = cmp.Or(d.TTL, p.DNS.TTL)
		}
		f.DNS = &FrontDNS{Answers: cmp.Or(d.Answers, "failover"), TTL: cmp.Or(d.TTL, time.Minute)}
	}
	if f.LoadBalancer != nil {
		f.LoadBalancer = &LoadBalancer{Spread: cmp.Or(f.LoadBalancer.Spread, "any")}
	}
	f.Host = cmp.Or(f.Host, "front")
	f.Check = HealthCheck{
		Path:      cmp.Or(f.Check.Path, "/"),
		Interval:  cmp.Or(f.Check.Interval, cmp.Or(p.Check.Interval, 10*time.Second)),
		Timeout:   cmp.Or(f.Check.Timeout, cmp.Or(p.Check.Timeout, 2*time.Second)),
		Failures:  cmp.Or(f.Check.Failures, cmp.Or(p.Check.Failures, 3)),
		Successes: cmp.Or(f.Check.Successes, cmp.Or(p.Check.Successes, 1)),
	}
	return f
}

// String says in words what a front that is filled in does.
func (f Front) String() string {
	var how string
	switch {
	case f.DNS != nil:
		how = fmt.Sprintf("DNS, %s, TTL %s", f.DNS.Answers, f.DNS.TTL)
	case f.LoadBalancer != nil && f.LoadBalancer.Spread == "first":
		how = "a load balancer, to the first that is well"
	case f.LoadBalancer != nil:
		how = "a load balancer, to any that is well"
	}
	c := f.Check
	return fmt.Sprintf("%s: %s; asks %s for %s every %s, %s each; out after %d that failed, back after %d that did not",
		f.Host, how, f.Service, c.Path, c.Interval, c.Timeout, c.Failures, c.Successes)
}

// presets are managed fronts, with what they do when nothing else is said.
var presets = map[string]Front{
	// Amazon Route 53 Developer Guide, "Values that you specify when you create
	// or update health checks": every 10 or 30 s, threshold 3; "How Route 53
	// determines the status": an HTTP check has 4 s to connect, and 2 s more to be
	// answered. A TTL of 60 s or less is advised. Several checkers ask, from
	// several regions; here it is one.
	"route53-fast":     {DNS: &FrontDNS{TTL: time.Minute}, Check: HealthCheck{Interval: 10 * time.Second, Timeout: 4 * time.Second, Failures: 3, Successes: 3}},
	"route53-standard": {DNS: &FrontDNS{TTL: time.Minute}, Check: HealthCheck{Interval: 30 * time.Second, Timeout: 4 * time.Second, Failures: 3, Successes: 3}},
	// Google Kubernetes Engine, "GKE Ingress for Application Load Balancers",
	// default health checks of container-native load balancing: 15 s, 15 s,
	// unhealthy after 2, healthy after 1.
	"gke-ingress": {LoadBalancer: &LoadBalancer{}, Check: HealthCheck{Interval: 15 * time.Second, Timeout: 15 * time.Second, Failures: 2, Successes: 1}},
}
