package kind

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
)

// DefaultWorkers is what [seatrial.ClusterSpec].Workers of zero means.
const DefaultWorkers = 3

// shape is everything that decides what boots.
type shape struct {
	workers int
	spares  int // held back from the boot on
	image   nodeImage
	size    seatrial.NodeSize // of a worker
	timings seatrial.Timings
	adaptation
}

func shapeOf(spec seatrial.ClusterSpec, image nodeImage, a adaptation) shape {
	return shape{workers: cmp.Or(spec.Workers, DefaultWorkers), spares: spec.Spares, image: image, size: spec.Node, timings: spec.Timings, adaptation: a}
}

// nodes counts those in the API: control plane, workers, and the agents' node.
func (s shape) nodes() int { return 1 + s.workers + 1 }

// machines counts the containers.
func (s shape) machines() int { return s.nodes() + s.spares }

// name is that of the nth cluster of this shape, counted from 1.
func (s shape) name(nth int) (string, error) {
	config, err := s.config()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(append(config, s.image.id...), s.sizeText()...))
	size := strconv.Itoa(s.workers) + "w"
	if s.spares > 0 {
		size += strconv.Itoa(s.spares) + "s"
	}
	name := fmt.Sprintf("seatrial-%s-%s", size, hex.EncodeToString(sum[:4]))
	if nth > 1 {
		name += "-" + strconv.Itoa(nth)
	}
	return name, nil
}

// sizeText tells clusters of different sizes apart: a size is given to the nodes
// after their boot. It is empty where none was chosen.
func (s shape) sizeText() string {
	if s.size == (seatrial.NodeSize{}) {
		return ""
	}
	return fmt.Sprintf("%+v", machineOf(s.size, s.hostCores))
}

var ours = regexp.MustCompile(`^seatrial-([0-9]{1,4})w(?:([0-9]{1,4})s)?-[0-9a-f]{8}(-[0-9]+)?$`)

// sizeOf reads the number of workers and of spare nodes from a name; false when
// the name is not one of seatrial's.
func sizeOf(name string) (workers, spares int, known bool) {
	m := ours.FindStringSubmatch(name)
	if m == nil {
		return 0, 0, false
	}
	workers, err := strconv.Atoi(m[1])
	if err == nil && m[2] != "" {
		spares, err = strconv.Atoi(m[2])
	}
	return workers, spares, err == nil
}

// config is the kind configuration in YAML.
func (s shape) config() ([]byte, error) {
	c := v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{Kind: "Cluster", APIVersion: "kind.x-k8s.io/v1alpha4"},
		Nodes:    []v1alpha4.Node{{Role: v1alpha4.ControlPlaneRole, Image: s.image.name}},
	}
	for range s.workers {
		c.Nodes = append(c.Nodes, v1alpha4.Node{Role: v1alpha4.WorkerRole, Image: s.image.name})
	}
	c.Nodes = append(c.Nodes, v1alpha4.Node{
		Role:                 v1alpha4.WorkerRole,
		Image:                s.image.name,
		Labels:               map[string]string{kube.AgentsKey: "true"},
		KubeadmConfigPatches: []string{agentsTaints},
	})
	for range s.spares { // last: kind numbers the workers in this order
		c.Nodes = append(c.Nodes, v1alpha4.Node{Role: v1alpha4.WorkerRole, Image: s.image.name})
	}
	if s.CgroupV1 {
		c.KubeadmConfigPatches = append(c.KubeadmConfigPatches, allowCgroupV1)
	}
	timings, err := timingPatches(s.timings)
	if err != nil {
		return nil, err
	}
	c.KubeadmConfigPatches = append(c.KubeadmConfigPatches, timings...)
	if s.NoSysResource {
		c.ContainerdConfigPatches = append(c.ContainerdConfigPatches, restrictOOMScore)
	}
	out, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing the kind configuration: %w", err)
	}
	return out, nil
}

// The agents' node takes agents only, from its registration on.
const agentsTaints = `kind: JoinConfiguration
nodeRegistration:
  taints:
  - {key: ` + kube.AgentsKey + `, value: "true", effect: NoSchedule}
  - {key: ` + kube.AgentsKey + `, value: "true", effect: NoExecute}
`

const allowCgroupV1 = `kind: KubeletConfiguration
failCgroupV1: false
`

const restrictOOMScore = `[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
`
