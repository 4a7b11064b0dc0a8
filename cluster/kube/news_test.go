package kube

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lines are the events, as in "pod default/shop-a (warning): not ready".
func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range s.events {
		lines = append(lines, fmt.Sprintf("%s %s (%s): %s", e.Kind, e.Subject, e.Severity, e.Message))
	}
	return lines
}

func TestWhatHappensToAPodIsTold(t *testing.T) {
	pending := shopPod("a", false)
	pending.Spec.NodeName, pending.Status.Phase = "", corev1.PodPending
	homeless := pending.DeepCopy()
	homeless.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	running, ready := shopPod("a", false), shopPod("a", true)
	oom := shopPod("a", false)
	oom.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", RestartCount: 1, LastTerminationState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}}}}
	evicted := shopPod("a", false)
	evicted.Status.Phase, evicted.Status.Reason, evicted.Status.Message = corev1.PodFailed, "Evicted", "low on memory"
	gone := (*corev1.Pod)(nil) // deleted in its last state

	tests := map[string]struct {
		life []*corev1.Pod // the first is there before the watch
		want []string
	}{
		"it starts": {[]*corev1.Pod{nil, pending, running, ready}, []string{
			"(info): created, not scheduled yet", "(info): scheduled to node worker", "(info): ready on node worker"}},
		"it waits for a node": {[]*corev1.Pod{nil, pending, homeless, homeless, running}, []string{
			"(info): created, not scheduled yet", "(info): no node takes it", "(info): scheduled to node worker"}},
		"it hangs and comes back": {[]*corev1.Pod{ready, running, ready}, []string{
			"(info): ready on node worker", "(warning): not ready on node worker", "(info): ready on node worker"}},
		"it is deleted": {[]*corev1.Pod{ready, terminating(ready), terminating(running), gone}, []string{
			"(info): ready on node worker", "(warning): terminating on node worker", "(info): not ready on node worker", "(info): gone from node worker"}},
		"it vanishes": {[]*corev1.Pod{ready, gone}, []string{
			"(info): ready on node worker", "(warning): gone from node worker"}},
		"it runs out of memory": {[]*corev1.Pod{ready, oom}, []string{"(info): ready on node worker",
			"(warning): container web restarted (OOMKilled, exit code 137)", "(warning): not ready on node worker"}},
		"it is evicted": {[]*corev1.Pod{ready, evicted}, []string{"(info): ready on node worker",
			"(warning): failed: Evicted: low on memory", "(warning): not ready on node worker"}},
		"nothing changes": {[]*corev1.Pod{ready, ready, ready}, []string{"(info): ready on node worker"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n, s := newNews(NewClock()), &sink{}
			last := test.life[0]
			if last != nil {
				n.change(last, false)
			}
			n.watch(s)
			for _, p := range test.life[1:] {
				if p == nil {
					n.change(last, true)
					continue
				}
				n.change(p, false)
				last = p
			}
			got := strings.Join(s.lines(), "\n")
			if want := "pod default/a " + strings.Join(test.want, "\npod default/a "); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestWhatHappensToANodeIsTold(t *testing.T) {
	n, s := newNews(NewClock()), &sink{}
	n.change(readyNode("worker"), false)
	n.watch(s)
	n.change(readyNode("worker"), false) // a heartbeat
	n.change(frozenNode("worker"), false)
	cordoned := readyNode("worker")
	cordoned.Spec.Unschedulable = true
	n.change(cordoned, false)
	n.change(readyNode("worker"), false)
	n.change(readyNode("worker"), true)
	want := `node worker (warning): not Ready: Unknown NodeStatusUnknown: Kubelet stopped posting node status.
node worker (info): Ready
node worker (warning): cordoned
node worker (info): schedulable again
node worker (warning): removed from the cluster`
	if got := strings.Join(s.lines(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := s.events[2].Data; got != (journal.NodeChange{Ready: true, Unschedulable: true}) {
		t.Errorf("data of a cordon: %+v", got)
	}
	if got := s.events[4].Data; got != (journal.NodeChange{Removed: true}) {
		t.Errorf("data of a removal: %+v", got)
	}
	n.change(frozenNode("worker"), false)
	if got := s.events[5].Data; got != (journal.NodeChange{Joined: true}) {
		t.Errorf("data of a node that joins and is not Ready yet: %+v", got)
	}
}

func TestAPodIsToldWithItsWorkloadAndItsRestarts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   journal.PodChange
	}{
		"of a Deployment": {func(p *corev1.Pod) { p.Labels["pod-template-hash"] = "1" }, journal.PodChange{Workload: "deployment/shop"}},
		"of a ReplicaSet that is no Deployment's": {func(p *corev1.Pod) { p.Labels["pod-template-hash"] = "2" },
			journal.PodChange{Workload: "replicaset/shop-1"}},
		"of a StatefulSet": {func(p *corev1.Pod) { p.OwnerReferences[0].Kind, p.OwnerReferences[0].Name = "StatefulSet", "db" },
			journal.PodChange{Workload: "statefulset/db"}},
		"of nobody":      {func(p *corev1.Pod) { p.OwnerReferences = nil }, journal.PodChange{}},
		"of the cluster": {func(p *corev1.Pod) { p.Namespace, p.OwnerReferences = "kube-system", nil }, journal.PodChange{System: true}},
		"of seatrial":    {func(p *corev1.Pod) { p.Namespace, p.OwnerReferences = AgentsNamespace, nil }, journal.PodChange{System: true}},
		"with restarts": {func(p *corev1.Pod) {
			p.OwnerReferences = nil
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", RestartCount: 2}}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", RestartCount: 1}, {Name: "proxy", RestartCount: 3}}
		}, journal.PodChange{Restarts: 6}},
	} {
		t.Run(name, func(t *testing.T) {
			n, s := newNews(NewClock()), &sink{}
			n.watch(s)
			p := shopPod("a", true)
			c.change(p)
			n.change(p, false)
			c.want.Node, c.want.Ready, c.want.Phase = "worker", true, "Running"
			if got := s.events[0].Data; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestTheWatchBeginsWithThePodsAsTheyAre(t *testing.T) {
	system := shopPod("dns", true)
	system.Namespace, system.UID = "kube-system", "uid-dns"
	c, f := openFake(t, Options{}, shopPod("b", false), shopPod("a", true), system)
	s := &sink{}
	c.Watch(s)
	want := "pod default/a (info): ready on node worker\npod default/b (info): Running on node worker, not ready"
	if got := strings.Join(s.lines(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := s.events[0].Data; got != (journal.PodChange{Node: "worker", Ready: true, Phase: "Running", Workload: "replicaset/shop-1"}) {
		t.Errorf("data: %+v", got)
	}
	if _, err := f.typed.CoreV1().Pods("default").UpdateStatus(t.Context(), shopPod("b", true), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.clock.Until(soon(t, patience), func() bool { return len(s.lines()) == 3 }); err != nil {
		t.Errorf("%v: %v", err, s.lines())
	}
	c.Watch(nil)
	c.news.change(shopPod("b", false), false)
	if got := s.lines(); len(got) != 3 {
		t.Errorf("told after the end: %v", got)
	}
}

func TestAKubernetesWarningIsPassedOnEachTimeItHappens(t *testing.T) {
	n, s := newNews(NewClock()), &sink{}
	event := func(count int32, kind string) *corev1.Event {
		return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", UID: "e"}, Type: kind, Count: count,
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: "shop-a"},
			Reason:         "Unhealthy", Message: "Readiness probe failed:\n timeout"}
	}
	n.watch(s)
	n.change(event(1, "Warning"), false)
	n.change(event(1, "Warning"), false)
	n.change(event(3, "Warning"), false)
	n.change(event(9, "Normal"), false)
	want := `kubeNews Pod default/shop-a (warning): Unhealthy: Readiness probe failed: timeout
kubeNews Pod default/shop-a (warning): Unhealthy: Readiness probe failed: timeout (3 times)`
	if got := strings.Join(s.lines(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var _ seatrial.Sink = (*sink)(nil)
