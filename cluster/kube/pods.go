package kube

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// deleted is the prior state of a pod that is to go.
type deleted struct {
	UID   types.UID `json:"uid"`
	Owner types.UID `json:"owner,omitempty"` // of the workload that replaces it; empty for a bare pod
}

// podName names a pod that is to go.
type podName struct{ namespace, name string }

// deletion is a [seatrial.DeletePod].
type deletion struct {
	*Cluster
	a seatrial.DeletePod
}

func (d deletion) pod() podName { return podName{d.a.Namespace, d.a.Name} }

func (d deletion) observe(ctx context.Context) (any, error) { return d.observePod(ctx, d.a, d.pod()) }

// act: that the pod is gone already is no error; the proof decides.
func (d deletion) act(ctx context.Context) error {
	o, err := d.recall(d.a)
	if err != nil {
		return err
	}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: d.a.Namespace, Name: d.a.Name, UID: o.uid}}
	return d.deletePod(ctx, p, graceSeconds(d.a.Grace))
}

func (d deletion) prove(ctx context.Context) (seatrial.Proof, error) {
	return d.proveLeaving(ctx, d.a, d.pod())
}

func (d deletion) revert(ctx context.Context, prior []byte) error {
	return d.awaitReplaced(ctx, d.a, d.a.Namespace, prior)
}

// observePod records which pod is meant and who is to replace it.
func (c *Cluster) observePod(ctx context.Context, a seatrial.Action, n podName) (any, error) {
	p, err := c.livePod(ctx, n)
	if err != nil {
		return nil, err
	}
	if p == nil || p.DeletionTimestamp != nil {
		return nil, fmt.Errorf("pod %s/%s is not there any more", n.namespace, n.name)
	}
	c.keep(a, observation{uid: p.UID})
	return deleted{UID: p.UID, Owner: c.topOwner(p)}, nil
}

// topOwner is the Deployment above a ReplicaSet, else the pod's controller.
func (c *Cluster) topOwner(p *corev1.Pod) types.UID {
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return ""
	}
	for _, r := range c.cache.state().replicaSets {
		if above := metav1.GetControllerOf(r); r.UID == owner.UID && above != nil {
			return above.UID
		}
	}
	return owner.UID
}

// livePod asks the API server; nil means that there is no such pod.
func (c *Cluster) livePod(ctx context.Context, n podName) (*corev1.Pod, error) {
	p, err := c.client.CoreV1().Pods(n.namespace).Get(ctx, n.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading pod %s/%s: %w", n.namespace, n.name, err)
	}
	return p, nil
}

// graceSeconds rounds up: half a second must not become a kill at once.
func graceSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	return new(int64((*d + time.Second - 1) / time.Second))
}

// proveLeaving returns once the pod is seen terminating or gone.
func (c *Cluster) proveLeaving(ctx context.Context, a seatrial.Action, n podName) (seatrial.Proof, error) {
	o, err := c.recall(a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	seen := ""
	err = c.agree(ctx, func() []string {
		said, _ := leaving(c.cache.pod(n.namespace, n.name), o.uid)
		return said
	}, func(ctx context.Context) ([]string, error) {
		p, err := c.livePod(ctx, n)
		if err != nil {
			return nil, err
		}
		var said []string
		said, seen = leaving(p, o.uid)
		return said, nil
	})
	if err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that %s was deleted: %w", a.Target(), err)
	}
	return seatrial.Proof{Method: "the pod is terminating or gone, as a watch and a read of the API server saw it",
		Evidence: map[string]string{"uid": string(o.uid), "seen": seen}}, nil
}

// leaving says either what is missing for the pod of that UID to be on its way
// out, or what was seen of it.
func leaving(p *corev1.Pod, uid types.UID) (missing []string, seen string) {
	switch {
	case p == nil:
		return nil, "gone"
	case p.UID != uid:
		return nil, "gone; a new pod has its name"
	case p.DeletionTimestamp != nil:
		return nil, "terminating, to end by " + p.DeletionTimestamp.UTC().Format(time.RFC3339)
	}
	return []string{fmt.Sprintf("pod %s/%s is still %s and not terminating", p.Namespace, p.Name, p.Status.Phase)}, ""
}

// awaitReplaced returns once the pod is gone, or was never deleted, and the
// workload that owns it is whole again. Nothing is brought back: that is the
// owner's task. An owner that is gone or has ended for good has none left.
func (c *Cluster) awaitReplaced(ctx context.Context, a seatrial.Action, namespace string, prior []byte) error {
	was, err := readPrior[deleted](a, prior)
	if err != nil {
		return err
	}
	err = c.agree(ctx, func() []string { return unreplaced(c.cache.state(), namespace, was) },
		func(ctx context.Context) ([]string, error) {
			now := state{}
			err := c.liveIn(ctx, namespace, &now)
			return unreplaced(now, namespace, was), err
		})
	if err != nil {
		return fmt.Errorf("waiting until %s is replaced: %w", a.Target(), err)
	}
	return nil
}

// unreplaced says what is missing until the deletion leaves no trace.
func unreplaced(now state, namespace string, was deleted) []string {
	var missing []string
	pods := slices.DeleteFunc(slices.Clone(now.pods), func(p *corev1.Pod) bool { return p.Namespace != namespace })
	for _, p := range pods {
		if p.UID == was.UID && p.DeletionTimestamp != nil {
			missing = append(missing, fmt.Sprintf("pod %s/%s is still terminating", p.Namespace, p.Name))
		}
	}
	return append(missing, now.unwhole(was.Owner, pods)...)
}

// unwhole says what the workload of that UID lacks; nothing where it is gone.
func (s state) unwhole(uid types.UID, pods []*corev1.Pod) []string {
	var missing []string
	for _, w := range s.workloads() {
		if w.GetUID() == uid && !w.ended() {
			missing = append(missing, w.missing(pods)...)
		}
	}
	return missing
}
