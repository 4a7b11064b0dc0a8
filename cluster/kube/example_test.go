package kube_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
	"k8s.io/client-go/rest"
)

// A workload is brought to a cluster, settles, and is removed without a trace.
func Example() {
	try := func(ctx context.Context, config *rest.Config, manifests []byte) error {
		cluster, err := kube.New(ctx, kube.Options{
			Ref:    seatrial.Ref{Backend: "context", Name: "staging"},
			Config: config,
			Clock:  kube.NewClock(),
		})
		if err != nil {
			return err
		}
		defer cluster.Close()
		if err := cluster.Apply(ctx, manifests); err != nil {
			return err
		}
		if err := cluster.Settle(ctx); err != nil {
			return err
		}
		return cluster.Reset(ctx)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := try(ctx, &rest.Config{Host: "http://127.0.0.1:1"}, nil)
	fmt.Println(err != nil)
	// Output: true
}
