package faults

import (
	"context"
	"errors"
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
	if d.Cure != 0 && (d.Cure < shortestOutage || d.Cure >= span) {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("cure is %s; it comes %s after the fault or later, and before its end at %s", d.Cure, shortestOutage, span),
			"leave cure out for none")
	}
	return nil
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
	if d.Cure == 0 {
		return s.play(ctx, env, env.Begin(ctx))
	}
	return d.cured(ctx, env, s, pod)
}

// cured deletes the pod on the way. Its replacement must be there before the
// fault is over.
func (d *DNSTerminated) cured(ctx context.Context, env seatrial.Env, s stage, pod seatrial.Pod) error {
	cure, err := env.Arm(ctx, seatrial.DeletePod{Namespace: pod.Namespace, Name: pod.Name})
	if err != nil {
		err = fmt.Errorf("preparing the cure: %w", err)
		return s.play(ctx, env, err)
	}
	rest := stage{name: "cure", effect: cure, length: env.Span() - d.Cure, prove: true}
	s.length = d.Cure
	err = env.Begin(ctx)
	if err == nil {
		err = s.run(ctx, env)
	}
	err = rest.play(ctx, env, err)
	if undone := s.effect.Revert(ctx); undone != nil {
		err = errors.Join(err, fmt.Errorf("reverting the %s: %w", s.name, undone))
	}
	return err
}
