package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seatrial/seatrial"
)

// keeper is a pod that needs its volume.
const keeper = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532}
      containers:
      - name: db
        image: seatrial.dev/kind-test:dev
        command: [/seatrial-agent, app, --data=/data/file]
        readinessProbe: {periodSeconds: 1, httpGet: {path: /readyz, port: 8080}}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data, annotations: {volumeType: local}}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
`

// keeping is the bench with that pod, and the pod.
func keeping(t *testing.T) (*bench, seatrial.Pod) {
	t.Helper()
	b := openBench(t)
	if err := b.Apply(t.Context(), []byte(keeper)); err != nil {
		t.Fatal(err)
	}
	b.settle(t)
	return b, b.pod(t, "default", "app=db", "")
}

// sees waits until the pod is as asked, and fails when it never is.
func (b *bench) sees(t *testing.T, name, what string, is func(corev1.Pod) bool) {
	t.Helper()
	err := poll(soonEnough(t), func() error {
		p, err := b.client.CoreV1().Pods("default").Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && !is(*p) {
			err = fmt.Errorf("pod %s is not %s: %+v", name, what, p.Status.ContainerStatuses)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func broken(p corev1.Pod) bool {
	s := p.Status.ContainerStatuses
	return len(s) == 1 && s[0].State.Running != nil && s[0].RestartCount > 0 && !s[0].Ready
}

func isUp(p corev1.Pod) bool { s := p.Status.ContainerStatuses; return len(s) == 1 && s[0].Ready }

// The same pod starts again with the same broken volume; one that takes its
// place has it as it was.
func TestALostVolumeIsLostToItsPodAlone(t *testing.T) {
	b, pod := keeping(t)
	a := seatrial.LoseVolume{Namespace: "default", Pod: pod.Name, Volume: "data", Expires: longEnough}
	p := b.does(t, a)
	b.sees(t, pod.Name, "broken", broken)
	cure := seatrial.DeletePod{Namespace: "default", Name: pod.Name}
	b.reverts(t, cure, b.does(t, cure))
	if now := b.pod(t, "default", "app=db", pod.Node); now.UID == pod.UID {
		t.Error("it is the same pod")
	}
	b.reverts(t, a, p)
	b.unchanged(t)
}

// The runner that did it is no more.
func TestALaterProcessGivesALostVolumeBack(t *testing.T) {
	b, pod := keeping(t)
	a := seatrial.LoseVolume{Namespace: "default", Pod: pod.Name, Volume: "data", Expires: longEnough}
	p := b.does(t, a)
	b.sees(t, pod.Name, "broken", broken)
	later, err := Attach(t.Context(), b.name, b.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if err := later.Revert(soonEnough(t), a, p); err != nil {
		t.Error(err)
	}
	b.sees(t, pod.Name, "ready", isUp)
	if now := b.pod(t, "default", "app=db", ""); now.UID != pod.UID {
		t.Error("it is another pod")
	}
	b.reverts(t, a, p)
	b.unchanged(t)
}

func TestAllWithoutItsNetworkPluginANodeIsReadyAndStartsNoPod(t *testing.T) {
	wholeSet(t)
	b := openBench(t)
	a := seatrial.BreakCNI{Node: worker(b.Cluster), Expires: longEnough}
	p := b.does(t, a)
	manifest := fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: late}, spec: {nodeName: %s, terminationGracePeriodSeconds: 0,
containers: [{name: pause, image: "registry.k8s.io/pause:3.10"}]}}`, a.Node)
	if err := b.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
	err := poll(soonEnough(t), func() error {
		events, err := b.client.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "reason=FailedCreatePodSandBox"})
		if err == nil && len(events.Items) == 0 {
			err = errors.New("no sandbox has failed")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	n, err := b.client.CoreV1().Nodes().Get(t.Context(), a.Node, metav1.GetOptions{})
	if err != nil || !isReady(*n) {
		t.Errorf("the node is not Ready: %v", err)
	}
	b.sees(t, "late", "without an address", func(p corev1.Pod) bool { return p.Status.PodIP == "" })
	b.reverts(t, a, p)
	b.sees(t, "late", "ready", isUp)
	if err := b.client.CoreV1().Pods("default").Delete(t.Context(), "late", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.unchanged(t)
}

// Nobody is left to revert: the runner's connection is lost.
func TestAllWhatIsCoveredIsUncoveredWhenItsTimeIsOver(t *testing.T) {
	wholeSet(t)
	b, pod := keeping(t)
	const expires = 4 * time.Second
	for _, a := range []seatrial.Action{
		seatrial.BreakCNI{Node: pod.Node, Expires: expires},
		seatrial.LoseVolume{Namespace: "default", Pod: pod.Name, Volume: "data", Expires: expires},
	} {
		if _, err := b.Observe(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := b.Act(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	covered := b.deep(t, pod.Node).Covered
	for _, part := range []string{"/volumes/", "/opt/cni/bin/", "/run/seatrial-plugin"} {
		if !slices.ContainsFunc(covered, func(path string) bool { return strings.Contains(path, part) }) {
			t.Errorf("covered are %q, and nothing of %s", covered, part)
		}
	}
	if err := b.link.close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := poll(ctx, func() error {
		if covered := b.deep(t, pod.Node).Covered; len(covered) > 0 {
			return fmt.Errorf("covered still: %q", covered)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	b.sees(t, pod.Name, "ready", isUp)
	b.unchanged(t)
}
