package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// complete is nil when all node containers of a cluster of that shape run.
func complete(nodes map[string]container, s shape) error {
	if want := s.machines(); len(nodes) != want {
		return fmt.Errorf("it has %d of %d node containers", len(nodes), want)
	}
	for name, n := range nodes {
		if !n.up() {
			return fmt.Errorf("node %s is %s", name, n.State.Status)
		}
	}
	return nil
}

// unpause ends what `docker pause` did to nodes.
func unpause(ctx context.Context, nodes map[string]container, tell func(string, ...any)) error {
	for name, n := range nodes {
		if !n.State.Paused {
			continue
		}
		tell("node %s was paused: unpausing it", name)
		if _, err := docker(ctx, "unpause", n.ID); err != nil {
			return fmt.Errorf("unpausing %s: %w", name, err)
		}
	}
	return nil
}

// heal undoes whatever a dead run left on the nodes, and says what that was.
// The caller holds the cluster's lock: what is in force has no owner.
func heal(ctx context.Context, l *link, nodes map[string]container, tell func(string, ...any)) error {
	results := make([]error, 0, len(nodes))
	var mu sync.Mutex
	var each sync.WaitGroup
	for name, n := range nodes {
		each.Go(func() {
			err := healNode(ctx, l, name, n, tell)
			mu.Lock()
			defer mu.Unlock()
			results = append(results, err)
		})
	}
	each.Wait()
	return errors.Join(results...)
}

func healNode(ctx context.Context, l *link, name string, n container, tell func(string, ...any)) error {
	node := guardian.Node{Container: n.ID, PID: n.State.Pid}
	return l.ask(ctx, func(ctx context.Context, g *guardian.Client) error {
		state, err := g.Deep(ctx, node)
		if err != nil {
			return complaint(ctx, fmt.Errorf("looking at node %s: %w", name, err))
		}
		found := guardian.Prior{Quota: quotaOf(n, state.Quota), Units: nodeUnits, Daemons: nodeUnits}
		left := errors.Join(leftovers(state, found), absent(state, found))
		if left == nil {
			return nil
		}
		tell("node %s still has what a dead run left (%v): undoing it", name, left)
		if err := g.Sweep(ctx, node, found); err != nil {
			return complaint(ctx, fmt.Errorf("healing node %s: %w", name, err))
		}
		return nil
	})
}

// complaint marks what the guardian said of a node, unlike its silence, as the
// cluster's own fault.
func complaint(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, guardian.ErrBroken) {
		return err
	}
	return faulty(err)
}

// nodeUnits are what no node goes without.
var nodeUnits = []string{"containerd", "kubelet"}

// quotaOf is the text of the CPU quota that Docker gave a container, in the
// version of cgroups of the text that its cgroup has now.
func quotaOf(n container, now string) string {
	const usual = 100_000 // microseconds: the period of Docker and of the kernel
	quota, period := n.HostConfig.CpuQuota, cmp.Or(n.HostConfig.CpuPeriod, usual)
	if nano := n.HostConfig.NanoCpus; nano > 0 {
		quota, period = nano*usual/1e9, usual
	}
	if quota <= 0 {
		return guardian.Unlimited(now)
	}
	if strings.Contains(now, " ") {
		return fmt.Sprintf("%d %d", quota, period)
	}
	return strconv.FormatInt(quota, 10)
}

// settleTimeout bounds the wait for nodes that were just healed: a kubelet
// reports every 10 s.
const settleTimeout = time.Minute

// awaitReady returns once the API server answers and every node is Ready.
func awaitReady(ctx context.Context, config *rest.Config, workers int) error {
	client, err := clientset(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	want := (shape{workers: workers}).nodes()
	if err := poll(ctx, func() error { return ready(ctx, client, want) }); err != nil {
		return fmt.Errorf("waiting for the nodes: %w", err)
	}
	return nil
}

// ready is nil when so many nodes exist and all are Ready; one look.
func ready(ctx context.Context, client kubernetes.Interface, want int) error {
	if err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return fmt.Errorf("the API server is not ready: %w", err)
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing the nodes: %w", err)
	}
	if len(nodes.Items) != want {
		return fmt.Errorf("%d of %d nodes have joined", len(nodes.Items), want)
	}
	for _, n := range nodes.Items {
		if !isReady(n) {
			return fmt.Errorf("node %s is not Ready", n.Name)
		}
	}
	return nil
}

func isReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// answers is nil when the API server does, within lookTimeout.
func answers(ctx context.Context, config *rest.Config) error {
	client, err := clientset(config)
	if err != nil {
		return err
	}
	if err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return fmt.Errorf("the API server is not ready: %w", err)
	}
	return nil
}

// awaitAPI returns once the API server answers.
func awaitAPI(ctx context.Context, config *rest.Config) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return poll(ctx, func() error { return answers(ctx, config) })
}

// poll asks until there is no error; the last one says why there was none.
func poll(ctx context.Context, ask func() error) error {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		missing := ask()
		if missing == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return missing
		case <-tick.C:
		}
	}
}

// lookTimeout bounds a single question to an API server.
const lookTimeout = 5 * time.Second

func clientset(config *rest.Config) (kubernetes.Interface, error) {
	quick := rest.CopyConfig(config)
	quick.Timeout = lookTimeout
	client, err := kubernetes.NewForConfig(quick)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}
