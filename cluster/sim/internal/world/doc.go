// Package world is the model of one cluster: what moves in Kubernetes when
// something fails. Objects come from the user's own manifests; controllers,
// scheduler, kubelets and node life cycle act on them as events of virtual
// time. What moves packets is in package network.
//
// What is healthy costs nothing: leases, probes and status reports of a healthy
// node follow from their phase, and become events only where a fault acts.
//
//	w := world.New(clock, world.Config{Workers: 3, Seed: 7})
//	err := w.Apply(manifests)
//	err = clock.Until(ctx, func() bool { return w.Missing() == nil })
//
//	timings.go     every constant, with its source
//	decode.go      manifests to objects
//	deployment.go, replicaset.go, statefulset.go, daemonset.go, disruption.go
//	scheduler.go, filter.go, score.go, tally.go
//	lifecycle.go   leases, NotReady, taints, evictions
//	kubelet.go, container.go, probe.go, process.go
//	endpoints.go   services, and what each node's kube-proxy knows of them
package world
