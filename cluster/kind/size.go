package kind

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kube"
)

// A kubelet takes what /proc and /sys say for its machine, whatever limit its
// container has: in kind every node claims the whole host, and a full pool
// would be another one on every laptop. A worker of a chosen size therefore
// gets files of that size in their place, reservations that make its
// Allocatable what the scenario says, and, from Docker, the limits of such a
// machine. The control plane and the agents' node keep what the host has.

const (
	// reservedMemory is what a worker has for systemd, containerd with its
	// shims, and the kubelet.
	reservedMemory = 512 << 20
	// evictionMemory is the threshold of memory.available at which a kubelet
	// evicts unless it is told otherwise, as kind does
	// (pkg/kubelet/apis/config/v1beta1/defaults_linux.go).
	evictionMemory = 100 << 20
	// reservedCPU is what a worker has for the same, in thousandths of a core.
	reservedCPU = 100
	// controlShares is the CPU weight of a control plane beside sized workers:
	// what pods there do to each other must not slow the API server down.
	controlShares = "4096"
)

// machine is a worker as its kubelet shall see it. What is zero is the host's.
type machine struct {
	CPUs        []string // by their names in /sys, where the host has too few
	CPUKept     int64    // of all for the system, in thousandths of a core
	Memory      int64    // in KiB, as in /proc/meminfo
	MemoryKept  int64    // of it for the system, in bytes
	MemoryEvict int64    // bytes; with less the kubelet evicts
	Quota       int64    // that Docker lets it have, in billionths of a core
}

// machineOf is what has size for pods, on a host with so many cores. Where the
// host has no more than that, Docker limits nothing: a pod is then held back by
// the host alone, as on a cloud machine whose neighbours are busy.
func machineOf(size seatrial.NodeSize, hostCores int) machine {
	var m machine
	if size.CPU > 0 {
		all, cores := int64(size.CPU)+reservedCPU, hostCores
		switch {
		case all < int64(hostCores)*1000:
			m.Quota = all * 1e6
		case all > int64(hostCores)*1000:
			cores = int((all + 999) / 1000)
			m.CPUs = cpuNames(cores, hostCores)
		}
		m.CPUKept = int64(cores)*1000 - int64(size.CPU)
	}
	if size.Memory > 0 {
		m.MemoryEvict = evictionMemory
		m.Memory = (int64(size.Memory) + evictionMemory + reservedMemory + 1023) / 1024
		m.MemoryKept = m.Memory*1024 - int64(size.Memory) - evictionMemory
	}
	return m
}

// cpuNames are so many folders of CPUs, each of one that the host has: cpu0, cpu1,
// and again cpu00, cpu01. A kubelet counts the folders, and gives the cgroup of
// all pods the CPUs of these numbers, which therefore have to exist.
func cpuNames(cores, hostCores int) []string {
	names := make([]string, cores)
	for i := range names {
		names[i] = "cpu" + strings.Repeat("0", i/hostCores) + strconv.Itoa(i%hostCores)
	}
	return names
}

//go:embed size.sh.tmpl
var sizeScript string

var sizeTemplate = template.Must(template.New("size").Parse(sizeScript))

// resize gives the workers of a cluster that has just booted their size.
func resize(ctx context.Context, name string, s shape, o Options) error {
	if s.size == (seatrial.NodeSize{}) {
		return nil
	}
	m := machineOf(s.size, s.hostCores)
	if all := m.Memory * 1024 * int64(s.workers); all > s.hostMemory {
		o.log("warning: %d workers with %s each may want more memory than this host has: its kernel then kills what it likes", s.workers, s.size.Memory)
	}
	var script bytes.Buffer
	if err := sizeTemplate.Execute(&script, m); err != nil {
		return fmt.Errorf("writing the script that sizes a node: %w", err)
	}
	nodes, err := nodesOf(ctx, name)
	if err != nil {
		return err
	}
	workers := sized(nodes, name, s)
	for _, n := range workers {
		if err := runIn(ctx, n, script.String()); err != nil {
			return fmt.Errorf("giving node %s its size: %w", n.name(), err)
		}
	}
	if err := limit(ctx, nodes, name, s); err != nil {
		return err
	}
	config, err := restConfig(name, o)
	if err != nil {
		return err
	}
	return awaitSize(ctx, config, s.size)
}

// sized are the nodes that have the chosen size: kind boots the agents' node
// last and names it after its place.
func sized(nodes map[string]container, name string, s shape) []container {
	var workers []container
	for _, n := range nodes {
		if !n.controlPlane() && n.name() != agentsNode(name, s.workers) {
			workers = append(workers, n)
		}
	}
	return workers
}

// limit has Docker limit the workers. It keeps the limits over restarts of the
// containers, so there is mostly nothing to do.
func limit(ctx context.Context, nodes map[string]container, name string, s shape) error {
	m := machineOf(s.size, s.hostCores)
	var errs []error
	for _, n := range sized(nodes, name, s) {
		var want []string
		if m.Quota > 0 && n.HostConfig.NanoCpus != m.Quota {
			want = append(want, "--cpus", strconv.FormatFloat(float64(m.Quota)/1e9, 'f', -1, 64))
		}
		if m.Memory > 0 && n.HostConfig.Memory != m.Memory*1024 {
			bytes := strconv.FormatInt(m.Memory*1024, 10)
			want = append(want, "--memory", bytes, "--memory-swap", bytes) // no swap beside it
		}
		if len(want) == 0 {
			continue
		}
		if _, err := docker(ctx, append(append([]string{"update"}, want...), n.ID)...); err != nil {
			errs = append(errs, fmt.Errorf("limiting node %s: %w", n.name(), err))
		}
	}
	return errors.Join(errs...)
}

// awaitSize returns once the API server knows the workers as having size for
// pods.
func awaitSize(ctx context.Context, config *rest.Config, size seatrial.NodeSize) error {
	client, err := clientset(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return poll(ctx, func() error { return haveSize(ctx, client, size) })
}

// haveSize is nil when all workers have size for pods; one look.
func haveSize(ctx context.Context, client kubernetes.Interface, size seatrial.NodeSize) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{
		LabelSelector: "!node-role.kubernetes.io/control-plane,!" + kube.AgentsKey})
	if err != nil {
		return fmt.Errorf("listing the workers: %w", err)
	}
	for _, n := range nodes.Items {
		for name, want := range wanted(size) {
			if got := n.Status.Allocatable[name]; got.Cmp(want) != 0 {
				return fmt.Errorf("node %s has %s of %s for pods, not %s", n.Name, got.String(), name, want.String())
			}
		}
	}
	return nil
}

// wanted is a size as the Allocatable of a node.
func wanted(size seatrial.NodeSize) corev1.ResourceList {
	list := corev1.ResourceList{}
	if size.CPU > 0 {
		list[corev1.ResourceCPU] = *resource.NewMilliQuantity(int64(size.CPU), resource.DecimalSI)
	}
	if size.Memory > 0 {
		list[corev1.ResourceMemory] = *resource.NewQuantity(int64(size.Memory), resource.BinarySI)
	}
	return list
}
