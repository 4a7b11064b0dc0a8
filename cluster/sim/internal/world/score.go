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

// What a pod without requests counts as (pkg/scheduler/util: GetNonzeroRequests).
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
	used := n.assumed.plus(c.t.assumed())
	return (freeShare(used.cpu, n.allocatable.cpu) + freeShare(used.memory, n.allocatable.memory)) / 2
}

// assumed is what the pod counts as, with or without requests.
func (t *Template) assumed() resources {
	return resources{orAssumed(t.request.cpu, assumedCPU), orAssumed(t.request.memory, assumedMemory)}
}

func orAssumed(requested, assumed int64) int64 {
	if requested == 0 {
		return assumed
	}
	return requested
}

// freeShare is leastRequestedScore.
func freeShare(used, all int64) int64 {
	if all == 0 || used > all {
		return 0
	}
	return (all - used) * highestScore / all
}

// balanced prefers nodes where CPU and memory are used alike
// (noderesources/balanced_allocation.go): the standard deviation of two shares
// is half their difference.
func (c *constraints) balanced(n *Node) int64 {
	used := n.requested.plus(c.t.request)
	cpu := min(1, float64(used.cpu)/float64(n.allocatable.cpu))
	memory := min(1, float64(used.memory)/float64(n.allocatable.memory))
	return int64((1 - math.Abs(cpu-memory)/2) * highestScore)
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
	scores := make([]int64, len(nodes))
	weights := make([]float64, len(c.spread)) // topologyNormalizingWeight
	for j := range c.spread {
		weights[j] = math.Log(float64(c.spread[j].size(nodes) + 2))
	}
	lowest, highest := int64(math.MaxInt64), int64(0)
	for i, n := range nodes {
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
		if highest == 0 {
			scores[i] = highestScore
			continue
		}
		scores[i] = highestScore * (highest + lowest - scores[i]) / highest
	}
	return scores
}

// size is the number of domains among the nodes.
func (k *counted) size(nodes []*Node) int {
	if k.domains.key == corev1.LabelHostname {
		return len(nodes)
	}
	return len(k.byValue)
}

// byPods prefers domains with pods that attract, and avoids those that repel
// (interpodaffinity/scoring.go).
func (c *constraints) byPods(nodes []*Node) []int64 {
	scores := make([]int64, len(nodes))
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	for i, n := range nodes {
		for j := range c.wish {
			if count, has := c.wish[j].of(n); has {
				scores[i] += c.s.attract[j].weight * count
			}
		}
		lowest, highest = min(lowest, scores[i]), max(highest, scores[i])
	}
	for i := range scores {
		if highest == lowest {
			scores[i] = 0
			continue
		}
		scores[i] = highestScore * (scores[i] - lowest) / (highest - lowest)
	}
	return scores
}
