package kube

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var spreadAndDuplicates = seatrial.Deschedule{Run: "r", RemoveDuplicates: true, PodLifeTime: time.Minute, Expires: time.Minute,
	TopologySpread: seatrial.TopologySpread{ScheduleAnyway: true}}

func withDescheduler() Options {
	return Options{Images: map[string]func(context.Context) (seatrial.AgentImage, error){
		seatrial.ImageDescheduler: func(context.Context) (seatrial.AgentImage, error) {
			return seatrial.AgentImage{Name: "seatrial.dev/descheduler:test"}, nil
		}}}
}

func TestThePolicyHasTheStrategiesWhereTheDeschedulerLooksForThem(t *testing.T) {
	raw, err := deschedulerPolicy(spreadAndDuplicates)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		NodeSelector string
		Profiles     []struct {
			PluginConfig []struct {
				Name string
				Args map[string]any
			}
			Plugins map[string]struct{ Enabled []string }
		}
	}
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	p := policy.Profiles[0]
	if got := strings.Join(p.Plugins["balance"].Enabled, " "); got != "RemoveDuplicates RemovePodsViolatingTopologySpreadConstraint" {
		t.Errorf("balance: %s", got)
	}
	if got := strings.Join(p.Plugins["deschedule"].Enabled, " "); got != "PodLifeTime" || policy.NodeSelector != "!seatrial.dev/agents" {
		t.Errorf("deschedule: %s, of nodes %s", got, policy.NodeSelector)
	}
	for _, c := range p.PluginConfig {
		if c.Name == "PodLifeTime" && c.Args["maxPodLifeTimeSeconds"] != 60.0 {
			t.Errorf("%s has %v", c.Name, c.Args)
		}
	}
}

func TestADeschedulersLogIsBelievedOnlyWhenItAddsUp(t *testing.T) {
	const two = `I1130 18:00:00.1 1 evictions.go:551] "Evicted pod" pod="default/shop-1" reason="" strategy="RemoveDuplicates" node="worker" profile="seatrial"
E1130 18:00:00.2 1 evictions.go:529] "Error evicting pod" err="error when evicting pod (ignoring) \"shop-3\": Cannot evict pod as it would violate the pod's disruption budget." pod="default/shop-3" reason=""
I1130 18:00:00.3 1 evictions.go:551] "Evicted pod" pod="default/shop-2" reason="" strategy="RemoveDuplicates" node="worker" profile="seatrial"
`
	const end = `I1130 18:00:00.4 1 descheduler.go:259] "Number of evictions/requests" totalEvicted=`
	read, err := readDeschedulerLog(two + end + "2 evictionRequests=0\n")
	if err != nil || strings.Join(read.evicted, " ") != "default/shop-1 default/shop-2" || strings.Join(read.refused, " ") != "default/shop-3" {
		t.Errorf("read %+v, %v", read, err)
	}
	for what, log := range map[string]string{"without an end": two, "with a pod missing": two + end + "3 evictionRequests=0\n", "empty": ""} {
		if read, err := readDeschedulerLog(log); err == nil {
			t.Errorf("%s: believed as %+v", what, read)
		}
	}
}

// evicted is a pod as the eviction API leaves it.
func evictedPod(p *corev1.Pod) *corev1.Pod {
	p = terminating(p)
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget,
		Status: corev1.ConditionTrue, Reason: byEvictionAPI})
	return p
}

func TestAnEvictionBySomebodyElseIsToldOnceAndOurOwnIsNot(t *testing.T) {
	c, f := openFake(t, Options{}, shopPod("theirs", true), shopPod("ours", true))
	s := &sink{}
	c.Watch(s)
	c.news.ownEviction("uid-ours")
	for range 2 {
		for _, name := range []string{"ours", "theirs"} {
			if _, err := f.typed.CoreV1().Pods("default").Update(t.Context(), evictedPod(shopPod(name, true)), metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := c.clock.Until(soon(t, patience), func() bool {
		return c.cache.pod("default", "theirs").DeletionTimestamp != nil && len(c.news.evictions()) > 0
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Watch(nil)
	var told []string
	for _, e := range s.events {
		if e.Kind == seatrial.KindEviction {
			told = append(told, e.Subject)
		}
	}
	if got := strings.Join(told, " "); got != "default/theirs" {
		t.Errorf("told of %q", got)
	}
	if missing := c.news.unevicted([]string{"default/theirs", "default/ours"}, nil); len(missing) != 1 || !strings.Contains(missing[0], "ours") {
		t.Errorf("missing %q", missing)
	}
}

func TestNothingOfTheDeschedulerIsLeftAfterItsRevert(t *testing.T) {
	c, f := openFake(t, withDescheduler(), readyNode("worker"))
	a := spreadAndDuplicates
	if err := c.Supports(a); err != nil {
		t.Fatal(err)
	}
	prior, err := c.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	job, err := f.typed.BatchV1().Jobs("kube-system").Get(t.Context(), a.Job(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if spec := job.Spec.Template.Spec; *job.Spec.ActiveDeadlineSeconds != 60 || spec.NodeSelector != nil || spec.Containers[0].Image != "seatrial.dev/descheduler:test" {
		t.Errorf("job %+v", job.Spec)
	}
	for range 2 {
		if err := c.Revert(soon(t, patience), a, prior); err != nil {
			t.Fatal(err)
		}
	}
	jobs, err1 := f.typed.BatchV1().Jobs("").List(t.Context(), metav1.ListOptions{})
	roles, err2 := f.typed.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{})
	bindings, err3 := f.typed.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	configs, err4 := f.typed.CoreV1().ConfigMaps("").List(t.Context(), metav1.ListOptions{})
	accounts, err5 := f.typed.CoreV1().ServiceAccounts("").List(t.Context(), metav1.ListOptions{})
	left := len(jobs.Items) + len(roles.Items) + len(bindings.Items) + len(configs.Items) + len(accounts.Items)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if left != 0 {
		t.Errorf("%d objects are left", left)
	}
}

func TestADeschedulerThatFailedProvesNothing(t *testing.T) {
	c, f := openFake(t, withDescheduler(), readyNode("worker"))
	a := spreadAndDuplicates
	if _, err := c.Observe(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := c.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	job, err := f.typed.BatchV1().Jobs("kube-system").Get(t.Context(), a.Job(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded"}}
	if _, err := f.typed.BatchV1().Jobs("kube-system").UpdateStatus(t.Context(), job, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Prove(soon(t, patience), a); err == nil || !strings.Contains(err.Error(), "BackoffLimitExceeded") {
		t.Errorf("proof %+v, error %v", proof, err)
	}
}

func TestWithoutAnImageTheDeschedulerIsRefused(t *testing.T) {
	c, _ := openFake(t, Options{})
	if err := c.Supports(spreadAndDuplicates); err == nil {
		t.Error("it is supported")
	}
}
