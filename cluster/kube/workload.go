package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// workload is a controller of pods, of any kind, reduced to what has to hold
// before it is whole.
type workload struct {
	object
	metav1.Object
	selector *metav1.LabelSelector
	observed int64 // the generation that its controller has acted on
	want     int32 // pods that its spec asks for
	ready    int32 // of them ready, as its controller says
	updated  int32 // of them of the latest spec
	surplus  int32 // pods beyond those, of an older spec or a larger scale
	finished bool  // it has ended as it should, and wants no pods
	failed   string
}

// workloads are the controllers that own pods themselves or through a
// ReplicaSet of theirs.
func (s state) workloads() []workload {
	var ws []workload
	for _, d := range s.deployments {
		ws = append(ws, ofDeployment(d))
	}
	for _, r := range s.replicaSets {
		if metav1.GetControllerOf(r) == nil {
			ws = append(ws, ofReplicaSet(r))
		}
	}
	for _, t := range s.statefulSets {
		ws = append(ws, ofStatefulSet(t))
	}
	for _, d := range s.daemonSets {
		ws = append(ws, ofDaemonSet(d))
	}
	for _, j := range s.jobs {
		ws = append(ws, ofJob(j))
	}
	slices.SortFunc(ws, func(a, b workload) int { return cmp.Compare(a.object.String(), b.object.String()) })
	return ws
}

// ofDeployment takes the same measures as kubectl's rollout status:
// https://github.com/kubernetes/kubectl/blob/v0.37.1/pkg/polymorphichelpers/rollout_status.go
func ofDeployment(d *appsv1.Deployment) workload {
	w := workload{object: object{"deployment", d.Namespace, d.Name}, Object: d, selector: d.Spec.Selector,
		observed: d.Status.ObservedGeneration, want: orOne(d.Spec.Replicas),
		ready: min(d.Status.ReadyReplicas, d.Status.AvailableReplicas), updated: d.Status.UpdatedReplicas,
		surplus: d.Status.Replicas - orOne(d.Spec.Replicas)}
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			w.failed = condition.Reason + ": " + condition.Message
		}
	}
	return w
}

func ofReplicaSet(r *appsv1.ReplicaSet) workload {
	return workload{object: object{"replicaset", r.Namespace, r.Name}, Object: r, selector: r.Spec.Selector,
		observed: r.Status.ObservedGeneration, want: orOne(r.Spec.Replicas),
		ready: min(r.Status.ReadyReplicas, r.Status.AvailableReplicas), updated: r.Status.Replicas,
		surplus: r.Status.Replicas - orOne(r.Spec.Replicas)}
}

func ofStatefulSet(t *appsv1.StatefulSet) workload {
	w := workload{object: object{"statefulset", t.Namespace, t.Name}, Object: t, selector: t.Spec.Selector,
		observed: t.Status.ObservedGeneration, want: orOne(t.Spec.Replicas),
		ready: min(t.Status.ReadyReplicas, t.Status.AvailableReplicas), updated: t.Status.UpdatedReplicas,
		surplus: t.Status.Replicas - orOne(t.Spec.Replicas)}
	rolling := t.Spec.UpdateStrategy.RollingUpdate
	switch {
	case t.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		w.updated = w.want // old pods may stay for ever
	case rolling != nil && rolling.Partition != nil:
		w.updated += min(*rolling.Partition, w.want) // those below the partition stay old
	}
	return w
}

func ofDaemonSet(d *appsv1.DaemonSet) workload {
	w := workload{object: object{"daemonset", d.Namespace, d.Name}, Object: d, selector: d.Spec.Selector,
		observed: d.Status.ObservedGeneration, want: d.Status.DesiredNumberScheduled,
		ready: min(d.Status.NumberReady, d.Status.NumberAvailable), updated: d.Status.UpdatedNumberScheduled}
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		w.updated = w.want
	}
	return w
}

// ofJob wants as many ready pods as run side by side, less those that are done.
func ofJob(j *batchv1.Job) workload {
	want := orOne(j.Spec.Parallelism)
	if j.Spec.Completions != nil {
		want = min(want, *j.Spec.Completions-j.Status.Succeeded)
	}
	w := workload{object: object{"job", j.Namespace, j.Name}, Object: j, selector: j.Spec.Selector,
		observed: j.Generation, want: want, updated: want}
	if j.Status.Ready != nil {
		w.ready = *j.Status.Ready
	}
	for _, condition := range j.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == batchv1.JobComplete, condition.Type == batchv1.JobSuspended:
			w.finished = true
		case condition.Type == batchv1.JobFailed:
			w.failed = condition.Reason + ": " + condition.Message
		}
	}
	return w
}

func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// ended: it will never make another pod.
func (w workload) ended() bool {
	return w.finished || w.kind == "job" && w.failed != "" || w.GetDeletionTimestamp() != nil
}

// missing says in what w is not yet as its spec asks; nothing when it is
// whole. pods are those of its namespace.
func (w workload) missing(pods []*corev1.Pod) []string {
	switch {
	case w.failed != "":
		return []string{fmt.Sprintf("%s: %s", w.object, short(w.failed))}
	case w.observed < w.GetGeneration():
		return []string{fmt.Sprintf("%s: its controller has not seen the latest spec", w.object)}
	case w.finished:
		return nil
	}
	ready, problems := w.count(pods)
	ready = min(ready, w.ready)
	var said []string
	if ready < w.want {
		said = append(said, fmt.Sprintf("%d of %d ready", ready, w.want))
	}
	if w.updated < w.want {
		said = append(said, fmt.Sprintf("%d of %d updated", w.updated, w.want))
	}
	if w.surplus > 0 {
		said = append(said, fmt.Sprintf("%d too many", w.surplus))
	}
	if said = append(said, firstFew(problems)...); len(said) == 0 {
		return nil
	}
	return []string{w.object.String() + ": " + strings.Join(said, "; ")}
}

// count gives the ready pods of w, and the trouble of each other one that is
// still there. What has ended is history.
func (w workload) count(pods []*corev1.Pod) (ready int32, problems []string) {
	selector, err := metav1.LabelSelectorAsSelector(w.selector)
	if err != nil || selector.Empty() {
		return 0, []string{fmt.Sprintf("its selector cannot be used: %v", err)}
	}
	for _, p := range pods {
		ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
		switch {
		case !selector.Matches(labels.Set(p.Labels)):
		case p.DeletionTimestamp != nil:
			problems = append(problems, "pod "+p.Name+": terminating")
		case ended:
		case podReady(p):
			ready++
		default:
			problems = append(problems, "pod "+p.Name+": "+podTrouble(p))
		}
	}
	slices.Sort(problems)
	return ready, problems
}

// firstFew keeps a message readable when a thousand pods are in trouble.
func firstFew(all []string) []string {
	const few = 3
	if len(all) <= few {
		return all
	}
	return append(slices.Clone(all[:few]), fmt.Sprintf("and %d more", len(all)-few))
}

// short cuts what Kubernetes says to a line; limit counts bytes.
func short(message string) string {
	const limit = 200
	message = strings.Join(strings.Fields(message), " ")
	if len(message) <= limit {
		return message
	}
	return strings.ToValidUTF8(message[:limit], "") + "…"
}
