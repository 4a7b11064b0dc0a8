package kind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial"
)

// pool is the workers of a cluster: machines, and the nodes that run on them.
// The API server alone says which machine is which node, by the nodes' provider
// ids; a machine that no node names is to be held back. So a node joins when
// its object is created, and has left when that is deleted: the rest follows,
// and where a process did not get to it, the next one does.
type pool struct {
	cluster  string
	homes    int // machines that are nodes from the boot on: the workers' and the agents'
	client   kubernetes.Interface
	machines machines
	// release ends what other actions do to a machine that leaves; nil where
	// there are none.
	release func(ctx context.Context, machine string) error

	mu sync.Mutex // held from a look at the nodes to the change that it decides
}

// poolPatience is for one request. An answer from a busy machine has taken more
// than 5 s.
const poolPatience = 30 * time.Second

func newPool(name string, config *rest.Config, l *link) (*pool, error) {
	workers, _, known := sizeOf(name)
	if !known {
		return nil, fmt.Errorf("cluster %q is not one of seatrial's", name)
	}
	config = rest.CopyConfig(config)
	config.Timeout, config.QPS, config.Burst = poolPatience, 50, 100 // the default of 5 is for people
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &pool{cluster: name, homes: workers + 1, client: client, machines: containerMachines{name, l}}, nil
}

// member is what is known of a node that leaves, or that another one is to
// resemble: its object and its machine, and what its successor takes over.
type member struct {
	UID     types.UID         `json:"uid"`
	Machine string            `json:"machine"`
	Version string            `json:"version,omitempty"` // by its label
	Labels  map[string]string `json:"labels,omitempty"`
	Taints  []corev1.Taint    `json:"taints,omitempty"`
}

// memberOf leaves out what belongs to that one node: its name and version, and
// the taints of its state.
func memberOf(n *corev1.Node) member {
	m := member{UID: n.UID, Machine: machineName(n), Version: n.Labels[seatrial.VersionLabel], Labels: maps.Clone(n.Labels)}
	delete(m.Labels, corev1.LabelHostname)
	delete(m.Labels, seatrial.VersionLabel)
	for _, t := range n.Spec.Taints {
		if !strings.HasPrefix(t.Key, "node.kubernetes.io/") {
			m.Taints = append(m.Taints, t)
		}
	}
	return m
}

// machineName is the last part of kind://docker/CLUSTER/MACHINE.
func machineName(n *corev1.Node) string { return path.Base(n.Spec.ProviderID) }

// nodes are those of the API server now.
func (p *pool) nodes(ctx context.Context) ([]corev1.Node, error) {
	list, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	return list.Items, nil
}

// find is nil when there is no such node.
func (p *pool) find(ctx context.Context, name string) (*corev1.Node, error) {
	n, err := p.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading node %s: %w", name, err)
	}
	return n, nil
}

// idle are the machines that no node names.
func (p *pool) idle(ctx context.Context) ([]string, error) {
	nodes, err := p.nodes(ctx)
	if err != nil {
		return nil, err
	}
	all, err := p.machines.list(ctx)
	return slices.DeleteFunc(all, func(machine string) bool {
		return slices.ContainsFunc(nodes, func(n corev1.Node) bool { return machineName(&n) == machine })
	}), err
}

// add lets a node join on an idle machine, its own by preference, and returns
// when it is Ready.
func (p *pool) add(ctx context.Context, name string, like member) error {
	if err := p.create(ctx, name, like); err != nil {
		return err
	}
	return p.complete(ctx, name)
}

func (p *pool) create(ctx context.Context, name string, like member) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.find(ctx, name)
	if err != nil {
		return err
	}
	idle, err := p.idle(ctx)
	switch {
	case err != nil:
		return err
	case n != nil:
		return fmt.Errorf("node %s cannot join: one of that name is there", name)
	case len(idle) == 0:
		return fmt.Errorf("node %s cannot join: no machine is held back", name)
	}
	machine := idle[len(idle)-1]
	if slices.Contains(idle, name) {
		machine = name
	}
	return p.createOn(ctx, machine, name, like)
}

// createOn makes the object that the kubelet will find. So labels and taints
// are there before any pod can be. Neither what ran on the machine nor what was
// bound to a node of that name must come to life again.
func (p *pool) createOn(ctx context.Context, machine, name string, like member) error {
	if err := p.machines.hold(ctx, machine); err != nil {
		return err
	}
	if err := p.bury(ctx, name); err != nil {
		return err
	}
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}},
		Spec:       corev1.NodeSpec{Taints: like.Taints, ProviderID: "kind://docker/" + p.cluster + "/" + machine},
	}
	maps.Copy(n.Labels, like.Labels)
	n.Labels[corev1.LabelHostname] = name
	if like.Version != "" {
		n.Labels[seatrial.VersionLabel] = like.Version
	}
	if _, err := p.client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating node %s: %w", name, err)
	}
	return nil
}

// complete starts the node's machine unless that was done, and waits until it
// is Ready.
func (p *pool) complete(ctx context.Context, name string) error {
	n, err := p.find(ctx, name)
	if err == nil && n == nil {
		err = fmt.Errorf("node %s has left again", name)
	}
	if err != nil {
		return err
	}
	if err := p.start(ctx, machineName(n), name); err != nil {
		return err
	}
	if err := poll(ctx, func() error { return p.ready(ctx, name) }); err != nil {
		return fmt.Errorf("waiting for node %s: %w", name, err)
	}
	return nil
}

// start lets the node's kubelet begin, unless that was done.
func (p *pool) start(ctx context.Context, machine, name string) error {
	held, err := p.machines.held(ctx, machine)
	if err == nil && held {
		err = p.machines.join(ctx, machine, name)
	}
	if err != nil {
		return fmt.Errorf("starting node %s: %w", name, err)
	}
	return nil
}

func (p *pool) ready(ctx context.Context, name string) error {
	n, err := p.find(ctx, name)
	switch {
	case err != nil:
		return err
	case n == nil:
		return errors.New("it is not there")
	case !isReady(*n):
		return errors.New("it is not Ready")
	}
	return nil
}

// remove deletes the node, so that it has left, and then takes its machine. The
// kubelet could not come back: it makes its object only when it starts.
func (p *pool) remove(ctx context.Context, name string, m member) error {
	err := p.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &m.UID}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting node %s: %w", name, err)
	}
	if err := p.machines.condemn(ctx, m.Machine); err != nil {
		return err
	}
	if p.release != nil {
		if err := p.release(ctx, m.Machine); err != nil {
			return err
		}
	}
	return p.machines.hold(ctx, m.Machine)
}

// bury deletes, by force, the pods that are bound to a node which is not there:
// nobody else would tell that they have ended before podGC does, up to a minute
// later.
func (p *pool) bury(ctx context.Context, name string) error {
	pods, err := p.podsOn(ctx, name)
	if err != nil {
		return err
	}
	return p.forget(ctx, pods)
}

// buryAll is bury for every node that has left.
func (p *pool) buryAll(ctx context.Context) error {
	list, err := p.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{}) // before the nodes: one that joins meanwhile is known then
	if err != nil {
		return fmt.Errorf("listing the pods: %w", err)
	}
	nodes, err := p.nodes(ctx)
	if err != nil {
		return err
	}
	return p.forget(ctx, slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool {
		return pod.Spec.NodeName == "" || slices.ContainsFunc(nodes, func(n corev1.Node) bool { return n.Name == pod.Spec.NodeName })
	}))
}

func (p *pool) forget(ctx context.Context, pods []corev1.Pod) error {
	now := int64(0)
	for _, pod := range pods {
		err := p.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("deleting pod %s/%s of former node %s: %w", pod.Namespace, pod.Name, pod.Spec.NodeName, err)
		}
	}
	return nil
}

func (p *pool) podsOn(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := p.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of node %s: %w", node, err)
	}
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.Spec.NodeName != node }), nil
}

// retire empties a node within its pods' own grace, and takes it away.
func (p *pool) retire(ctx context.Context, n *corev1.Node) error {
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"unschedulable":true}}`, n.UID)
	if _, err := p.client.CoreV1().Nodes().Patch(ctx, n.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("cordoning node %s: %w", n.Name, err)
	}
	if err := poll(ctx, func() error { return p.emptied(ctx, n.Name) }); err != nil {
		return fmt.Errorf("emptying node %s: %w", n.Name, err)
	}
	if err := p.remove(ctx, n.Name, memberOf(n)); err != nil {
		return err
	}
	return p.bury(ctx, n.Name)
}

// emptied is nil when only pods that belong to the node itself are left; the
// others it tells to go.
func (p *pool) emptied(ctx context.Context, node string) error {
	pods, err := p.podsOn(ctx, node)
	if err != nil {
		return err
	}
	var left []error
	for _, pod := range pods {
		if owner := metav1.GetControllerOf(&pod); owner != nil && (owner.Kind == "DaemonSet" || owner.Kind == "Node") {
			continue
		}
		left = append(left, fmt.Errorf("pod %s/%s is there still", pod.Namespace, pod.Name))
		if pod.DeletionTimestamp == nil {
			err := p.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}})
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				left = append(left, err)
			}
		}
	}
	return errors.Join(left...)
}

// sweep holds the idle machines back that nobody has got to.
func (p *pool) sweep(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle, err := p.idle(ctx)
	if err != nil {
		return err
	}
	each, ctx := errgroup.WithContext(ctx)
	for _, machine := range idle {
		each.Go(func() error { return p.machines.hold(ctx, machine) })
	}
	return each.Wait()
}

// poolLimit bounds bringing a pool back to what it was at boot.
const poolLimit = 3 * time.Minute

// asBooted makes the first machines the nodes of their own names again, and
// holds the others back. It does not wait until they are Ready.
func (p *pool) asBooted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, poolLimit)
	defer cancel()
	all, err := p.machines.list(ctx)
	if err != nil {
		return err
	}
	nodes, err := p.nodes(ctx)
	if err != nil {
		return err
	}
	if len(all) < p.homes {
		return fmt.Errorf("%d of %d machines of the pool are there", len(all), p.homes)
	}
	if err := p.removeStrangers(ctx, all[p.homes:], nodes); err != nil {
		return err
	}
	each, with := errgroup.WithContext(ctx)
	for i, machine := range all[:p.homes] {
		there := slices.ContainsFunc(nodes, func(n corev1.Node) bool { return n.Name == machine && machineName(&n) == machine })
		if !there && i == p.homes-1 {
			return fmt.Errorf("the agents' node %s has left", machine)
		}
		each.Go(func() error {
			if !there {
				if err := p.createOn(with, machine, machine, member{}); err != nil {
					return err
				}
			}
			return p.start(with, machine, machine)
		})
	}
	return errors.Join(each.Wait(), p.sweep(ctx), p.buryAll(ctx))
}

// removeStrangers removes the nodes that are not called as their machines are,
// or run on spare ones.
func (p *pool) removeStrangers(ctx context.Context, spare []string, nodes []corev1.Node) error {
	each, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		if m := machineName(&n); m == n.Name && !slices.Contains(spare, m) {
			continue
		}
		each.Go(func() error { return p.remove(ctx, n.Name, memberOf(&n)) })
	}
	return each.Wait()
}
