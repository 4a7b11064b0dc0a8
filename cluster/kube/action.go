package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// deleted is the [seatrial.Prior] of a DeletePod.
type deleted struct {
	UID   types.UID `json:"uid"`             // of the pod that is to go
	Owner types.UID `json:"owner,omitempty"` // of the workload that replaces it; empty for a bare pod
}

// Supports says what can be done through the API server alone: DeletePod.
func (c *Cluster) Supports(a seatrial.Action) error {
	if _, err := podAction(a); err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "run it with --on kind")
	}
	return nil
}

func podAction(a seatrial.Action) (seatrial.DeletePod, error) {
	switch a := a.(type) {
	case seatrial.DeletePod:
		return a, nil
	case *seatrial.DeletePod:
		return *a, nil
	}
	return seatrial.DeletePod{}, fmt.Errorf("%s of %s is not supported on this backend: it needs access to the node itself", a.Kind(), a.Target())
}

// Observe records which pod is meant and who is to replace it. A pod of the
// same name that comes later is another one.
func (c *Cluster) Observe(ctx context.Context, a seatrial.Action) (seatrial.Prior, error) {
	action, err := podAction(a)
	if err != nil {
		return nil, err
	}
	p, err := c.livePod(ctx, action)
	if err != nil {
		return nil, err
	}
	if p == nil || p.DeletionTimestamp != nil {
		return nil, fmt.Errorf("pod %s/%s is not there any more", action.Namespace, action.Name)
	}
	c.mu.Lock()
	c.observed[a.Target()] = p.UID
	c.mu.Unlock()
	return json.Marshal(deleted{UID: p.UID, Owner: c.topOwner(p)})
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
func (c *Cluster) livePod(ctx context.Context, a seatrial.DeletePod) (*corev1.Pod, error) {
	p, err := c.client.CoreV1().Pods(a.Namespace).Get(ctx, a.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading pod %s/%s: %w", a.Namespace, a.Name, err)
	}
	return p, nil
}

// target is the pod that Observe saw.
func (c *Cluster) target(a seatrial.Action) (types.UID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	uid, ok := c.observed[a.Target()]
	if !ok {
		return "", fmt.Errorf("%s of %s was not observed before", a.Kind(), a.Target())
	}
	return uid, nil
}

// Act deletes the observed pod and no other of its name. That it is gone
// already is no error; the proof decides.
func (c *Cluster) Act(ctx context.Context, a seatrial.Action) error {
	action, err := podAction(a)
	if err != nil {
		return err
	}
	uid, err := c.target(a)
	if err != nil {
		return err
	}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: action.Namespace, Name: action.Name, UID: uid}}
	return c.deletePod(ctx, p, graceSeconds(action.Grace))
}

// graceSeconds rounds up: half a second must not become a kill at once.
func graceSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	return new(int64((*d + time.Second - 1) / time.Second))
}

// Prove returns once both the watch and a live read show the pod terminating
// or gone; the answer to the deletion itself counts for nothing.
func (c *Cluster) Prove(ctx context.Context, a seatrial.Action) (seatrial.Proof, error) {
	action, err := podAction(a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	uid, err := c.target(a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	seen := ""
	err = c.agree(ctx, func() []string {
		said, _ := leaving(c.cache.pod(action.Namespace, action.Name), uid)
		return said
	}, func(ctx context.Context) ([]string, error) {
		p, err := c.livePod(ctx, action)
		if err != nil {
			return nil, err
		}
		var said []string
		said, seen = leaving(p, uid)
		return said, nil
	})
	if err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that %s was deleted: %w", a.Target(), err)
	}
	return seatrial.Proof{Method: "the pod is terminating or gone, as a watch and a read of the API server saw it",
		Evidence: map[string]string{"uid": string(uid), "seen": seen}}, nil
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

// Revert returns once the pod is gone, or was never deleted, and the workload
// that owns it is whole again. Nothing is brought back: that is the owner's
// task. An owner that is gone or has ended for good has none left.
func (c *Cluster) Revert(ctx context.Context, a seatrial.Action, prior seatrial.Prior) error {
	action, err := podAction(a)
	if err != nil {
		return err
	}
	var was deleted
	if err := json.Unmarshal(prior, &was); err != nil {
		return fmt.Errorf("reading what was observed of %s: %w", a.Target(), err)
	}
	err = c.agree(ctx, func() []string { return unreplaced(c.cache.state(), action, was) },
		func(ctx context.Context) ([]string, error) {
			now := state{}
			err := c.liveIn(ctx, action.Namespace, &now)
			return unreplaced(now, action, was), err
		})
	if err != nil {
		return fmt.Errorf("waiting until %s is replaced: %w", a.Target(), err)
	}
	return nil
}

// unreplaced says what is missing until the deletion leaves no trace.
func unreplaced(now state, a seatrial.DeletePod, was deleted) []string {
	var missing []string
	pods := slices.DeleteFunc(slices.Clone(now.pods), func(p *corev1.Pod) bool { return p.Namespace != a.Namespace })
	for _, p := range pods {
		if p.UID == was.UID && p.DeletionTimestamp != nil {
			missing = append(missing, fmt.Sprintf("pod %s/%s is still terminating", p.Namespace, p.Name))
		}
	}
	for _, w := range now.workloads() {
		if w.GetUID() == was.Owner && !w.ended() {
			missing = append(missing, w.missing(pods)...)
		}
	}
	return missing
}
