package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

var podsResource = corev1.SchemeGroupVersion.WithResource("pods")

func TestNodesAndPodsAreSortedAndTranslated(t *testing.T) {
	control, agents := readyNode("a-control"), readyNode("agents")
	control.Labels["node-role.kubernetes.io/control-plane"] = ""
	agents.Labels[AgentsKey] = "true"
	agents.Spec.Unschedulable = true
	c, _ := openFake(t, Options{}, frozenNode("z"), agents, control, shopPod("b", true), shopPod("a", false))
	nodes, err := c.Nodes(t.Context())
	if err != nil || len(nodes) != 3 {
		t.Fatalf("%v %v", nodes, err)
	}
	for i, want := range []seatrial.Node{
		{Name: "a-control", Ready: true, ControlPlane: true},
		{Name: "agents", Ready: true, Agents: true, Unschedulable: true},
		{Name: "z"},
	} {
		got := nodes[i]
		got.Labels = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for selector, want := range map[seatrial.Selector]int{
		{}: 2, {Namespace: "default", Labels: "app=shop"}: 2, {Labels: "app!=shop"}: 0, {Namespace: "other"}: 0,
	} {
		pods, err := c.Pods(t.Context(), selector)
		if err != nil || len(pods) != want || want == 2 && (pods[0].Name != "a" || pods[0].Node != "worker" || pods[0].Ready) {
			t.Errorf("%+v: %+v %v", selector, pods, err)
		}
	}
	var known *seatrial.Error
	if _, err := c.Pods(t.Context(), seatrial.Selector{Labels: "app in shop"}); !errors.As(err, &known) || known.Class != seatrial.BadInput {
		t.Errorf("got %v", err)
	}
}

func TestTheRefIsFilledInFromTheCluster(t *testing.T) {
	c, _ := openFake(t, Options{})
	if ref := c.Ref(); ref.UID != "the-cluster" || ref.Backend != "context" {
		t.Errorf("got %+v", ref)
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		c, _ := openFake(t, Options{}, readyNode("worker"))
		c.Watch(&sink{})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("a second time: %v", err)
		}
	}
	// The fake's own watches take a moment to notice.
	err := NewClock().Go(soon(t, patience), "count", func(ctx context.Context) error {
		for runtime.NumGoroutine() > before+1 {
			runtime.Gosched()
			if ctx.Err() != nil {
				stacks := make([]byte, 1<<16)
				return fmt.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			}
		}
		return nil
	}).Wait()
	if err != nil {
		t.Error(err)
	}
}

func TestAStartThatMayNotWatchEndsAtOnceAndSaysWhy(t *testing.T) {
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}}
	typed := fake.NewClientset(system)
	typed.PrependReactor("list", "pods", func(clienttesting.Action) (bool, apiruntime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("no"))
	})
	typed.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New("no"))
	})
	_, err := open(t.Context(), Options{Ref: seatrial.Ref{Name: "fake"}}, typed, dynamicfake.NewSimpleDynamicClient(scheme.Scheme))
	var known *seatrial.Error
	if !errors.As(err, &known) || known.Class != seatrial.Infrastructure || !strings.Contains(err.Error(), "pods is forbidden") {
		t.Errorf("got %v", err)
	}
}

func TestAnAPIServerThatIsNotThereIsAClearError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := New(soon(t, patience), Options{Ref: seatrial.Ref{Name: "gone"}, Config: &rest.Config{Host: server.URL}})
	var known *seatrial.Error
	if !errors.As(err, &known) || !strings.Contains(err.Error(), "reaching cluster gone") {
		t.Errorf("got %v", err)
	}
}

// provider gives an image without building one.
type provider struct{ seatrial.Agents }

func (provider) Image(context.Context) (seatrial.AgentImage, error) {
	return seatrial.AgentImage{Name: "seatrial.dev/agent:test"}, nil
}

func TestAgentsAreReachedThroughTheAPIServer(t *testing.T) {
	var asked sync.Map
	var token atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token.Store(r.Header.Get(seatrial.AgentTokenHeader))
		if _, again := asked.LoadOrStore(r.URL.Path, true); !again {
			http.Error(w, "not yet", http.StatusServiceUnavailable) // as the proxy does for a moment
		}
	}))
	defer server.Close()
	imported := ""
	c, f := openFake(t, Options{Agents: provider{}, Config: &rest.Config{Host: server.URL + "/prefix", Timeout: time.Nanosecond},
		ImportImage: func(_ context.Context, img seatrial.AgentImage) error { imported = img.Name; return nil }},
		readyNode("agents"), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: AgentsNamespace, Name: "agents-old"}})
	f.typed.PrependReactor("create", "jobs", func(a clienttesting.Action) (bool, apiruntime.Object, error) {
		job := a.(clienttesting.CreateAction).GetObject().(*batchv1.Job)
		job.UID = "uid-job"
		for i := range *job.Spec.Parallelism {
			p := shopPod(fmt.Sprintf("%s-%d", job.Name, i), true)
			p.Namespace, p.OwnerReferences = AgentsNamespace, []metav1.OwnerReference{{UID: job.UID, Controller: new(true)}}
			if err := f.typed.Tracker().Add(p); err != nil {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	endpoints, err := c.StartAgents(soon(t, patience), "Run_1", 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(endpoints) != 2 || endpoints[0].Name != "agents-run-1-0" ||
		endpoints[0].URL != server.URL+"/prefix/api/v1/namespaces/seatrial-system/pods/agents-run-1-0:8080/proxy" {
		t.Errorf("got %+v", endpoints)
	}
	if endpoints[0].Client.Timeout != 0 {
		t.Errorf("results would be cut off after %v", endpoints[0].Client.Timeout)
	}
	jobs, err := f.typed.BatchV1().Jobs(AgentsNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(jobs.Items) != 1 || imported != "seatrial.dev/agent:test" {
		t.Fatalf("jobs %v, imported %q: %v", len(jobs.Items), imported, err)
	}
	given := jobs.Items[0].Spec.Template.Spec.Containers[0].Env[0]
	if given.Name != seatrial.AgentTokenEnv || len(given.Value) < 26 || token.Load() != given.Value {
		t.Errorf("agents know %+v and were shown %v, want 128 random bits that are the same", given, token.Load())
	}
}

func TestAnAgentThatCannotStartIsNamed(t *testing.T) {
	c, f := openFake(t, Options{Agents: provider{}, Config: &rest.Config{}}, readyNode("agents"))
	f.typed.PrependReactor("create", "jobs", func(a clienttesting.Action) (bool, apiruntime.Object, error) {
		p := shopPod("agents-1-0", false)
		p.Namespace, p.OwnerReferences = AgentsNamespace, []metav1.OwnerReference{{UID: "uid-job", Controller: new(true)}}
		p.Status.Phase = corev1.PodFailed
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "agent", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Reason: "StartError", ExitCode: 128}}}}
		a.(clienttesting.CreateAction).GetObject().(*batchv1.Job).UID = "uid-job"
		return false, nil, f.typed.Tracker().Add(p)
	})
	_, err := c.StartAgents(soon(t, patience), "1", 1)
	if err == nil || !strings.Contains(err.Error(), "pod agents-1-0: container agent: StartError, exit code 128") {
		t.Errorf("got %v", err)
	}
}

func TestAgentsNeverRestartAndHaveNoLimit(t *testing.T) {
	job := agentsJob(strings.Repeat("Long-", 20), 3, "image", "token")
	pod := job.Spec.Template.Spec
	if len(job.Name) > 52 || strings.HasSuffix(job.Name, "-") {
		t.Errorf("name %q leaves no room for the pods'", job.Name)
	}
	if *job.Spec.BackoffLimitPerIndex != 0 || pod.RestartPolicy != corev1.RestartPolicyNever || job.Spec.BackoffLimit != nil {
		t.Errorf("agents would come back, or go together: %+v", job.Spec)
	}
	if len(pod.Containers[0].Resources.Limits) > 0 || *pod.AutomountServiceAccountToken || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("pod: %+v", pod)
	}
}

func TestClientGoSpeaksThroughTheLog(t *testing.T) {
	var lines []string
	sink := logSink{log: func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }}
	sink.WithValues("kind", "Pod").Error(errors.New("refused"), "Failed to watch", "after", "1s")
	warnings{log: sink.log}.HandleWarningHeaderWithContext(t.Context(), 299, "-", "v1 Endpoints is deprecated")
	warnings{log: sink.log}.HandleWarningHeaderWithContext(context.WithValue(t.Context(), unwarned{}, true), 299, "-", "unasked")
	want := "kubernetes client: Failed to watch: refused kind=Pod after=1s|the API server warns: v1 Endpoints is deprecated"
	if got := strings.Join(lines, "|"); got != want || sink.Enabled(0) {
		t.Errorf("got %s", got)
	}
}
