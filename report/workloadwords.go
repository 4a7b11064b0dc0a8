package report

import (
	"fmt"
	"strings"
)

// workloadWords says what happened to the workload; nothing of what did not.
func workloadWords(s *Summary) []pair {
	w := &s.Workload
	var list []pair
	say := func(label, format string, args ...any) {
		list = append(list, pair{label, fmt.Sprintf(format, args...)})
	}
	if w.DesiredPods != nil {
		say("pods ready", "%s of %s at the lowest", count(int64(*w.LowestReadyPods)), count(int64(*w.DesiredPods)))
	}
	if w.PendingPodSeconds != nil {
		say("pods starting", "%s pod-seconds Pending until they were scheduled (%s of them unschedulable), %s until they were ready",
			significant(*w.PendingPodSeconds), significant(*w.UnschedulablePodSeconds), significant(*w.StartingPodSeconds))
	}
	if w.Reschedule != nil {
		say("pods lost", "%s", w.Reschedule.words())
	}
	if e := w.Evictions; e != nil {
		say("evictions", "%s accepted, %s refused, %s forced",
			count(int64(e.Accepted)), count(int64(e.Refused)), count(int64(e.Forced)))
	}
	if len(w.NodesLost) > 0 {
		say("nodes lost", "%s", nodesWords(w.NodesLost))
	}
	for _, u := range w.Upgrades {
		say("upgrade", "%s", u.words())
	}
	if w.ContainerRestarts != nil {
		say("container restarts", "%s", count(int64(*w.ContainerRestarts)))
	}
	if w.OOMKills != nil {
		say("OOM kills", "%s", count(int64(*w.OOMKills)))
	}
	if w.KubeletEvictions != nil {
		say("kubelet evictions", "%s", count(int64(*w.KubeletEvictions)))
	}
	if w.DNSFailures != nil {
		say("DNS failures", "%s", plural(*w.DNSFailures, "request"))
	}
	if l := w.DNSLookups; l != nil {
		say("DNS lookups", "%s, of which %s failed; %s (median), 99 %% within %s, %s at most",
			count(l.Count), count(l.Failed), maybeSeconds(l.Latency.P50), maybeSeconds(l.Latency.P99), maybeSeconds(l.Latency.Max))
	}
	if w.Goodput != nil {
		say("goodput", "%s", w.Goodput.words(faultWord(s)))
	}
	return list
}

func (r *Reschedule) words() string {
	text := fmt.Sprintf("%s, of which %s replaced before the end", count(int64(r.Lost)), count(int64(r.Replaced)))
	if r.Replaced == 0 {
		return text
	}
	return text + fmt.Sprintf("; the replacement was ready after %s (median), %s at most", seconds(*r.Median), seconds(*r.Max))
}

// mostNodes is how many lost nodes a report names; summary.json names them all.
const mostNodes = 5

func nodesWords(nodes []NodeLost) string {
	var list []string
	for i, n := range nodes {
		if i == mostNodes {
			list = append(list, fmt.Sprintf("and %d more", len(nodes)-i))
			break
		}
		what := "NotReady"
		if n.Removed {
			what = "removed"
		}
		text := fmt.Sprintf("%s %s at %s", n.Node, what, clock(n.At.Duration()))
		if n.Seconds == nil {
			text += ", not back before the end"
		} else {
			text += ", back after " + seconds(*n.Seconds)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

// words gives requests that succeeded, a second, of the phases that came.
func (g *Goodput) words(fault string) string {
	var list []string
	for _, phase := range []struct {
		rate  *float64
		words string
	}{{g.Before, "before the " + fault}, {g.Fault, "in the " + fault}, {g.Recovery, "after the " + fault}} {
		if phase.rate != nil {
			list = append(list, significant(*phase.rate)+"/s "+phase.words)
		}
	}
	text := strings.Join(list, ", ")
	if g.Kept != nil {
		text += " (" + percent(*g.Kept) + " of before)"
	}
	return text
}

// goodputLeft tells a system that is down from one that is merely slower.
func goodputLeft(s *Summary) string {
	if s.Workload.Goodput == nil || s.Workload.Goodput.Kept == nil {
		return ""
	}
	return "; after the " + faultWord(s) + ", goodput was " + percent(*s.Workload.Goodput.Kept) + " of what it was before"
}
