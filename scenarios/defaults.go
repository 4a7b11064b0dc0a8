package scenarios

import (
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

// fillDefaults sets what the file leaves out to what the comments of the root
// package's types promise.
func fillDefaults(s *seatrial.Spec) {
	if len(s.Clusters) == 0 {
		s.Clusters = []seatrial.ClusterSpec{{}}
	}
	for i := range s.Clusters {
		fill(&s.Clusters[i].Name, "main")
		fill(&s.Clusters[i].Workers, 3)
	}
	for i := range s.Loads {
		s.Loads[i] = plan.Fill(s.Loads[i])
	}
	for i := range s.Faults {
		fill(&s.Faults[i].Cluster, s.Clusters[0].Name)
	}
	fill(&s.Timeline.Warmup, 10*time.Second)
	fill(&s.Timeline.Recovery, 60*time.Second)
	fill(&s.Hurt, time.Second)
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
