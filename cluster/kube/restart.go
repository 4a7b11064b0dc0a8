package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// restarted is the prior state of a workload that gets a new revision.
type restarted struct {
	UID types.UID `json:"uid"`
}

// restart is a [seatrial.Restart].
type restart struct {
	*Cluster
	a seatrial.Restart
}

// parseWorkload reads "deployment/shop".
func parseWorkload(a seatrial.Restart) (object, error) {
	kind, name, _ := strings.Cut(a.Workload, "/")
	o := object{strings.ToLower(kind), a.Namespace, name}
	if name == "" || !slices.Contains([]string{"deployment", "statefulset", "daemonset"}, o.kind) {
		return o, seatrial.Fail(seatrial.BadInput, fmt.Errorf("workload %q is not a kind and a name", a.Workload),
			"write deployment/NAME, statefulset/NAME or daemonset/NAME")
	}
	return o, nil
}

func (r restart) observe(ctx context.Context) (any, error) {
	o, err := parseWorkload(r.a)
	if err != nil {
		return nil, err
	}
	now, err := r.fresh(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range now.workloads() {
		if w.object == o {
			r.keep(r.a, observation{uid: w.GetUID()})
			return restarted{w.GetUID()}, nil
		}
	}
	return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no %s in namespace %s", r.a.Workload, r.a.Namespace),
		"name a workload of the scenario's manifests")
}

// fresh reads the workloads of the namespace.
func (r restart) fresh(ctx context.Context) (state, error) {
	now := state{}
	if err := r.liveIn(ctx, r.a.Namespace, &now); err != nil {
		return now, fmt.Errorf("listing workloads of namespace %s: %w", r.a.Namespace, err)
	}
	return now, nil
}

// act patches the pod template as kubectl does. The time has all its digits,
// so that two restarts in one second are two revisions.
func (r restart) act(ctx context.Context) error {
	o, err := r.recall(r.a)
	if err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`,
		o.uid, time.Now().Format(time.RFC3339Nano))
	if o.generation, err = r.patch(ctx, patch); err != nil {
		return fmt.Errorf("restarting %s: %w", r.a.Target(), err)
	}
	r.keep(r.a, o)
	return nil
}

// patch returns the generation of the changed spec.
func (r restart) patch(ctx context.Context, patch []byte) (int64, error) {
	w, err := parseWorkload(r.a)
	if err != nil {
		return 0, err
	}
	apps, options := r.client.AppsV1(), metav1.PatchOptions{FieldManager: fieldManager}
	var changed metav1.Object
	switch w.kind {
	case "deployment":
		changed, err = apps.Deployments(w.namespace).Patch(ctx, w.name, types.StrategicMergePatchType, patch, options)
	case "statefulset":
		changed, err = apps.StatefulSets(w.namespace).Patch(ctx, w.name, types.StrategicMergePatchType, patch, options)
	default:
		changed, err = apps.DaemonSets(w.namespace).Patch(ctx, w.name, types.StrategicMergePatchType, patch, options)
	}
	if err != nil {
		return 0, err
	}
	return changed.GetGeneration(), nil
}

// prove waits until the workload's controller has made a pod of the revision.
func (r restart) prove(ctx context.Context) (seatrial.Proof, error) {
	o, err := r.recall(r.a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	if o.generation == 0 {
		return seatrial.Proof{}, fmt.Errorf("%s of %s was not done", r.a.Kind(), r.a.Target())
	}
	seen := ""
	err = r.agree(ctx, func() []string {
		said, _ := unrevised(r.cache.state(), o)
		return said
	}, func(ctx context.Context) ([]string, error) {
		now, err := r.fresh(ctx)
		var said []string
		said, seen = unrevised(now, o)
		return said, err
	})
	if err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that %s got a new revision: %w", r.a.Target(), err)
	}
	return seatrial.Proof{Method: "pods of the new revision, as the workload's controller counts them",
		Evidence: map[string]string{"generation": fmt.Sprint(o.generation), "updated pods": seen}}, nil
}

// unrevised says what is missing for a first pod of the new revision, or how
// many there are.
func unrevised(now state, o observation) (missing []string, seen string) {
	for _, w := range now.workloads() {
		switch {
		case w.GetUID() != o.uid:
		case w.observed < o.generation:
			return []string{w.object.String() + ": its controller has not seen the new revision"}, ""
		case w.updated == 0:
			return []string{w.object.String() + ": no pod of the new revision"}, ""
		default:
			return nil, fmt.Sprintf("%d of %d", w.updated, w.want)
		}
	}
	return []string{"it is gone"}, ""
}

// revert waits until the latest revision is rolled out. A workload that is gone
// has none.
func (r restart) revert(ctx context.Context, prior []byte) error {
	was, err := readPrior[restarted](r.a, prior)
	if err != nil {
		return err
	}
	within := func(pods []*corev1.Pod) []*corev1.Pod {
		return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool { return p.Namespace != r.a.Namespace })
	}
	err = r.agree(ctx, func() []string {
		now := r.cache.state()
		return now.unwhole(was.UID, within(now.pods))
	}, func(ctx context.Context) ([]string, error) {
		now, err := r.fresh(ctx)
		return now.unwhole(was.UID, now.pods), err
	})
	if err != nil {
		return fmt.Errorf("waiting until %s is rolled out: %w", r.a.Target(), err)
	}
	return nil
}
