package kind_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind"
)

// agents stands for the provider of the agent's image and client.
var agents seatrial.Agents

// A cluster is booted the first time and reused from then on.
func ExampleOpen() {
	spec := seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 3}}}
	site, err := kind.Open(context.Background(), spec, kind.Options{Agents: agents, Log: log.Printf})
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	cluster, err := site.Cluster("main")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cluster.Ref().Name)
}

// A process that comes later reverts with what stands in the ledger.
func ExampleAttach() {
	ctx := context.Background()
	freeze := seatrial.Freeze{Node: "seatrial-3w-1f2e3d4c-worker"}
	var prior seatrial.Prior // from the ledger
	cluster, err := kind.Attach(ctx, "seatrial-3w-1f2e3d4c", kind.Options{Agents: agents})
	if errors.Is(err, kind.ErrGone) {
		return // and everything that was done to it
	}
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	if err := cluster.Revert(ctx, freeze, prior); err != nil {
		log.Fatal(err)
	}
}
