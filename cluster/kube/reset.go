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
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// resetPause lies between two looks at what is still there: objects of any
	// kind may be applied, and those of no fixed list can be watched.
	resetPause = 200 * time.Millisecond
	// resetGrace is the least that a kubelet takes notice of; what is removed
	// has nothing left to say to its users.
	resetGrace = int64(1)
	// sweepWidth is how many kinds are listed side by side.
	sweepWidth = 16
)

// Reset removes what Apply brought in this or any earlier process, with all
// that belongs to it, and the agents. It returns once a look at every kind
// that the API server serves finds nothing with [AppliedLabel], the pods are
// really gone, and every node is Ready and schedulable. Nodes are not touched:
// a cordoned one is an error. Nothing that others applied is touched, and it
// is waited for on an exclusive cluster alone, see [Options].
//
// When ctx ends first, the error says what is still there.
func (c *Cluster) Reset(ctx context.Context) error {
	ctx = context.WithValue(ctx, unwarned{}, true)
	c.mu.Lock()
	clear(c.applied)
	c.mu.Unlock()
	kinds, err := c.kinds.removable(ctx)
	if err != nil {
		return c.notReset(err)
	}
	family := newFamily()
	if err := c.removeAll(ctx, kinds, family); err != nil {
		return c.notReset(err)
	}
	if err := c.podsGone(ctx, family); err != nil {
		return c.notReset(err)
	}
	return c.nodesWhole(ctx)
}

func (c *Cluster) notReset(err error) error {
	err = fmt.Errorf("resetting cluster %s: %w", c.o.Ref.Name, err)
	if errors.Is(err, context.Canceled) {
		return err
	}
	return seatrial.Fail(seatrial.Infrastructure, err, "remove what is left with kubectl delete, or use a fresh cluster")
}

// removeAll looks, removes, and looks again until nothing is left. While there
// is something it looks at those kinds alone; the last look is at all.
func (c *Cluster) removeAll(ctx context.Context, kinds []schema.GroupVersionResource, f *family) error {
	for look := kinds; ; {
		found, err := c.sweep(ctx, look)
		if err != nil {
			return err
		}
		left, err := c.remove(ctx, found, f)
		switch {
		case err != nil:
			return err
		case len(left) == 0 && len(look) == len(kinds):
			return nil
		case len(left) == 0:
			look = kinds
			continue
		}
		look = kindsOf(found)
		if err := c.clock.Sleep(ctx, resetPause); err != nil {
			return fmt.Errorf("%w: still there: %s", err, strings.Join(firstFew(left), ", "))
		}
	}
}

// untilGone removes what there is, until a removal finds nothing left.
func (c *Cluster) untilGone(ctx context.Context, what string, remove func(context.Context) (left []string, err error)) error {
	for {
		left, err := remove(ctx)
		if err != nil {
			return fmt.Errorf("removing %s: %w", what, err)
		}
		if len(left) == 0 {
			return nil
		}
		if err := c.clock.Sleep(ctx, resetPause); err != nil {
			return fmt.Errorf("removing %s: %w: still there: %s", what, err, strings.Join(firstFew(left), ", "))
		}
	}
}

// item is an object that was found, and where.
type item struct {
	*unstructured.Unstructured
	kind schema.GroupVersionResource
}

func (i item) String() string {
	return strings.ToLower(i.GetKind()) + " " + strings.TrimPrefix(i.GetNamespace()+"/"+i.GetName(), "/")
}

// sweep lists everything of these kinds that carries the label.
func (c *Cluster) sweep(ctx context.Context, kinds []schema.GroupVersionResource) ([]item, error) {
	lists := make([][]item, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sweepWidth)
	for i, kind := range kinds {
		group.Go(func() error {
			list, err := c.objects.Resource(kind).List(ctx, metav1.ListOptions{LabelSelector: AppliedLabel + "=true"})
			if apierrors.IsNotFound(err) {
				return nil // its definition was just removed
			}
			if err != nil {
				return fmt.Errorf("listing %s: %w", kind.GroupResource(), err)
			}
			for j := range list.Items {
				lists[i] = append(lists[i], item{&list.Items[j], kind})
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(lists...), err
}

func kindsOf(found []item) []schema.GroupVersionResource {
	kinds := map[schema.GroupVersionResource]bool{}
	for _, i := range found {
		kinds[i.kind] = true
	}
	return slices.Collect(maps.Keys(kinds))
}

// remove asks for the deletion of everything found that is not going yet, and
// says what is still there.
func (c *Cluster) remove(ctx context.Context, found []item, f *family) ([]string, error) {
	var left []string
	slices.SortStableFunc(found, func(a, b item) int { return rank(b.Unstructured) - rank(a.Unstructured) })
	for _, i := range found {
		left = append(left, i.String())
		if err := c.removeOne(ctx, i); err != nil {
			return nil, err
		}
	}
	f.join(found, c.cache.state())
	if err := c.hurry(ctx, f.members(c.cache.pods())); err != nil {
		return nil, err
	}
	agents, err := c.removeAgents(ctx)
	return append(left, agents...), err
}

// removeOne deletes an object and, before it goes, its dependants. What has a
// controller goes with that one: the slices of a Service carry its labels.
func (c *Cluster) removeOne(ctx context.Context, i item) error {
	if i.GetDeletionTimestamp() != nil || metav1.GetControllerOf(i) != nil {
		return nil
	}
	if err := c.adoptClaims(ctx, i); err != nil {
		return err
	}
	uid := i.GetUID()
	err := c.objects.Resource(i.kind).Namespace(i.GetNamespace()).Delete(ctx, i.GetName(), metav1.DeleteOptions{
		PropagationPolicy: new(metav1.DeletePropagationForeground),
		Preconditions:     &metav1.Preconditions{UID: &uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting %s: %w", i, err)
	}
	return nil
}

// adoptClaims labels the volume claims that a StatefulSet made from its
// templates, so that the next look finds them: Kubernetes keeps them when the
// StatefulSet goes, and a later trial would find the old data.
func (c *Cluster) adoptClaims(ctx context.Context, i item) error {
	if i.kind.Resource != "statefulsets" {
		return nil
	}
	templates, _, err := unstructured.NestedSlice(i.Object, "spec", "volumeClaimTemplates")
	if err != nil || len(templates) == 0 {
		return err
	}
	claims := c.client.CoreV1().PersistentVolumeClaims(i.GetNamespace())
	all, err := claims.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing the volume claims of %s: %w", i, err)
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:"true"}}}`, AppliedLabel)
	for _, claim := range all.Items {
		if !claimOf(claim.Name, i.GetName(), templates) {
			continue
		}
		if _, err := claims.Patch(ctx, claim.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
			return fmt.Errorf("labelling volume claim %s/%s: %w", claim.Namespace, claim.Name, err)
		}
	}
	return nil
}

// claimOf: the claims of a StatefulSet are named TEMPLATE-SET-ORDINAL.
func claimOf(claim, set string, templates []any) bool {
	for _, t := range templates {
		name, _, err := unstructured.NestedString(t.(map[string]any), "metadata", "name")
		ordinal, found := strings.CutPrefix(claim, name+"-"+set+"-")
		if err == nil && found && ordinal != "" && strings.Trim(ordinal, "0123456789") == "" {
			return true
		}
	}
	return false
}

// nodesWhole waits until every node is Ready; a cordoned node is an error at
// once, because nothing is going to change it.
func (c *Cluster) nodesWhole(ctx context.Context) error {
	var cordoned []string
	err := c.agree(ctx, func() []string { return notReady(c.cache.nodes()) }, func(ctx context.Context) ([]string, error) {
		nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing nodes: %w", err)
		}
		cordoned = nil
		for _, n := range nodes.Items {
			if n.Spec.Unschedulable {
				cordoned = append(cordoned, n.Name)
			}
		}
		return notReady(pointers(nodes.Items)), nil
	})
	if err != nil {
		return c.notReset(err)
	}
	if len(cordoned) > 0 {
		return seatrial.Fail(seatrial.Infrastructure,
			fmt.Errorf("resetting cluster %s: cordoned: node %s", c.o.Ref.Name, strings.Join(cordoned, ", ")),
			"run `seatrial recover`, or kubectl uncordon them")
	}
	return nil
}
