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
	if s.Front != nil {
		f := s.Front.Filled()
		s.Front = &f
	}
	for i := range s.Loads {
		s.Loads[i] = plan.Fill(s.Loads[i])
	}
	for i := range s.Faults {
		fill(&s.Faults[i].Cluster, s.Clusters[0].Name)
		if s.Faults[i].Occurs.Every != 0 {
			fill(&s.Faults[i].Occurs.Per, "cluster")
		}
	}
	fill(&s.Timeline.Warmup, 10*time.Second)
	fill(&s.Timeline.Recovery, 60*time.Second)
	fill(&s.Hurt, time.Second)
}

// reserve gives every variant's clusters the spare nodes that the most
// demanding one needs.
func reserve(s *seatrial.Scenario) {
	most := map[string]int{}
	for _, t := range s.Variants {
		for _, c := range t.Spec.Clusters {
			most[c.Name] = max(most[c.Name], sparesOf(t.Spec, c))
		}
	}
	specs := []seatrial.Spec{s.Spec}
	for _, t := range s.Variants {
		specs = append(specs, t.Spec)
	}
	for _, spec := range specs {
		for i := range spec.Clusters {
			spec.Clusters[i].Spares = most[spec.Clusters[i].Name]
		}
	}
}

// sparesOf adds up what the faults on a cluster need: they may overlap.
func sparesOf(s seatrial.Spec, c seatrial.ClusterSpec) int {
	sum := 0
	for _, f := range s.Faults {
		if g, ok := f.Fault.(seatrial.Grower); ok && f.Cluster == c.Name {
			sum += g.Spares(c.Workers)
		}
	}
	return sum
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
