package world

import (
	"math"

	corev1 "k8s.io/api/core/v1"
)

// The default profile's weights (pkg/scheduler/apis/config/v1:
// getDefaultPlugins). ImageLocality is left out: images are on every node, so
// it gives all the same.
const (
	taintWeight    = 3
	affinityWeight = 2
	spreadWeight   = 2
	podsWeight     = 2
	leastWeight    = 1
	balancedWeight = 1

	highestScore = 100
)

// What a container without requests counts as (pkg/scheduler/util/pod_resources.go).
const (
	assumedCPU    = 100
	assumedMemory = 200 << 20
)

// score is the sum of the plugins' scores for each node, appended to into.
func (c *constraints) score(nodes []*Node, into []int64) []int64 {
	for _, n := range nodes {
		into = append(into, leastWeight*c.leastAllocated(n)+balancedWeight*c.balanced(n))
	}
	add := func(weight int64, scores []int64) {
		for i, s := range scores {
			into[i] += weight * s
		}
	}
	add(taintWeight, c.byTaints(nodes))
	add(spreadWeight, c.bySpread(nodes))
	if c.s.preferred != nil {
		add(affinityWeight, c.byAffinity(nodes))
	}
	if len(c.wish) > 0 {
		add(podsWeight, c.byPods(nodes))
	}
	return into
}

// leastAllocated prefers empty nodes (noderesources/least_allocated.go).
func (c *constraints) leastAllocated(n *Node) int64 {
	used := n.assumed.plus(c.t.assumed)
	return (freeShare(used.cpu, n.allocatable.cpu) + freeShare(used.memory, n.allocatable.memory)) / 2
}

// freeShare is leastRequestedScore.
func freeShare(used, all int64) int64 {
	if all == 0 || used > all {
		return 0
	}
	return (all - used) * highestScore / all
}

// balanced prefers nodes that the pod brings closer to using CPU and memory
// alike (noderesources/balanced_allocation.go: balancedResourceScorer). Pods
// that ask for nothing are not scored by it.
func (c *constraints) balanced(n *Node) int64 {
	if c.t.request == (resources{}) {
		return 0
	}
	with, without := evenness(n.requested.plus(c.t.request), n.allocatable), evenness(n.requested, n.allocatable)
	return highestScore/2 + (highestScore/2+with-without)/2
}

// evenness is balancedResourceScore: the standard deviation of two shares is
// half their difference.
func evenness(used, all resources) int64 {
	cpu := min(1, float64(used.cpu)/float64(all.cpu))
	memory := min(1, float64(used.memory)/float64(all.memory))
	return int64((1 - math.Abs((cpu-memory)/2)) * highestScore)
}

// byTaints prefers nodes with fewer PreferNoSchedule taints that are not
// tolerated, normalized in reverse.
func (c *constraints) byTaints(nodes []*Node) []int64 {
	scores := make([]int64, len(nodes))
	for i, n := range nodes {
		for j := range n.Taints {
			if n.Taints[j].Effect == corev1.TaintEffectPreferNoSchedule && !c.s.toleratesTaint(&n.Taints[j]) {
				scores[i]++
			}
		}
	}
	return normalize(scores, true)
}

func (c *constraints) byAffinity(nodes []*Node) []int64 {
	scores := make([]int64, len(nodes))
	for i, n := range nodes {
		scores[i] = c.s.preferred.Score(n.object())
	}
	return normalize(scores, false)
}

// normalize is helper.DefaultNormalizeScore.
func normalize(scores []int64, reverse bool) []int64 {
	highest := int64(0)
	for _, s := range scores {
		highest = max(highest, s)
	}
	for i := range scores {
		switch {
		case highest == 0 && reverse:
			scores[i] = highestScore
		case highest == 0:
		case reverse:
			scores[i] = highestScore - scores[i]*highestScore/highest
		default:
			scores[i] = scores[i] * highestScore / highest
		}
	}
	return scores
}

// bySpread prefers domains with fewer matching pods, for constraints that are
// not hard (podtopologyspread/scoring.go). A node without a key is ignored for
// the scenario's own constraints, and only that key is for the defaults.
func (c *constraints) bySpread(nodes []*Node) []int64 {
	const ignored = -1
	scores := make([]int64, len(nodes))
	weights := c.spreadWeights(nodes)
	lowest, highest := int64(math.MaxInt64), int64(0)
	for i, n := range nodes {
		if !c.keyed(n, false) {
			scores[i] = ignored
			continue
		}
		sum := 0.0
		for j := range c.spread {
			k := &c.spread[j]
			if k.hard {
				continue
			}
			if count, has := k.of(n); has {
				sum += float64(count)*weights[j] + float64(k.skew-1)
			}
		}
		scores[i] = int64(math.Round(sum))
		lowest, highest = min(lowest, scores[i]), max(highest, scores[i])
	}
	for i := range scores {
		switch {
		case scores[i] == ignored:
			scores[i] = 0
		case highest == 0:
			scores[i] = highestScore
		default:
			scores[i] = highestScore * (highest + lowest - scores[i]) / highest
		}
	}
	return scores
}

// spreadWeights make counts in few domains and in many comparable
// (topologyNormalizingWeight), for each constraint that is not hard.
func (c *constraints) spreadWeights(nodes []*Node) []float64 {
	weights := make([]float64, len(c.spread))
	for j := range c.spread {
		k := &c.spread[j]
		if host := k.domains.key == corev1.LabelHostname; k.hard || !host && len(k.byValue) == 0 {
			continue // no node has the key
		}
		weights[j] = math.Log(float64(c.size(k.domains.key, nodes) + 2))
	}
	return weights
}

// size is the number of domains that the nodes make. Without the key they are
// one together.
func (c *constraints) size(key string, nodes []*Node) int {
	if key == corev1.LabelHostname && c.s.defaulted {
		return len(nodes)
	}
	hosts, values, last := 0, map[string]bool{}, "\x00"
	for _, n := range nodes {
		if !c.keyed(n, false) {
			continue
		}
		hosts++
		if key == corev1.LabelHostname {
			continue
		}
		if value := n.Labels[key]; value != last {
			values[value], last = true, value
		}
	}
	if key == corev1.LabelHostname {
		return hosts
	}
	return len(values)
}

// byPods prefers domains with pods that attract, and avoids those that repel
// (interpodaffinity/scoring.go).
func (c *constraints) byPods(nodes []*Node) []int64 {
	scores := make([]int64, len(nodes))
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	for i, n := range nodes {
		for j := range c.wish {
			if count, has := c.wish[j].of(n); has {
				scores[i] += c.wish[j].weight * count
			}
		}
		lowest, highest = min(lowest, scores[i]), max(highest, scores[i])
	}
	for i := range scores {
		if highest == lowest {
			scores[i] = 0
			continue
		}
		scores[i] = int64(highestScore * (float64(scores[i]-lowest) / float64(highest-lowest)))
	}
	return scores
}
