package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load/tally"
)

// Workload is what happened to the pods under trial and to their nodes, as the
// API told it, from the trial's start until the last request was due: what
// comes later is the cleaning up. Pods of the cluster itself and of seatrial do
// not count. What never happened is null.
type Workload struct {
	// DesiredPods is how many pods were ready when the trial began,
	// LowestReadyPods the fewest at any time since. A pod that is told to end
	// is not counted, as its ReplicaSet and its Services do not. The API learns
	// late: a pod on a node without power stays ready until its node is NotReady.
	DesiredPods     *int `json:"desired_pods"`
	LowestReadyPods *int `json:"lowest_ready_pods"`
	// PendingPodSeconds sums over pods the time from their creation until they
	// were scheduled, UnschedulablePodSeconds the part of it after the scheduler
	// had found no node for them, StartingPodSeconds until they were first
	// ready. A pod that ends before counts until then.
	PendingPodSeconds       *float64    `json:"pending_pod_seconds"`
	UnschedulablePodSeconds *float64    `json:"unschedulable_pod_seconds"`
	StartingPodSeconds      *float64    `json:"starting_pod_seconds"`
	Evictions               *Evictions  `json:"evictions"`
	Reschedule              *Reschedule `json:"reschedule"`
	NodesLost               []NodeLost  `json:"nodes_lost"`
	ContainerRestarts       *int        `json:"container_restarts"`
	OOMKills                *int        `json:"oom_kills"`         // of containers, by the kernel, for want of memory
	KubeletEvictions        *int        `json:"kubelet_evictions"` // of pods, by their kubelet, for want of memory or disk
	Upgrades                []Upgrade   `json:"upgrades"`
	DNSFailures             *int64      `json:"dns_failures"` // requests whose name was not resolved
	DNSLookups              *Lookups    `json:"dns_lookups"`
	Goodput                 *Goodput    `json:"goodput"`
}

// Evictions counts attempts, by how they went.
type Evictions struct {
	Accepted int `json:"accepted"`
	Refused  int `json:"refused"` // by a PodDisruptionBudget
	Forced   int `json:"forced"`  // deleted against it
}

// Reschedule is how long lost pods were missed: from when a pod was ready for
// the last time until another of its workload was. Pods that come up count for
// the losses in the order of both, whichever was first, so that one that was
// replaced before it went, as in a rollout with a surge, was missed for 0 s.
type Reschedule struct {
	Lost     int               `json:"lost"`     // pods that had been ready and were deleted, evicted, or failed
	Replaced int               `json:"replaced"` // before the end
	Median   *seatrial.Seconds `json:"median"`   // of those that were replaced
	Max      *seatrial.Seconds `json:"max"`
}

// NodeLost is one time that a node was NotReady or not part of the cluster.
type NodeLost struct {
	Node    string            `json:"node"`
	At      seatrial.Seconds  `json:"at"`
	Seconds *seatrial.Seconds `json:"seconds"` // null: it was not back before the end
	Removed bool              `json:"removed"` // from the cluster
}

// Lookups are those that clients made in order to connect: users' own, not
// what applications ask each other by.
type Lookups struct {
	Count   int64 `json:"count"`
	Failed  int64 `json:"failed"`  // no address came of them, or the client gave up first
	Latency Times `json:"latency"` // of all of them
}

// Goodput is the number of requests a second that succeeded, by due time; a
// phase that did not come, or in which nothing was due, is null.
type Goodput struct {
	Before   *float64 `json:"before"`
	Fault    *float64 `json:"fault"`
	Recovery *float64 `json:"recovery"`
	// Kept is Recovery ÷ Before. A system that stays broken after its fault is
	// gone, as under a storm of retries, keeps little of it, however quick the
	// few answers are that it still gives.
	Kept *float64 `json:"kept"`
}

// workload sums up what happened; s has its phases already.
func (f *Fold) workload(s *Summary, l life) Workload {
	w := f.pods().workload()
	w.Evictions = f.evictionsUntil(f.window.end())
	w.NodesLost = f.nodesLost(f.window.end())
	w.Upgrades = f.upgradeList()
	if n := s.Errors[tally.DNS]; n > 0 {
		w.DNSFailures = &n
	}
	if load := f.window.sum("", 0, forever); journal.Count(load.Lookups) > 0 {
		w.DNSLookups = &Lookups{journal.Count(load.Lookups), load.LookupsFailed, times(load.Lookups)}
	}
	w.Goodput = f.goodput(l)
	return w
}

func (f *Fold) evictionsUntil(end time.Duration) *Evictions {
	var e Evictions
	for _, attempt := range f.evictions {
		if attempt.at < 0 || attempt.at >= end {
			continue
		}
		switch attempt.Outcome {
		case seatrial.EvictionAccepted:
			e.Accepted++
		case seatrial.EvictionRefused:
			e.Refused++
		case seatrial.EvictionForced:
			e.Forced++
		}
	}
	if e == (Evictions{}) {
		return nil
	}
	return &e
}

// nodesLost lists the times of all nodes in their order.
func (f *Fold) nodesLost(end time.Duration) []NodeLost {
	changes := slices.Clone(f.nodes)
	slices.SortStableFunc(changes, func(a, b nodeChange) int { return cmp.Compare(a.at, b.at) })
	var list []NodeLost
	open := map[string]int{}     // a lost node's place in the list
	joining := map[string]bool{} // new, and never Ready so far
	for _, c := range changes {
		i, lost := open[c.node]
		switch {
		case c.at >= end:
		case c.Ready:
			delete(joining, c.node)
			if lost {
				delete(open, c.node)
				list[i].Seconds = ptr(seatrial.InSeconds(max(0, c.at)) - list[i].At)
			}
		case lost:
			list[i].Removed = list[i].Removed || c.Removed
		case c.Joined && !c.Removed:
			joining[c.node] = true
		case !joining[c.node]:
			open[c.node] = len(list)
			list = append(list, NodeLost{Node: c.node, At: seatrial.InSeconds(max(0, c.at)), Removed: c.Removed})
		}
	}
	list = slices.DeleteFunc(list, func(n NodeLost) bool { // it was back before the start
		return n.At == 0 && n.Seconds != nil && *n.Seconds == 0
	})
	if len(list) == 0 {
		return nil // null, not []: it never happened
	}
	return list
}

// goodput is nil without a fault, and without load.
func (f *Fold) goodput(l life) *Goodput {
	if l.injected == nil {
		return nil
	}
	from, to := l.present()
	g := &Goodput{Before: f.rate(0, from), Fault: f.rate(from, to)}
	if l.reverted != nil {
		g.Recovery = f.rate(to, forever)
	}
	if *g == (Goodput{}) {
		return nil
	}
	if g.Before != nil && g.Recovery != nil && *g.Before > 0 {
		g.Kept = ptr(tidy(*g.Recovery / *g.Before))
	}
	return g
}

// rate is how many requests a second succeeded of the intervals that begin in
// [from, to). It divides by the time that these intervals stand for, also where
// nothing was due in some of them.
func (f *Fold) rate(from, to time.Duration) *float64 {
	end := f.window.end()
	origin, ok := f.window.first()
	if !ok {
		return nil
	}
	places := func(t time.Duration) int64 { // intervals that begin before t
		return max(0, int64((min(t, end)-origin+seatrial.Width-1)/seatrial.Width))
	}
	if n := places(to) - places(from); n > 0 {
		return ptr(tidy(float64(f.window.sum("", from, to).Succeeded) / (time.Duration(n) * seatrial.Width).Seconds()))
	}
	return nil
}
