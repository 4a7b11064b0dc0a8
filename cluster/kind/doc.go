// Package kind is the backend of real clusters on one machine: it boots them
// through the kind library, keeps them for the next trial, and adds to what
// any cluster can do through its API (package kube, which it embeds) what
// Docker can do to a node: freeze it and throttle it.
//
//	site, err := kind.Open(ctx, spec, kind.Options{Agents: agents, Log: log.Printf})
//	if err != nil {
//		return err
//	}
//	defer site.Close()
//	cluster, err := site.Cluster("main")
//
// A cluster's name says all of its shape: "seatrial-3w-1f2e3d4c" has three
// workers for the workload beside a control plane and the agents' own node,
// and the hash covers its whole configuration and the id of its node image. So
// a cluster of the right name is a cluster of the right shape, and a user's
// own kind clusters are never touched.
//
// Nodes cannot be added to a kind cluster later. Those that a scenario's faults
// let join are booted with it and held back: "seatrial-3w1s-1f2e3d4c" has one.
// A machine that is held back has no kubelet and no Node object, and becomes a
// node under any name by a new kubelet with credentials of that name; a node
// that leaves gives its machine back. The machine's program stays the same, so
// the version of a node that has joined is its label [seatrial.VersionLabel].
//
// What is done to nodes is done by a container beside them, see package
// guardian.
package kind
