package scenarios

import (
	"net/http"
	"time"

	"github.com/seatrial/seatrial"
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
		load := &s.Loads[i]
		fill(&load.Method, http.MethodGet)
		fill(&load.Users, 50)
		fill(&load.Connections, 1)
		fill(&load.Client.Timeout, 30*time.Second)
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
