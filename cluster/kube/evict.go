package kube

import (
	"context"
	"fmt"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// evictAgain is kubectl's pause after a refusal:
// https://github.com/kubernetes/kubectl/blob/v0.37.1/pkg/drain/drain.go
const evictAgain = 5 * time.Second

// eviction is a [seatrial.Evict].
type eviction struct {
	*Cluster
	a seatrial.Evict
}

func (e eviction) pod() podName { return podName{e.a.Namespace, e.a.Name} }

func (e eviction) observe(ctx context.Context) (any, error) { return e.observePod(ctx, e.a, e.pod()) }

// act asks until the pod is on its way out. Whatever is refused and forced is
// told as it happens.
func (e eviction) act(ctx context.Context) error {
	o, err := e.recall(e.a)
	if err != nil {
		return err
	}
	begun := e.clock.Now()
	for refused := 1; ; refused++ {
		no := e.once(ctx, o.uid)
		switch {
		case no == nil:
			return nil
		case !apierrors.IsTooManyRequests(no):
			return fmt.Errorf("evicting pod %s/%s: %w", e.a.Namespace, e.a.Name, no)
		}
		e.tell(seatrial.EvictionRefused, seatrial.Warning, short(no.Error()))
		wait, left := evictAgain, e.a.Force-(e.clock.Now()-begun)
		if e.a.Force > 0 {
			if left <= 0 {
				return e.force(ctx, o.uid)
			}
			wait = min(wait, left)
		}
		if err := e.clock.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("evicting pod %s/%s: %w: refused %d times, at last: %s", e.a.Namespace, e.a.Name, err, refused, short(no.Error()))
		}
	}
}

// once is one attempt. That the pod is gone already is no error; the proof
// decides.
func (e eviction) once(ctx context.Context, uid types.UID) error {
	e.news.ownEviction(uid)
	err := e.client.CoreV1().Pods(e.a.Namespace).EvictV1(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: e.a.Namespace, Name: e.a.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err == nil {
		e.tell(seatrial.EvictionAccepted, seatrial.Info, "evicted")
	}
	return err
}

// force deletes what its budget has protected for long enough.
func (e eviction) force(ctx context.Context, uid types.UID) error {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: e.a.Namespace, Name: e.a.Name, UID: uid}}
	if err := e.deletePod(ctx, p, nil); err != nil {
		return err
	}
	e.tell(seatrial.EvictionForced, seatrial.Warning, fmt.Sprintf("deleted by force after %s of refusals", e.a.Force))
	return nil
}

func (e eviction) tell(o seatrial.EvictionOutcome, s seatrial.Severity, message string) {
	e.news.eviction(e.a.Namespace+"/"+e.a.Name, o, s, message)
}

func (e eviction) prove(ctx context.Context) (seatrial.Proof, error) {
	return e.proveLeaving(ctx, e.a, e.pod())
}

func (e eviction) revert(ctx context.Context, prior []byte) error {
	return e.awaitReplaced(ctx, e.a, e.a.Namespace, prior)
}

// eviction tells how an attempt went.
func (n *news) eviction(pod string, o seatrial.EvictionOutcome, s seatrial.Severity, message string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell(seatrial.KindEviction, pod, s, message, seatrial.Eviction{Outcome: o})
}
