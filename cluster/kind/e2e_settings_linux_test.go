package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/seatrial/seatrial"
)

// chosen is a cluster whose worker is smaller than this machine, and finds lost
// nodes soon.
func chosen() seatrial.ClusterSpec {
	seven := 7
	return seatrial.ClusterSpec{Name: "main", Workers: 1,
		Node: seatrial.NodeSize{CPU: 1000, Memory: 1 << 30},
		Timings: seatrial.Timings{NodeMonitorGracePeriod: 16 * time.Second, NodeMonitorPeriod: time.Second,
			NodeLeaseDuration: 12 * time.Second, NodeStatusUpdateFrequency: 2 * time.Second, TolerationSeconds: &seven}}
}

func openChosen(t *testing.T, spec seatrial.ClusterSpec) (*Cluster, kubernetes.Interface) {
	t.Helper()
	s, err := Open(t.Context(), seatrial.Spec{Clusters: []seatrial.ClusterSpec{spec}}, onKind(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := s.clusters[0]
	opened[c.name] = true
	config, err := restConfig(c.name, c.opts)
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientset(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

func TestAllAWorkerHasTheSizeAndTheClusterTheTimingsThatWereChosen(t *testing.T) {
	wholeSet(t)
	c, client := openChosen(t, chosen())
	t.Run("allocatable", func(t *testing.T) { hasSize(t, client, chosen().Node) })
	t.Run("limits", func(t *testing.T) { isLimited(t, c); isHeldBack(t, c) })
	t.Run("throttle", func(t *testing.T) {
		before := look(t, c).Quota
		goThrough(t, c, seatrial.Throttle{Node: worker(c), CPUs: 0.2, Expires: 30 * time.Second})
		if after := look(t, c).Quota; after != before {
			t.Errorf("the quota is %q after a throttle, and was %q before", after, before)
		}
	})
	t.Run("restart", func(t *testing.T) {
		if _, err := docker(t.Context(), "restart", "--time", "5", worker(c)); err != nil {
			t.Fatal(err)
		}
		awaitKubelet(t, client, worker(c), time.Now())
		hasSize(t, client, chosen().Node)
		isLimited(t, c)
	})
	t.Run("timings", func(t *testing.T) { hasTimings(t, client, worker(c)) })
	t.Run("grace period", func(t *testing.T) { isLostSoon(t, c, client) })
	t.Run("eviction", func(t *testing.T) { evicts(t, c, client) })
}

func TestAllAWorkerMayHaveMoreCoresThanItsHost(t *testing.T) {
	wholeSet(t)
	onKind(t)
	d, err := askDaemon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	size := seatrial.NodeSize{CPU: seatrial.MilliCPU(d.NCPU+2) * 1000}
	c, client := openChosen(t, seatrial.ClusterSpec{Name: "main", Workers: 1, Node: size})
	hasSize(t, client, size)
	nodes, err := nodesOf(t.Context(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	if n := nodes[worker(c)]; n.HostConfig.NanoCpus != 0 || n.HostConfig.Memory != 0 {
		t.Errorf("Docker limits it to %d billionths of a core and %d bytes", n.HostConfig.NanoCpus, n.HostConfig.Memory)
	}
	// A limit of all these cores is one that its cgroup has to take.
	pod := probePod("wide", fmt.Sprintf("{requests: {cpu: 10m}, limits: {cpu: %q}}", size.CPU))
	if err := c.Apply(t.Context(), []byte(pod)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Settle(ctx); err != nil {
		t.Error(err)
	}
}

func probePod(name, resources string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: pause, image: "registry.k8s.io/pause:3.10", resources: %s}]
`, name, resources)
}

func hasSize(t *testing.T, client kubernetes.Interface, size seatrial.NodeSize) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, func() error { return haveSize(ctx, client, size) }); err != nil {
		t.Error(err)
	}
}

func isLimited(t *testing.T, c *Cluster) {
	t.Helper()
	if want, _, _ := strings.Cut(look(t, c).Quota, " "); want != "110000" {
		t.Errorf("its CPU quota is %s of 100 ms, not 110000 µs", want)
	}
	nodes, err := nodesOf(t.Context(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := nodes[worker(c)].HostConfig.Memory, int64(1<<30+evictionMemory+reservedMemory); got != want {
		t.Errorf("Docker limits it to %d bytes, not %d", got, want)
	}
}

// isHeldBack has the worker compute on more cores than it has, until it is out
// of its quota: on a busy host it may not get that far at once.
func isHeldBack(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const hog = `for i in 1 2 3 4; do timeout 2 sh -c 'while :; do :; done' & done; wait`
	before := look(t, c).Throttled
	err := poll(ctx, func() error {
		if _, err := docker(ctx, "exec", worker(c), "sh", "-c", hog); err != nil {
			return err
		}
		if look(t, c).Throttled <= before {
			return errors.New("four busy processes were never held back")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func hasTimings(t *testing.T, client kubernetes.Interface, worker string) {
	t.Helper()
	pods, err := client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{LabelSelector: "tier=control-plane"})
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, p := range pods.Items {
		flags = append(flags, p.Spec.Containers[0].Command...)
	}
	all := strings.Join(flags, "\n") + "\n"
	for _, flag := range []string{"--node-monitor-grace-period=16s", "--node-monitor-period=1s",
		"--default-not-ready-toleration-seconds=7", "--default-unreachable-toleration-seconds=7"} {
		if !strings.Contains(all, flag+"\n") {
			t.Errorf("no component has %s", flag)
		}
	}
	lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), worker, metav1.GetOptions{})
	if err != nil || lease.Spec.LeaseDurationSeconds == nil || *lease.Spec.LeaseDurationSeconds != 12 {
		t.Errorf("the worker's lease: %+v, %v", lease.Spec, err)
	}
}

// isLostSoon stops the kubelet: by default it is missed after 40 s at least.
func isLostSoon(t *testing.T, c *Cluster, client kubernetes.Interface) {
	t.Helper()
	a := seatrial.StopKubelet{Node: worker(c), Expires: 2 * time.Minute}
	p, err := c.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	awaitWorker(t, client, worker(c), corev1.ConditionTrue, 5*time.Second) // nobody has missed it yet
	awaitWorker(t, client, worker(c), corev1.ConditionUnknown, time.Minute)
	took := time.Since(begun)
	t.Logf("NotReady %v after the kubelet was stopped", took)
	if took < 12*time.Second || took > 30*time.Second { // 16 - U(0,3) + U(0,1), and a busy machine
		t.Errorf("it took %v, not about 15 s", took)
	}
	if err := c.Revert(t.Context(), a, p); err != nil {
		t.Fatal(err)
	}
	awaitWorker(t, client, worker(c), corev1.ConditionTrue, time.Minute)
}

// awaitKubelet waits for a renewal of the node's lease after a time: what else the
// API server has of the node may be from before.
func awaitKubelet(t *testing.T, client kubernetes.Interface, node string, after time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := poll(ctx, func() error {
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, node, metav1.GetOptions{})
		if err == nil && (lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Before(&metav1.MicroTime{Time: after})) {
			err = fmt.Errorf("the kubelet of %s has not renewed its lease", node)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	awaitWorker(t, client, node, corev1.ConditionTrue, time.Minute)
}

func awaitWorker(t *testing.T, client kubernetes.Interface, node string, want corev1.ConditionStatus, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := poll(ctx, func() error {
		n, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got := condition(n, corev1.NodeReady); got != want {
			return fmt.Errorf("Ready is %s, not %s", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func condition(n *corev1.Node, kind corev1.NodeConditionType) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

// evicts fills the worker's memory from inside, on a tmpfs, until less is
// available than the kubelet's threshold: a pod without requests has to go.
func evicts(t *testing.T, c *Cluster, client kubernetes.Interface) {
	t.Helper()
	if err := c.Apply(t.Context(), []byte(probePod("modest", "{}"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := c.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	free := availableMemory(t, client, worker(c))
	t.Logf("%d MiB are available in a worker of 1 GiB for pods", free>>20)
	if free < 512<<20 || free > 1636<<20 {
		t.Fatalf("%d bytes are available in a worker that has 1 GiB for pods and 612 MiB for itself", free)
	}
	fill := fmt.Sprintf("head -c %d /dev/zero >/run/hog", free-(40<<20))
	defer docker(context.WithoutCancel(t.Context()), "exec", worker(c), "rm", "-f", "/run/hog")
	if _, err := docker(t.Context(), "exec", worker(c), "sh", "-c", fill); err != nil {
		t.Fatal(err)
	}
	err := poll(ctx, func() error {
		p, err := client.CoreV1().Pods(metav1.NamespaceDefault).Get(ctx, "modest", metav1.GetOptions{})
		if err == nil && p.Status.Reason != "Evicted" {
			err = fmt.Errorf("the pod is %s %s", p.Status.Phase, p.Status.Reason)
		}
		return err
	})
	if err != nil {
		t.Errorf("nothing was evicted: %v", err)
	}
}

// availableMemory is the kubelet's own figure.
func availableMemory(t *testing.T, client kubernetes.Interface, node string) int64 {
	t.Helper()
	raw, err := client.CoreV1().RESTClient().Get().Resource("nodes").Name(node).SubResource("proxy").Suffix("stats/summary").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Node struct {
			Memory struct{ AvailableBytes int64 }
		}
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s.Node.Memory.AvailableBytes
}
