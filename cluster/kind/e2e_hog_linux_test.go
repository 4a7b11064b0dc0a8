package kind

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seatrial/seatrial"
)

// hogBench is a worker of 1 GiB with a pod that has a memory limit, and one that
// has none.
type hogBench struct {
	*bench
	node string
}

func openHogBench(t *testing.T) *hogBench {
	t.Helper()
	c, client := openChosen(t, chosen())
	b := &hogBench{&bench{Cluster: c, client: client}, worker(c)}
	b.pods(t)
	b.before = b.state(t)
	return b
}

// pods has both pods there: a node that hung for long has lost them.
func (b *hogBench) pods(t *testing.T) {
	t.Helper()
	for name, resources := range map[string]string{"limited": "{requests: {memory: 8Mi, cpu: 10m}, limits: {memory: 48Mi, cpu: 300m}}", "free": "{}"} {
		if err := b.Apply(t.Context(), []byte(probePod(name, resources))); err != nil {
			t.Fatal(err)
		}
	}
	b.settle(t)
}

// spent waits until no hog is left, nobody having ended it: until then nothing can
// be asked inside the node.
func (b *hogBench) spent(t *testing.T) {
	t.Helper()
	err := poll(soonEnough(t), func() error {
		if s := b.deep(t, b.node); len(s.Hogs) > 0 {
			return fmt.Errorf("hogs run: %v", s.Hogs)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAllHogsAreProvenAndLeaveTheNodeAsItWas(t *testing.T) {
	wholeSet(t)
	b := openHogBench(t)
	in := func(pod string) seatrial.HogMemory {
		return seatrial.HogMemory{Node: b.node, Namespace: "default", Pod: pod, Rate: 64 << 20, Expires: longEnough}
	}
	t.Run("a limit kills the container and spares the node", func(t *testing.T) {
		a := in("limited")
		before := b.restarts(t, "limited")
		p := b.does(t, a)
		// The container is seen to have ended before it is started again.
		b.sees(t, "limited", "started again", func(p corev1.Pod) bool { return p.Status.ContainerStatuses[0].RestartCount > before })
		b.isReady(t, corev1.ConditionTrue)
		b.reverts(t, a, p)
		b.unchanged(t)
	})
	t.Run("without a limit the node hangs and is NotReady", func(t *testing.T) {
		b.pods(t)
		a := in("free")
		a.Rate = 1 << 30
		p := b.does(t, a)
		awaitWorker(t, b.client, b.node, corev1.ConditionUnknown, time.Minute)
		b.reverts(t, a, p)
		b.unchanged(t)
	})
	for name, a := range map[string]seatrial.Action{
		"a node without memory":    seatrial.HogMemory{Node: b.node, Rate: 1 << 30, Expires: longEnough},
		"a node with less memory":  seatrial.HogMemory{Node: b.node, Bytes: 256 << 20, Rate: 1 << 30, Expires: longEnough},
		"a busy node":              seatrial.HogCPU{Node: b.node, Threads: 4, Expires: longEnough},
		"a busy container":         seatrial.HogCPU{Node: b.node, Namespace: "default", Pod: "free", Threads: 2, Expires: longEnough},
		"a container at its limit": seatrial.HogCPU{Node: b.node, Namespace: "default", Pod: "limited", Threads: 2, Expires: longEnough},
	} {
		t.Run(name, func(t *testing.T) {
			b.pods(t)
			b.reverts(t, a, b.does(t, a))
			b.unchanged(t)
		})
	}
}

func TestAllHogsEndByThemselves(t *testing.T) {
	wholeSet(t)
	b := openHogBench(t)
	const soon = 8 * time.Second
	for name, a := range map[string]seatrial.Action{
		"memory of the node":   seatrial.HogMemory{Node: b.node, Rate: 1 << 30, Expires: soon},
		"memory without limit": seatrial.HogMemory{Node: b.node, Namespace: "default", Pod: "free", Rate: 1 << 30, Expires: soon},
		"CPU of the node":      seatrial.HogCPU{Node: b.node, Threads: 4, Expires: soon},
	} {
		t.Run(name, func(t *testing.T) {
			b.pods(t)
			p := b.does(t, a)
			b.spent(t)
			b.unchanged(t) // nobody has reverted it
			b.reverts(t, a, p)
		})
	}
}

func TestAllAHogOfMemoryNeedsANodeWithALimit(t *testing.T) {
	wholeSet(t)
	b := openBench(t)
	_, err := b.Observe(t.Context(), seatrial.HogMemory{Node: worker(b.Cluster), Rate: 1 << 20, Expires: time.Minute})
	var known *seatrial.Error
	if !errors.As(err, &known) || known.Class != seatrial.BadInput {
		t.Errorf("a hog on a node that may take the whole machine's memory: %v", err)
	}
}

func (b *hogBench) restarts(t *testing.T, pod string) int32 {
	t.Helper()
	p, err := b.client.CoreV1().Pods(metav1.NamespaceDefault).Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Status.ContainerStatuses[0].RestartCount
}

func (b *hogBench) isReady(t *testing.T, want corev1.ConditionStatus) {
	t.Helper()
	n, err := b.client.CoreV1().Nodes().Get(t.Context(), b.node, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := condition(n, corev1.NodeReady); got != want {
		t.Errorf("the node's Ready is %s, want %s", got, want)
	}
}
