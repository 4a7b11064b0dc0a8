package scenarios

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// windows checks the maintenance windows of a cluster.
func (p *parser) windows(n *yaml.Node, c seatrial.ClusterSpec, trial time.Duration) {
	for i, w := range c.Maintenance {
		if w.To <= w.From || w.To > trial {
			p.bad(find(n, "maintenance", i), "from %s to %s is no part of a trial of %s", short(w.From), short(w.To), short(trial))
		}
	}
}

// inWindow demands that what is planned keeps to a window of its cluster.
func (p *parser) inWindow(n *yaml.Node, f *seatrial.FaultSpec, s *seatrial.Spec) {
	if _, planned := f.Fault.(seatrial.Maintainer); !planned {
		return
	}
	for _, c := range s.Clusters {
		if c.Name != f.Cluster || len(c.Maintenance) == 0 {
			continue
		}
		for _, w := range c.Maintenance {
			if f.At >= w.From && f.At+f.For <= w.To {
				return
			}
		}
		p.badHint(find(n, "at"), "move it, or the window", "%s, from %s to %s, is outside the maintenance of cluster %s", f.Name, short(f.At), short(f.At+f.For), c.Name)
	}
}

// atOnce warns where two clusters may be upgraded at the same time: then there is
// none to send users to.
func (p *parser) atOnce(n *yaml.Node, s *seatrial.Spec) {
	for i, a := range s.Clusters {
		for j, b := range s.Clusters[:i] {
			for k, x := range a.Maintenance {
				for _, y := range b.Maintenance {
					if shared := min(x.To, y.To) - max(x.From, y.From); shared > 0 {
						p.warn(find(n, "clusters", i, "maintenance", k), "the maintenance of clusters %s and %s overlaps by %s: both may be upgraded at once",
							s.Clusters[j].Name, a.Name, short(shared))
					}
				}
			}
		}
	}
}
