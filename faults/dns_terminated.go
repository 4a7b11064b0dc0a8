package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
)

// DNSTerminated makes one pod of the cluster's DNS dead to everyone who asks it,
// while Kubernetes counts it as running and keeps sending it queries. With one
// of two pods dead, half of all first queries are lost. Nothing in the cluster
// repairs that; a person does, by deleting the pod.
type DNSTerminated struct {
	Cure time.Duration `yaml:"cure" doc:"after which time the pod is deleted, which cures; 0 means never"`
}

var dnsTerminated = seatrial.Builtin{
	Name:    "dnsTerminated",
	Summary: "One pod of the cluster's DNS is dead, yet still gets queries.",
	New:     func() seatrial.Fault { return &DNSTerminated{} },
	Proof:   "a query sent to the pod itself gets no answer, while its endpoint is ready; the proof names the way in which the pod is dead",
	Example: `- name: dead-dns
  at: 15s
  for: 45s
  dnsTerminated: {cure: 30s}
`,
}

// Check demands a `for`, and a cure within it.
func (d *DNSTerminated) Check(span time.Duration) error {
	if err := checkOutage(span); err != nil {
		return err
	}
	return checkCure(d.Cure, span)
}

// Run makes the pod dead for the span, or until it is deleted.
func (d *DNSTerminated) Run(ctx context.Context, env seatrial.Env) error {
	if err := d.Check(env.Span()); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "")
	}
	pods, err := Pods{Namespace: "kube-system", Labels: "k8s-app=kube-dns"}.choose(ctx, env)
	if err != nil {
		return fmt.Errorf("choosing the pod of DNS: %w", err)
	}
	pod := pods[0]
	dead, err := env.Arm(ctx, seatrial.DNSTerminated{Namespace: pod.Namespace, Pod: pod.Name, Expires: env.Span() + expiryMargin})
	if err != nil {
		return fmt.Errorf("preparing the death of pod %s: %w", pod.Name, err)
	}
	s := stage{name: "death of pod " + pod.Name, effect: dead, length: env.Span(), prove: true}
	return s.playCured(ctx, env, d.Cure, pod)
}
