package kube

import (
	"context"
	"fmt"
	"slices"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// cordoned is the prior state of a node that is to be cordoned.
type cordoned struct {
	UID           types.UID `json:"uid"` // a node of this name that joins later is another one
	Unschedulable bool      `json:"unschedulable"`
}

// cordon is a [seatrial.Cordon].
type cordon struct {
	*Cluster
	a seatrial.Cordon
}

func (c cordon) observe(ctx context.Context) (any, error) {
	n, err := c.liveNode(ctx)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no node %s", c.a.Node), "`kubectl get nodes` names them")
	}
	c.keep(c.a, observation{uid: n.UID})
	return cordoned{UID: n.UID, Unschedulable: n.Spec.Unschedulable}, nil
}

// liveNode asks the API server; nil means that there is no such node.
func (c cordon) liveNode(ctx context.Context) (*corev1.Node, error) {
	n, err := c.client.CoreV1().Nodes().Get(ctx, c.a.Node, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading node %s: %w", c.a.Node, err)
	}
	return n, nil
}

func (c cordon) act(ctx context.Context) error {
	o, err := c.recall(c.a)
	if err != nil {
		return err
	}
	return c.set(ctx, o.uid, true)
}

// set changes the node of that UID; with another one the API server refuses.
func (c cordon) set(ctx context.Context, uid types.UID, unschedulable bool) error {
	value := "null" // as it is where nobody has cordoned
	if unschedulable {
		value = "true"
	}
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"unschedulable":%s}}`, uid, value)
	_, err := c.client.CoreV1().Nodes().Patch(ctx, c.a.Node, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("setting node %s unschedulable to %v: %w", c.a.Node, unschedulable, err)
	}
	return nil
}

// prove waits for what the node lifecycle controller makes of a cordon: a taint
// that the scheduler respects.
func (c cordon) prove(ctx context.Context) (seatrial.Proof, error) {
	o, err := c.recall(c.a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	if err := c.await(ctx, cordoned{o.uid, true}); err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that node %s is cordoned: %w", c.a.Node, err)
	}
	return seatrial.Proof{Method: "the taint that the node lifecycle controller gives a cordoned node, as a watch and a read of the API server saw it",
		Evidence: map[string]string{"taint": corev1.TaintNodeUnschedulable + ":" + string(corev1.TaintEffectNoSchedule)}}, nil
}

// revert: a node that was cordoned before stays so.
func (c cordon) revert(ctx context.Context, prior []byte) error {
	was, err := readPrior[cordoned](c.a, prior)
	if err != nil {
		return err
	}
	n, err := c.liveNode(ctx)
	if err != nil || n == nil || n.UID != was.UID {
		return err
	}
	if n.Spec.Unschedulable != was.Unschedulable {
		if err := c.set(ctx, was.UID, was.Unschedulable); err != nil {
			return err
		}
	}
	if err := c.await(ctx, was); err != nil {
		return fmt.Errorf("waiting until node %s is schedulable as before: %w", c.a.Node, err)
	}
	return nil
}

// await returns once spec and taint are as asked, or the node is gone.
func (c cordon) await(ctx context.Context, want cordoned) error {
	return c.agree(ctx, func() []string {
		for _, n := range c.cache.nodes() {
			if n.Name == c.a.Node {
				return uncordoned(n, want)
			}
		}
		return nil
	}, func(ctx context.Context) ([]string, error) {
		n, err := c.liveNode(ctx)
		if err != nil || n == nil {
			return nil, err
		}
		return uncordoned(n, want), nil
	})
}

// uncordoned says in what a node is not yet as asked.
func uncordoned(n *corev1.Node, want cordoned) []string {
	tainted := slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeUnschedulable })
	if n.UID == want.UID && (n.Spec.Unschedulable != want.Unschedulable || tainted != want.Unschedulable) {
		return []string{fmt.Sprintf("node %s: unschedulable %v, its taint %v, to be %v", n.Name, n.Spec.Unschedulable, tainted, want.Unschedulable)}
	}
	return nil
}
