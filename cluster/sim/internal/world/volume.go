package world

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// claim is a PersistentVolumeClaim with its volume: a folder of one node, as
// kind's default StorageClass makes them (rancher/local-path-provisioner). It
// outlives its pods, and ties them to its node.
type claim struct {
	node string // empty until a pod that uses it has a node: WaitForFirstConsumer
}

// localClass is the StorageClass that claims get by default on kind.
const localClass = "standard"

func (w *World) applyClaim(o *corev1.PersistentVolumeClaim) error {
	w.claim(orDefault(o.Namespace), o.Name, &o.Spec)
	return nil
}

// claim makes a claim, unless there is one of that name, and returns its key.
func (w *World) claim(namespace, name string, spec *corev1.PersistentVolumeClaimSpec) string {
	key := namespace + "/" + name
	if w.claims[key] != nil {
		return key
	}
	if class := spec.StorageClassName; class != nil && *class != localClass {
		w.warn("StorageClass %q is taken for %q: its volumes are folders of a node and do not move", *class, localClass)
	}
	w.claims[key] = &claim{}
	w.scheduler.retry()
	return key
}

// claimsOf are the claims that a pod's spec names.
func (t *Template) claimsOf() map[string]string {
	claims := map[string]string{}
	for _, v := range t.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			claims[v.Name] = t.Namespace + "/" + v.PersistentVolumeClaim.ClaimName
		}
	}
	return claims
}

// elsewhere says why the pod's volumes keep it from the node, in the words of
// pkg/scheduler/framework/plugins/volumebinding; "" when they do not.
func (p *Pod) elsewhere(n *Node) string {
	for _, key := range slices.Sorted(maps.Values(p.claims)) {
		switch c := p.world.claims[key]; {
		case c == nil:
			return fmt.Sprintf("persistentvolumeclaim %q not found", key[strings.Index(key, "/")+1:])
		case c.node != "" && c.node != n.Name:
			return "node(s) didn't match PersistentVolume's node affinity"
		}
	}
	return ""
}

// settleVolumes makes the volumes that the pod is the first to use.
func (p *Pod) settleVolumes() {
	for _, key := range p.claims {
		if c := p.world.claims[key]; c != nil && c.node == "" {
			c.node = p.Node.Name
		}
	}
}

// mounted are the names of the volumes that the container mounts.
func mounted(c *corev1.Container) []string {
	var names []string
	for _, m := range c.VolumeMounts {
		names = append(names, m.Name)
	}
	return names
}

// volumeOf is the volume that a container's file lies on; empty for none.
func volumeOf(c *corev1.Container, file string) string {
	name, longest := "", ""
	for _, m := range c.VolumeMounts {
		if at := strings.TrimSuffix(m.MountPath, "/") + "/"; strings.HasPrefix(file, at) && len(at) > len(longest) {
			name, longest = m.Name, at
		}
	}
	return name
}

// Mounts says whether a container of the pod uses the volume.
func (p *Pod) Mounts(volume string) bool {
	return slices.ContainsFunc(p.Template.containers, func(s containerSpec) bool { return slices.Contains(s.mounts, volume) })
}

// LoseVolume leaves the volume empty and read-only, or as it was. Containers
// that use it are killed: they find what there is when they start.
func (p *Pod) LoseVolume(volume string, lost bool) {
	if p.Lost(volume) == lost {
		return
	}
	if lost {
		p.lost = append(p.lost, volume)
	} else {
		p.lost = slices.DeleteFunc(p.lost, func(name string) bool { return name == volume })
	}
	for _, c := range p.containers {
		if c.process != nil && slices.Contains(c.spec.mounts, volume) {
			c.process.Exit()
		}
	}
	p.world.Clock.Changed()
}

// Lost says whether the volume is as [Pod.LoseVolume] leaves it.
func (p *Pod) Lost(volume string) bool { return slices.Contains(p.lost, volume) }

// Without says whether a container of the pod runs that has to do without the
// volume.
func (p *Pod) Without(volume string) bool {
	return slices.ContainsFunc(p.containers, func(c *Container) bool {
		return c.process != nil && slices.Contains(c.spec.mounts, volume) && slices.Contains(c.process.without, volume)
	})
}
