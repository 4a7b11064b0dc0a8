package kube

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// podTrouble says in words why a pod is not ready, from its own status.
func podTrouble(p *corev1.Pod) string {
	if c := podCondition(p, corev1.PodScheduled); p.Spec.NodeName == "" {
		if c.Status == corev1.ConditionFalse {
			return short(c.Reason + ": " + c.Message)
		}
		return "not scheduled yet"
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if said := containerTrouble(s); said != "" {
			return short("container " + s.Name + ": " + said)
		}
	}
	if p.Status.Reason != "" {
		return short(p.Status.Reason + ": " + p.Status.Message)
	}
	ready := podCondition(p, corev1.PodReady)
	if ready.Reason == "" {
		return fmt.Sprintf("%s on node %s", p.Status.Phase, p.Spec.NodeName)
	}
	return short(fmt.Sprintf("%s on node %s: %s %s", p.Status.Phase, p.Spec.NodeName, ready.Reason, ready.Message))
}

// containerTrouble is empty for a container that only starts or works.
func containerTrouble(s corev1.ContainerStatus) string {
	starting := []string{"ContainerCreating", "PodInitializing"}
	switch w, t := s.State.Waiting, s.State.Terminated; {
	case w != nil && !slices.Contains(starting, w.Reason) && w.Reason != "":
		return w.Reason + ": " + w.Message + lastEnd(s)
	case t != nil && t.ExitCode != 0:
		return ending(t)
	case s.State.Running != nil && !s.Ready && s.RestartCount > 0:
		return fmt.Sprintf("restarted %d times%s, not ready", s.RestartCount, lastEnd(s))
	}
	return ""
}

func lastEnd(s corev1.ContainerStatus) string {
	if t := s.LastTerminationState.Terminated; t != nil {
		return " (" + ending(t) + ")"
	}
	return ""
}

// ending says how a container ended, as in "OOMKilled, exit code 137".
func ending(t *corev1.ContainerStateTerminated) string {
	said := fmt.Sprintf("%s, exit code %d", t.Reason, t.ExitCode)
	if t.Message != "" {
		said += ": " + t.Message
	}
	return said
}
