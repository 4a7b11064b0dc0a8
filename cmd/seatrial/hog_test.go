package main

import (
	"testing"

	"github.com/seatrial/seatrial/report"
)

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func TestALimitEndsTheLeakAndNotTheNode(t *testing.T) {
	overSeeds(t, "pod-without-limits", func(t *testing.T, all map[string]*report.Summary) {
		free, limit, slow := all["no-limit"], all["limit"], all["slow-leak"]
		if len(free.Workload.NodesLost) != 1 || len(limit.Workload.NodesLost)+len(slow.Workload.NodesLost) > 0 {
			t.Errorf("nodes lost: %v without a limit, %v with one, %v with a slow leak; want one, and none",
				free.Workload.NodesLost, limit.Workload.NodesLost, slow.Workload.NodesLost)
		}
		if number(limit.Workload.OOMKills) != 1 || number(slow.Workload.OOMKills) != 0 || number(free.Workload.OOMKills) > 1 {
			t.Errorf("OOM kills: %d with a limit, %d by a slow leak, %d without; want the one", number(limit.Workload.OOMKills),
				number(slow.Workload.OOMKills), number(free.Workload.OOMKills))
		}
		if number(slow.Workload.KubeletEvictions) < 1 || number(limit.Workload.KubeletEvictions) != 0 {
			t.Errorf("evictions: %d by a slow leak, %d with a limit; want some, and none", number(slow.Workload.KubeletEvictions), number(limit.Workload.KubeletEvictions))
		}
		for name, s := range map[string]*report.Summary{"limit": limit, "slow-leak": slow} {
			if lost, kept := 1-*free.Availability, 1-*s.Availability; kept*5 > lost {
				t.Errorf("%s: %.4f of the requests failed, and %.4f without a limit", name, kept, lost)
			}
		}
	})
}

// fallen counts the nodes that were lost; one that came back may fall again.
func fallen(w report.Workload) int {
	nodes := map[string]bool{}
	for _, lost := range w.NodesLost {
		nodes[lost.Node] = true
	}
	return len(nodes)
}

func TestLimitsStopACascadeAtItsFirstNode(t *testing.T) {
	overSeeds(t, "cascade", func(t *testing.T, all map[string]*report.Summary) {
		free, limits, headroom := all["no-limits"].Workload, all["limits"].Workload, all["headroom"].Workload
		if fallen(free) != 4 || len(limits.NodesLost) != 1 || len(headroom.NodesLost) != 1 {
			t.Fatalf("nodes lost: %v without limits, %v with, %v with headroom; want four, one and one", free.NodesLost, limits.NodesLost, headroom.NodesLost)
		}
		if first, second, third := free.NodesLost[0].At, free.NodesLost[1].At, free.NodesLost[2].At; second < first+40 || third < second+40 {
			t.Errorf("they fell at %v, want each long after the one before", free.NodesLost)
		}
		if *free.LowestReadyPods != 0 || *limits.LowestReadyPods != 12 || *headroom.LowestReadyPods < 12 {
			t.Errorf("lowest %d of 16 without limits, %d with, %d with headroom", *free.LowestReadyPods, *limits.LowestReadyPods, *headroom.LowestReadyPods)
		}
		if *limits.PendingPodSeconds < 400 || *headroom.PendingPodSeconds*100 > *limits.PendingPodSeconds {
			t.Errorf("Pending for %g pod-seconds with limits, for %g with headroom", *limits.PendingPodSeconds, *headroom.PendingPodSeconds)
		}
		if bad, good := *all["no-limits"].Availability, *all["limits"].Availability; bad > 0.7 || good < 0.93 {
			t.Errorf("available to %.3f without limits and to %.3f with", bad, good)
		}
	})
}

func TestWhereSystemPodsPileUpServicePodsStayPending(t *testing.T) {
	overSeeds(t, "kube-system-pileup", func(t *testing.T, all map[string]*report.Summary) {
		asIs := all["as-is"]
		for _, remedy := range []string{"headroom", "right-sized"} {
			s := all[remedy]
			if *s.Workload.PendingPodSeconds*50 > *asIs.Workload.PendingPodSeconds {
				t.Errorf("%s: Pending for %g pod-seconds, and for %g as it is", remedy, *s.Workload.PendingPodSeconds, *asIs.Workload.PendingPodSeconds)
			}
			if 1-*s.Availability > (1-*asIs.Availability)/10 {
				t.Errorf("%s: available to %.4f, and to %.4f as it is", remedy, *s.Availability, *asIs.Availability)
			}
			if r := s.Workload.Reschedule; r == nil || r.Replaced != r.Lost {
				t.Errorf("%s: %+v, want every pod replaced", remedy, r)
			}
		}
		// The node's return ends it, long after: that is within the report's time.
		if r := asIs.Workload.Reschedule; r == nil || r.Lost != 2 || r.Max == nil || *r.Max < 10**all["headroom"].Workload.Reschedule.Max {
			t.Errorf("as it is: %+v, want both lost pods missed for as long as the node is away", r)
		}
	})
}
