package world

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// qosOf is a pod's class of service: pkg/apis/core/v1/helper/qos, ComputePodQOS.
func qosOf(spec *corev1.PodSpec) corev1.PodQOSClass {
	class := corev1.PodQOSBestEffort
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, limit := c.Resources.Requests[name], c.Resources.Limits[name]
			if !request.IsZero() || !limit.IsZero() {
				class = corev1.PodQOSGuaranteed
			}
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, asked := c.Resources.Requests[name]
			limit := c.Resources.Limits[name]
			if class == corev1.PodQOSGuaranteed && (limit.IsZero() || asked && request.Cmp(limit) != 0) {
				class = corev1.PodQOSBurstable
			}
		}
	}
	return class
}

// Priorities of the cluster's own classes (pkg/apis/scheduling: types.go).
const (
	criticalPriority     = 2_000_000_000
	nodeCriticalPriority = criticalPriority + 1_000
)

// priorityOf is the pod's own, or that of a class which every cluster has.
func priorityOf(spec *corev1.PodSpec) int32 {
	switch {
	case spec.Priority != nil:
		return *spec.Priority
	case spec.PriorityClassName == "system-cluster-critical":
		return criticalPriority
	case spec.PriorityClassName == "system-node-critical":
		return nodeCriticalPriority
	}
	return 0
}
