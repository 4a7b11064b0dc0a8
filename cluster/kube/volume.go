package kube

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// PodVolume is a volume as one pod has it.
type PodVolume struct {
	UID    types.UID // of the pod
	Node   string
	Folder string   // its name below the pod's folder on the node: the volume's own, or the persistent one's
	Paths  []string // where containers have all of it
}

// PodVolume finds a volume of a pod by its name in the pod's spec. A volume that
// the kubelet does not mount for that pod alone is refused.
func (c *Cluster) PodVolume(ctx context.Context, namespace, pod, volume string) (PodVolume, error) {
	p, err := c.livePod(ctx, podName{namespace, pod})
	if err == nil && p == nil {
		err = fmt.Errorf("pod %s/%s is not there any more", namespace, pod)
	}
	if err != nil {
		return PodVolume{}, err
	}
	found := PodVolume{UID: p.UID, Node: p.Spec.NodeName, Folder: volume, Paths: pathsOf(p, volume)}
	at := slices.IndexFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })
	if at < 0 || len(found.Paths) == 0 {
		return found, seatrial.Fail(seatrial.BadInput, fmt.Errorf("no container of pod %s/%s mounts a volume %q, as a whole", namespace, pod, volume),
			"name one of spec.volumes or of volumeClaimTemplates that is mounted without a subPath")
	}
	source := p.Spec.Volumes[at]
	hostPath := source.HostPath != nil
	if claim := source.PersistentVolumeClaim; claim != nil {
		pv, err := c.boundTo(ctx, namespace, claim.ClaimName)
		if err != nil {
			return found, err
		}
		found.Folder, hostPath = pv.Name, pv.Spec.HostPath != nil
	}
	if hostPath {
		return found, seatrial.Fail(seatrial.BadInput,
			fmt.Errorf("volume %s of pod %s/%s is a folder of the node (hostPath), which every pod after it would find as broken", volume, namespace, pod),
			"kind's default StorageClass makes a local volume, which a pod has to itself, for a claim with the annotation volumeType: local")
	}
	return found, nil
}

// boundTo is the persistent volume of a claim.
func (c *Cluster) boundTo(ctx context.Context, namespace, name string) (*corev1.PersistentVolume, error) {
	claim, err := c.client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil && claim.Spec.VolumeName == "" {
		err = errors.New("it is not bound to a volume")
	}
	if err != nil {
		return nil, fmt.Errorf("reading volume claim %s/%s: %w", namespace, name, err)
	}
	pv, err := c.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading volume %s: %w", claim.Spec.VolumeName, err)
	}
	return pv, nil
}

// pathsOf is where the pod's containers mount a volume as a whole.
func pathsOf(p *corev1.Pod, volume string) []string {
	var paths []string
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, m := range c.VolumeMounts {
			if m.Name == volume && m.SubPath == "" && m.SubPathExpr == "" {
				paths = append(paths, path.Clean(m.MountPath))
			}
		}
	}
	return paths
}
