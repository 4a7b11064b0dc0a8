// Package sim is a cluster in virtual time: the same scenario files as on a
// real one, deterministically, on any machine, in a blink.
//
// It models what moves when things fail: controllers and scheduler, kubelets
// with their probes, node life cycle, kube-proxy, TCP, DNS, and the sample
// application by its own flags. Package internal/world is the cluster,
// internal/network the way between its pods and their users, internal/virtual
// the time. docs/simulator.md says what is modelled and what is not, and
// docs/fidelity.md how it compares with real clusters.
//
//	site, err := sim.Open(trial.Spec, 7)
//	defer site.Close()
//	attack, err := site.Prepare(ctx, loads, sink)
package sim
