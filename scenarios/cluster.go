package scenarios

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

const (
	maxClusters = 10
	maxWorkers  = 5_000           // the largest cluster that Kubernetes supports
	maxCPU      = 1024 * 1000     // thousandths of a core
	minMemory   = 128 << 20       // less does not hold the pods that every node has
	maxTiming   = 24 * time.Hour  // of a cluster
	maxSeconds  = 365 * 24 * 3600 // of a toleration
)

var kubeVersion = regexp.MustCompile(`^v1\.\d+\.\d+$`)

func (p *parser) clusters(n *yaml.Node, s *seatrial.Spec) {
	p.unique(find(n, "clusters").node, "clusters")
	if len(s.Clusters) > maxClusters {
		p.bad(find(n, "clusters"), "has %d entries; %d is the most", len(s.Clusters), maxClusters)
	}
	for i, c := range s.Clusters {
		p.label(find(n, "clusters", i, "name"), c.Name)
		if c.Workers < 1 || c.Workers > maxWorkers {
			p.bad(find(n, "clusters", i, "workers"), "%d is not between 1 and %d", c.Workers, maxWorkers)
		}
		if c.Kubernetes != "" && !kubeVersion.MatchString(c.Kubernetes) {
			p.badHint(find(n, "clusters", i, "kubernetes"), "write it as v1.37.1", "%q is not a version", c.Kubernetes)
		}
		p.windows(find(n, "clusters", i).node, c, s.Timeline.Trial)
		if at := find(n, "clusters", i, "node"); at.missing == "" {
			p.nodeSize(at.node, c.Node)
		}
		if at := find(n, "clusters", i, "timings"); at.missing == "" {
			p.timings(at.node, c.Timings)
		}
	}
}

func (p *parser) nodeSize(n *yaml.Node, size seatrial.NodeSize) {
	if size.CPU > maxCPU {
		p.bad(find(n, "cpu"), "%s cores are more than any machine has", size.CPU)
	}
	if size.Memory > 0 && size.Memory < minMemory {
		p.badHint(find(n, "memory"), "it is what a node has for pods, such as 2Gi", "%s do not hold the pods that every node has", size.Memory)
	}
}

// timings refuses what no component takes, and what would let healthy nodes
// flap.
func (p *parser) timings(n *yaml.Node, t seatrial.Timings) {
	for name, d := range map[string]time.Duration{
		"nodeMonitorGracePeriod": t.NodeMonitorGracePeriod, "nodeMonitorPeriod": t.NodeMonitorPeriod,
		"nodeLeaseDuration": t.NodeLeaseDuration, "nodeStatusUpdateFrequency": t.NodeStatusUpdateFrequency,
	} {
		if at := find(n, name); at.missing == "" && (d == 0 || d > maxTiming) {
			p.badHint(at, "leave it out for Kubernetes' default", "%s is not above 0 and at most %s", short(d), short(maxTiming))
		}
	}
	if d := t.NodeLeaseDuration; d%time.Second != 0 {
		p.bad(find(n, "nodeLeaseDuration"), "%s: kubelets take whole seconds only", short(d))
	}
	for name, number := range map[string]*int{"tolerationSeconds": t.TolerationSeconds, "largeClusterSizeThreshold": t.LargeClusterSizeThreshold} {
		if number != nil && (*number < 0 || *number > maxSeconds) {
			p.bad(find(n, name), "%d is not between 0 and %d", *number, maxSeconds)
		}
	}
	p.flapping(n, t.WithDefaults())
}

// flapping refuses a grace period in which a healthy node would not be seen to
// be alive: its lease is renewed every quarter of its duration, a renewal may
// fail once on a busy machine, and the controller looks once a period.
func (p *parser) flapping(n *yaml.Node, t seatrial.Timings) {
	renewal := t.NodeLeaseDuration / 4
	if t.NodeMonitorGracePeriod >= 2*renewal+t.NodeMonitorPeriod {
		return
	}
	at := where{node: n}
	for _, name := range []string{"nodeMonitorGracePeriod", "nodeLeaseDuration", "nodeMonitorPeriod"} {
		if w := find(n, name); w.missing == "" {
			at = w
			break
		}
	}
	p.badHint(at, proportional(t.NodeMonitorGracePeriod),
		"healthy nodes would flap: they renew their lease every %s and are looked at every %s, which is too seldom for a grace period of %s",
		short(renewal), short(t.NodeMonitorPeriod), short(t.NodeMonitorGracePeriod))
}

// proportional proposes what goes with a grace period as Kubernetes' defaults
// go with theirs.
func proportional(grace time.Duration) string {
	d := seatrial.DefaultTimings()
	scale := func(usual time.Duration, unit time.Duration) time.Duration {
		return max(unit, (time.Duration(float64(usual)*grace.Seconds()/d.NodeMonitorGracePeriod.Seconds()) / unit * unit))
	}
	lease, period := scale(d.NodeLeaseDuration, time.Second), scale(d.NodeMonitorPeriod, 100*time.Millisecond)
	if 2*(lease/4)+period > grace {
		return fmt.Sprintf("a grace period of %s is too short for any node: nodeMonitorGracePeriod: 5s is possible", short(grace))
	}
	return strings.Join([]string{"in Kubernetes' proportions that is nodeLeaseDuration: " + short(lease), "nodeMonitorPeriod: " + short(period)}, ", ")
}
