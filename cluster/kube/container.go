package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
)

// OOMKilled is the reason of a container's end that the kernel killed for want of
// memory, in the words of the runtimes.
const OOMKilled = "OOMKilled"

// evicted is the reason of a pod's end that its kubelet evicted
// (pkg/kubelet/eviction: Reason).
const evicted = "Evicted"

// Container is a container of a pod as the API server knows it.
type Container struct {
	Name     string
	Node     string
	ID       string // in its runtime; empty while none runs
	Limited  bool   // it has a memory limit
	Restarts int32
	LastEnd  string // the id of the last one that ended; empty for none
	Reason   string // of that end
	Evicted  bool   // with its pod
	Message  string // of the eviction
}

// Container asks for a container of a pod; an empty name is the first.
func (c *Cluster) Container(ctx context.Context, namespace, pod, name string) (Container, error) {
	p, err := c.livePod(ctx, podName{namespace, pod})
	if err != nil {
		return Container{}, err
	}
	if p == nil {
		return Container{}, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no pod %s/%s", namespace, pod), "choose one that runs")
	}
	if name == "" {
		name = p.Spec.Containers[0].Name
	}
	i := slices.IndexFunc(p.Spec.Containers, func(o corev1.Container) bool { return o.Name == name })
	if i < 0 {
		return Container{}, seatrial.Fail(seatrial.BadInput, fmt.Errorf("pod %s/%s has no container %s", namespace, pod, name), "name one of its containers, or none for the first")
	}
	_, limited := p.Spec.Containers[i].Resources.Limits[corev1.ResourceMemory]
	found := Container{Name: name, Node: p.Spec.NodeName, Limited: limited}
	if p.Status.Phase == corev1.PodFailed && p.Status.Reason == evicted {
		found.Evicted, found.Message = true, p.Status.Message
	}
	for _, s := range p.Status.ContainerStatuses {
		if s.Name == name {
			found.read(s)
		}
	}
	return found, nil
}

func (c *Container) read(s corev1.ContainerStatus) {
	c.Restarts = s.RestartCount
	if s.State.Running != nil {
		c.ID = bareID(s.ContainerID)
	}
	end := s.State.Terminated
	if end == nil {
		end = s.LastTerminationState.Terminated
	}
	if end != nil {
		c.LastEnd, c.Reason = bareID(end.ContainerID), end.Reason
	}
}

// bareID is "containerd://ID" without the runtime's name.
func bareID(id string) string {
	_, bare, _ := strings.Cut(id, "://")
	return bare
}
