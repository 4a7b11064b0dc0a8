package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// DNSDown takes all pods of the cluster's DNS away. Whoever keeps its
// connections does not notice; whoever looks a name up gets no answer.
type DNSDown struct{}

// shortestDNSDown: the pods of CoreDNS linger for 5 s (its lameduck) before
// they are gone, which is the proof.
const shortestDNSDown = 15 * time.Second

var dnsDown = seatrial.Builtin{
	Name:    "dnsDown",
	Summary: "All pods of the cluster's DNS are gone.",
	New:     func() seatrial.Fault { return &DNSDown{} },
	Proof:   "no pod of DNS is left, and no ready endpoint of its Service",
	Example: `- name: no-dns
  at: 15s
  for: 30s
  dnsDown: {}
`,
}

// Check demands a `for` that is long enough for the pods to end.
func (*DNSDown) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	if span < shortestDNSDown {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("for is %s; pods of DNS linger for some seconds before they are gone", span),
			"at least "+shortestDNSDown.String())
	}
	return nil
}

// Run takes DNS away for the span, and restores the number of pods that it had.
func (d *DNSDown) Run(ctx context.Context, env seatrial.Env) error {
	if err := d.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	return outage(ctx, env, "absence of DNS", seatrial.DNSDown{Expires: env.Span() + expiryMargin})
}
