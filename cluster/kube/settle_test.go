package kube

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func TestSettleSaysExactlyWhatIsMissing(t *testing.T) {
	cannotPull := shopPod("shop-a", false)
	cannotPull.Status.Phase = corev1.PodPending
	cannotPull.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: `Back-off pulling image "shop:1"`}}}}
	nowhere := shopPod("shop-b", false)
	nowhere.Spec.NodeName, nowhere.Status.Phase = "", corev1.PodPending
	nowhere.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: "Unschedulable", Message: "0/3 nodes are available"}}
	crashing := shopPod("shop-c", false)
	crashing.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", RestartCount: 3,
		State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}}}}
	stale := shop(1)
	stale.Generation = 2
	rolling := shop(2)
	rolling.Status.UpdatedReplicas, rolling.Status.Replicas = 1, 3
	quota := shop(1)
	quota.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue,
		Reason: "FailedCreate", Message: "exceeded quota"}}
	dns := shop(1)
	dns.Namespace, dns.Name, dns.UID, dns.Labels = "kube-system", "coredns", "uid-dns", map[string]string{"k8s-app": "kube-dns"}
	dns.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}
	bare := shopPod("probe", false)
	bare.Labels[AppliedLabel], bare.OwnerReferences = "true", nil

	tests := map[string]struct {
		objects []runtime.Object
		want    string
	}{
		"a node that went silent": {[]runtime.Object{frozenNode("worker")},
			"node worker: not Ready (NodeStatusUnknown Kubelet stopped posting node status.)"},
		"an image that cannot be pulled": {[]runtime.Object{shop(2), shopPod("shop-z", true), cannotPull},
			`deployment default/shop: 1 of 2 ready; pod shop-a: container web: ImagePullBackOff: Back-off pulling image "shop:1"`},
		"a pod that fits nowhere": {[]runtime.Object{shop(1), nowhere},
			"deployment default/shop: 0 of 1 ready; pod shop-b: Unschedulable: 0/3 nodes are available"},
		"a container that dies again and again": {[]runtime.Object{shop(1), crashing},
			"deployment default/shop: 0 of 1 ready; pod shop-c: container web: restarted 3 times (OOMKilled, exit code 137), not ready"},
		"a pod that is only starting": {[]runtime.Object{shop(1), shopPod("shop-d", false)},
			"deployment default/shop: 0 of 1 ready; pod shop-d: Running on node worker"},
		"a spec that nobody has seen": {[]runtime.Object{stale, shopPod("shop-a", true)},
			"deployment default/shop: its controller has not seen the latest spec"},
		"a rollout half way": {[]runtime.Object{rolling, shopPod("shop-a", true), shopPod("shop-b", true)},
			"deployment default/shop: 1 of 2 updated; 1 too many"},
		"a pod that is still going": {[]runtime.Object{shop(1), shopPod("shop-a", true), terminating(shopPod("shop-b", true))},
			"deployment default/shop: pod shop-b: terminating"},
		"a status that is older than the pods": {[]runtime.Object{shop(2), shopPod("shop-a", true)},
			"deployment default/shop: 1 of 2 ready"},
		"pods that may not be created": {[]runtime.Object{quota, shopPod("shop-a", true)},
			"deployment default/shop: FailedCreate: exceeded quota"},
		"cluster DNS": {[]runtime.Object{dns}, "deployment kube-system/coredns: 0 of 1 ready"},
		"a bare pod":  {[]runtime.Object{bare}, "pod default/probe: Running on node worker: ContainersNotReady"},
		"many pods": {[]runtime.Object{shop(5), shopPod("shop-a", false), shopPod("shop-b", false), shopPod("shop-c", false),
			shopPod("shop-d", false), shopPod("shop-e", false)}, "and 2 more"},
		"a job that has failed": {[]runtime.Object{&batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "import", Labels: map[string]string{AppliedLabel: "true"}},
			Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue,
				Reason: "BackoffLimitExceeded", Message: "it has reached the limit"}}}}},
			"job default/import: BackoffLimitExceeded: it has reached the limit"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := openFake(t, Options{}, test.objects...)
			err := c.Settle(soon(t, 50*time.Millisecond))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			var known *seatrial.Error
			if !errors.As(err, &known) || known.Class != seatrial.Infrastructure || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("class and cause are wrong: %#v", err)
			}
		})
	}
}

func TestSettleReturnsOnceTheLastPodIsReady(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shop(2), shopPod("shop-a", true), shopPod("shop-b", false))
	settled := c.clock.Go(t.Context(), "settle", c.Settle)
	_, err := f.typed.CoreV1().Pods("default").UpdateStatus(t.Context(), shopPod("shop-b", true), metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := settled.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSettleLeavesWorkloadsOfOthersAlone(t *testing.T) {
	foreign := shop(3)
	foreign.Labels = nil
	c, _ := openFake(t, Options{}, readyNode("worker"), foreign)
	if err := c.Settle(soon(t, patience)); err != nil {
		t.Error(err)
	}
}

func TestSettleWaitsForWhatWasAppliedAMomentAgo(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shopPod("shop-a", true))
	f.applies(t)
	if err := c.Apply(t.Context(), []byte(shopManifest)); err != nil {
		t.Fatal(err)
	}
	// The watch has not delivered the deployment: an empty cache is not whole.
	err := c.Settle(soon(t, 50*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "deployment default/shop: not there as it was applied") {
		t.Errorf("settled on old news: %v", err)
	}
	settled := c.clock.Go(t.Context(), "settle", c.Settle)
	if err := f.typed.Tracker().Add(shop(1)); err != nil {
		t.Fatal(err)
	}
	if err := settled.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSettleBelievesALiveReadOverItsWatches(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	f.typed.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &corev1.NodeList{Items: []corev1.Node{*frozenNode("worker")}}, nil
	})
	if err := c.Settle(soon(t, 50*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "node worker: not Ready") {
		t.Errorf("got %v", err)
	}
}

func TestSettleRidesOutAnAbsentAPIServer(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"))
	away := 2
	f.typed.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		away--
		if away == 0 { // as it starts, before it has read its roles
			return true, nil, apierrors.NewForbidden(corev1.Resource("nodes"), "", errors.New("no"))
		}
		return away > 0, nil, apierrors.NewServiceUnavailable("the API server is away")
	})
	if err := c.Settle(soon(t, patience)); err != nil {
		t.Error(err)
	}
}

func TestARefusalIsBelievedOnlyWhenItLasts(t *testing.T) {
	no := apierrors.NewForbidden(corev1.Resource("nodes"), "", errors.New("no"))
	var r refusals
	for i, step := range []struct {
		at    time.Duration
		err   error
		final bool
	}{
		{0, no, false}, {14 * time.Second, no, false},
		{15 * time.Second, nil, false}, // it has read its roles
		{16 * time.Second, no, false}, {30 * time.Second, no, false}, {31 * time.Second, no, true},
		{32 * time.Second, errors.New("away"), false},
	} {
		if got := r.final(step.err, step.at); got != step.final {
			t.Errorf("step %d: final %v", i, got)
		}
	}
}

func TestACancelledSettleIsNoFailureOfTheCluster(t *testing.T) {
	c, _ := openFake(t, Options{}, frozenNode("worker"))
	ctx, cancel := context.WithCancel(t.Context())
	settled := c.clock.Go(ctx, "settle", c.Settle)
	cancel()
	err := settled.Wait()
	var known *seatrial.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &known) {
		t.Errorf("got %#v", err)
	}
}

func TestEveryKindOfWorkloadIsWholeWhenItsPodsAre(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "default", Name: "shop", Generation: 3, Labels: map[string]string{AppliedLabel: "true"}}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
	two, three := int32(2), int32(3)
	states := map[string]state{
		"StatefulSet": {statefulSets: []*appsv1.StatefulSet{{ObjectMeta: meta,
			Spec: appsv1.StatefulSetSpec{Replicas: &two, Selector: selector, UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
				RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(1))}}},
			Status: appsv1.StatefulSetStatus{ObservedGeneration: 3, Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, UpdatedReplicas: 1}}}},
		"DaemonSet": {daemonSets: []*appsv1.DaemonSet{{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector},
			Status: appsv1.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 2, NumberReady: 2, NumberAvailable: 2,
				UpdatedNumberScheduled: 2}}}},
		"ReplicaSet": {replicaSets: []*appsv1.ReplicaSet{{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Replicas: &two, Selector: selector},
			Status: appsv1.ReplicaSetStatus{ObservedGeneration: 3, Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}}}},
		"Job": {jobs: []*batchv1.Job{{ObjectMeta: meta,
			Spec:   batchv1.JobSpec{Parallelism: &three, Completions: &three, Selector: selector},
			Status: batchv1.JobStatus{Succeeded: 1, Ready: &two}}}},
		"completed Job": {jobs: []*batchv1.Job{{ObjectMeta: meta, Spec: batchv1.JobSpec{Selector: selector},
			Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}}}},
	}
	for kind, now := range states {
		t.Run(kind, func(t *testing.T) {
			now.pods = []*corev1.Pod{shopPod("shop-a", true), shopPod("shop-b", true)}
			c := &Cluster{}
			if missing := c.missing(now); len(missing) > 0 {
				t.Errorf("missing: %v", missing)
			}
			now.pods[1] = shopPod("shop-b", false)
			if missing := c.missing(now); len(missing) == 0 && kind != "completed Job" {
				t.Error("a pod is not ready and nothing is missing")
			}
		})
	}
}
