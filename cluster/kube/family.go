package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// strangersLimit bounds the wait for pods that nobody is going to delete.
const strangersLimit = 45 * time.Second

// family is what was applied and everything that it owns, over all looks of
// one reset.
type family struct {
	uids       map[types.UID]bool
	namespaces map[string]bool // where its pods are
	whole      map[string]bool // namespaces that go altogether
}

func newFamily() *family {
	return &family{uids: map[types.UID]bool{}, namespaces: map[string]bool{}, whole: map[string]bool{}}
}

// join takes in what was found, and the ReplicaSets and Jobs that belong to it.
func (f *family) join(found []item, now state) {
	for _, i := range found {
		f.uids[i.GetUID()] = true
		f.namespaces[i.GetNamespace()] = true
		if i.GetKind() == "Namespace" {
			f.namespaces[i.GetName()] = true
			f.whole[i.GetName()] = true
		}
	}
	delete(f.namespaces, "") // of those that have none
	for _, r := range now.replicaSets {
		f.adopt(r)
	}
	for _, j := range now.jobs {
		f.adopt(j)
	}
}

func (f *family) adopt(o metav1.Object) {
	if owner := metav1.GetControllerOf(o); owner != nil && f.uids[owner.UID] {
		f.uids[o.GetUID()] = true
	}
}

// members are the pods of the family.
func (f *family) members(pods []*corev1.Pod) []*corev1.Pod {
	var members []*corev1.Pod
	for _, p := range pods {
		owner := metav1.GetControllerOf(p)
		if f.uids[p.UID] || f.whole[p.Namespace] || owner != nil && f.uids[owner.UID] {
			members = append(members, p)
		}
	}
	return members
}

// hurry shortens the grace of pods that are going anyway: an application that
// ignores SIGTERM must not cost half a minute between two trials.
func (c *Cluster) hurry(ctx context.Context, pods []*corev1.Pod) error {
	for _, p := range pods {
		if p.DeletionTimestamp == nil || p.DeletionGracePeriodSeconds == nil || *p.DeletionGracePeriodSeconds <= resetGrace {
			continue
		}
		if err := c.deletePod(ctx, p, new(resetGrace)); err != nil {
			return err
		}
	}
	return nil
}

// deletePod deletes exactly this pod; that it is gone already is no error.
func (c *Cluster) deletePod(ctx context.Context, p *corev1.Pod, grace *int64) error {
	err := c.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{
		GracePeriodSeconds: grace, Preconditions: &metav1.Preconditions{UID: &p.UID}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	return nil
}

// podsGone waits until no pod of the family is left, and on an exclusive
// cluster no pod at all outside the system's namespaces.
func (c *Cluster) podsGone(ctx context.Context, f *family) error {
	err := c.agree(ctx, func() []string { return names(f.members(c.cache.pods())) },
		func(ctx context.Context) ([]string, error) {
			pods, err := c.podsIn(ctx, slices.Sorted(maps.Keys(f.namespaces))...)
			return names(f.members(pods)), err
		})
	if err != nil || !c.o.Exclusive {
		return err
	}
	ctx, cancel := c.clock.WithTimeout(ctx, strangersLimit)
	defer cancel()
	err = c.agree(ctx, func() []string { return names(strangers(c.cache.pods())) },
		func(ctx context.Context) ([]string, error) {
			pods, err := c.podsIn(ctx, metav1.NamespaceAll)
			return names(strangers(pods)), err
		})
	if err != nil {
		return fmt.Errorf("waiting for pods that seatrial did not bring: %w", err)
	}
	return nil
}

func strangers(pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return SystemNamespace(p.Namespace) })
}

// podsIn lists the pods of these namespaces live.
func (c *Cluster) podsIn(ctx context.Context, namespaces ...string) ([]*corev1.Pod, error) {
	var all []*corev1.Pod
	for _, namespace := range namespaces {
		pods, err := c.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing the pods of namespace %q: %w", namespace, err)
		}
		all = append(all, pointers(pods.Items)...)
	}
	return all, nil
}

// names says which pods are still there, sorted.
func names(pods []*corev1.Pod) []string {
	var names []string
	for _, p := range pods {
		names = append(names, fmt.Sprintf("pod %s/%s is still there (%s)", p.Namespace, p.Name, p.Status.Phase))
	}
	slices.Sort(names)
	return firstFew(names)
}
