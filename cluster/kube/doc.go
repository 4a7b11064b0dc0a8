// Package kube is a cluster that seatrial reaches through its API server
// alone: any conformant cluster, no access to its machines. It applies a
// workload, waits until it is whole, removes it and proves that it is gone,
// reports what the cluster does as events, and runs the load agents in a Job.
//
//	cluster, err := kube.New(ctx, kube.Options{
//		Ref:    seatrial.Ref{Backend: "context", Name: "staging"},
//		Config: config,
//		Clock:  kube.NewClock(),
//	})
//	if err != nil {
//		return err
//	}
//	defer cluster.Close()
//	err = cluster.Apply(ctx, manifests)
//	err = cluster.Settle(ctx)
//
// What it knows comes from watches: every change wakes whoever waits on the
// [Clock], and nothing polls. Watches may lag behind the API server, so
// [Cluster.Settle] and every proof are confirmed by a live read before they
// are believed.
package kube
