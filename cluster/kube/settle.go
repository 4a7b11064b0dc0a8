package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// retryAPI is the pause after a live read that the API server did not answer.
const retryAPI = time.Second

// Settle returns once every node is Ready and every workload is whole: those
// that Apply brought, CoreDNS and kube-proxy. Whole means rolled out at the
// latest spec, every replica ready and available, and no surplus pod still
// terminating. It rides out an API server that is away. When ctx ends first,
// the error says what is missing.
func (c *Cluster) Settle(ctx context.Context) error {
	err := c.agree(ctx, func() []string { return c.missing(c.cache.state()) },
		func(ctx context.Context) ([]string, error) {
			now, err := c.live(ctx)
			return c.missing(now), err
		})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("cluster %s has not settled: %w", c.o.Ref.Name, err)
	if errors.Is(err, context.Canceled) {
		return err
	}
	return seatrial.Fail(seatrial.Infrastructure, err, "look at what is missing with kubectl get and kubectl describe")
}

// agree returns once both the watches and a live read find nothing missing.
// The watches come first because they are free; they may lag, so the live read
// decides. When it finds more than they do, they have a change to come.
func (c *Cluster) agree(ctx context.Context, cached func() []string, live func(context.Context) ([]string, error)) error {
	var refused refusals
	for {
		next := c.clock.next() // before looking: a change after this wakes us
		missing := cached()
		if len(missing) == 0 {
			more, err := live(ctx)
			switch {
			case err == nil && len(more) == 0:
				return nil
			case refused.final(err, c.clock.Now()):
				return err
			case err != nil && c.clock.Sleep(ctx, retryAPI) == nil:
				continue
			case err != nil:
				more = []string{err.Error()}
			}
			missing = more
		}
		if err := wait(ctx, next); err != nil {
			return fmt.Errorf("%w: %s", err, strings.Join(missing, "; "))
		}
	}
}

// refusalLimit is how long an API server may refuse before we believe it: one
// that just started forbids everything to everyone until it has read its roles
// (seen for some seconds on v1.37.1).
const refusalLimit = 15 * time.Second

// refusals are consecutive answers of the kind "you may not".
type refusals struct {
	since   time.Duration
	refused bool
}

// final takes the error of one read at a time of the clock, nil too, and says
// whether asking again is no use.
func (r *refusals) final(err error, now time.Duration) bool {
	refused := apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
	if refused && !r.refused {
		r.since = now
	}
	r.refused = refused
	return refused && now-r.since >= refusalLimit
}

// live reads what missing looks at, from the API server and not from a cache.
// Pods and workloads come from the namespaces alone where a workload counts.
func (c *Cluster) live(ctx context.Context) (state, error) {
	now := state{}
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return now, fmt.Errorf("listing nodes: %w", err)
	}
	now.nodes = pointers(nodes.Items)
	for _, namespace := range c.namespaces() {
		if err := c.liveIn(ctx, namespace, &now); err != nil {
			return now, fmt.Errorf("listing workloads of namespace %s: %w", namespace, err)
		}
	}
	return now, nil
}

func (c *Cluster) liveIn(ctx context.Context, namespace string, now *state) error {
	apps, all := c.client.AppsV1(), metav1.ListOptions{}
	deployments, err1 := apps.Deployments(namespace).List(ctx, all)
	replicaSets, err2 := apps.ReplicaSets(namespace).List(ctx, all)
	statefulSets, err3 := apps.StatefulSets(namespace).List(ctx, all)
	daemonSets, err4 := apps.DaemonSets(namespace).List(ctx, all)
	jobs, err5 := c.client.BatchV1().Jobs(namespace).List(ctx, all)
	pods, err6 := c.client.CoreV1().Pods(namespace).List(ctx, all)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	now.deployments = append(now.deployments, pointers(deployments.Items)...)
	now.replicaSets = append(now.replicaSets, pointers(replicaSets.Items)...)
	now.statefulSets = append(now.statefulSets, pointers(statefulSets.Items)...)
	now.daemonSets = append(now.daemonSets, pointers(daemonSets.Items)...)
	now.jobs = append(now.jobs, pointers(jobs.Items)...)
	now.pods = append(now.pods, pointers(pods.Items)...)
	return nil
}

func pointers[O any](items []O) []*O {
	all := make([]*O, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}

// namespaces are those with a workload that counts, sorted.
func (c *Cluster) namespaces() []string {
	found := map[string]bool{metav1.NamespaceSystem: true}
	now := c.cache.state()
	for _, w := range now.workloads() {
		if counts(w) {
			found[w.GetNamespace()] = true
		}
	}
	for _, p := range now.pods {
		if p.Labels[AppliedLabel] == "true" {
			found[p.Namespace] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for o := range c.applied {
		found[o.namespace] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// counts says whether Settle waits for w.
func counts(w workload) bool {
	system := w.GetNamespace() == metav1.NamespaceSystem &&
		slices.Contains([]string{"kube-dns", "kube-proxy"}, w.GetLabels()["k8s-app"])
	return system || w.GetLabels()[AppliedLabel] == "true"
}

// missing says what keeps the cluster from being settled.
func (c *Cluster) missing(now state) []string {
	missing := notReady(now.nodes)
	pods := map[string][]*corev1.Pod{}
	for _, p := range now.pods {
		pods[p.Namespace] = append(pods[p.Namespace], p)
		if said := barePod(p); said != "" {
			missing = append(missing, said)
		}
	}
	known := map[object]version{}
	for _, w := range now.workloads() {
		known[w.object] = version{w.GetUID(), w.GetGeneration()}
		if counts(w) {
			missing = append(missing, w.missing(pods[w.GetNamespace()])...)
		}
	}
	return append(missing, c.unseen(known)...)
}

func notReady(nodes []*corev1.Node) []string {
	var missing []string
	for _, n := range nodes {
		if ready := nodeReady(n); ready.Status != corev1.ConditionTrue {
			missing = append(missing, fmt.Sprintf("node %s: not Ready (%s)", n.Name, short(ready.Reason+" "+ready.Message)))
		}
	}
	slices.Sort(missing)
	return missing
}

// barePod is for pods that were applied as such, with no controller.
func barePod(p *corev1.Pod) string {
	if p.Labels[AppliedLabel] != "true" || podReady(p) && p.DeletionTimestamp == nil || p.Status.Phase == corev1.PodSucceeded {
		return ""
	}
	return fmt.Sprintf("pod %s/%s: %s", p.Namespace, p.Name, podTrouble(p))
}

// unseen names what Apply brought and the watches do not know yet, or not in
// that version: a cluster is not settled because its news is old.
func (c *Cluster) unseen(known map[object]version) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for o, want := range c.applied {
		if have := known[o]; have.uid != want.uid || have.generation < want.generation {
			missing = append(missing, o.String()+": not there as it was applied")
		}
	}
	slices.Sort(missing)
	return missing
}
