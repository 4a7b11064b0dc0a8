package faults

import (
	"context"
	"time"

	"github.com/seatrial/seatrial"
)

// ControlPlaneOutage takes API server, controllers, scheduler and etcd away.
// Running pods, kube-proxy's last rules and DNS from memory go on; nothing is
// scheduled, no endpoint changes, nothing is rolled out or evicted. When it
// comes back, every node has a fresh grace period.
type ControlPlaneOutage struct {
	Hang bool `yaml:"hang" doc:"the API server accepts connections and never answers, instead of refusing them"`
}

var controlPlaneOutage = seatrial.Builtin{
	Name:    "controlPlaneOutage",
	Summary: "API server, controllers, scheduler and etcd are away; the data plane goes on.",
	New:     func() seatrial.Fault { return &ControlPlaneOutage{} },
	Proof:   "none of the control plane's processes runs, and the API server, asked from outside, gives no answer",
	Example: `- name: outage
  at: 15s
  for: 30s
  controlPlaneOutage: {hang: true}
`,
}

// Check demands a `for`.
func (*ControlPlaneOutage) Check(span time.Duration) error { return checkOutage(span) }

// Run takes the control plane away for the span and brings it back.
func (o *ControlPlaneOutage) Run(ctx context.Context, env seatrial.Env) error {
	if err := o.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	return outage(ctx, env, "outage of the control plane", seatrial.StopControlPlane{Hang: o.Hang, Expires: env.Span() + expiryMargin})
}
