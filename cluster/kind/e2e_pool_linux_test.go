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

const nextVersion = "v1.99.9"

// oneMore is twoWorkers, and one more can join.
var oneMore = seatrial.Spec{Clusters: []seatrial.ClusterSpec{{Name: "main", Workers: 2, Spares: 1}}}

// asBooted brings the pool back, and all else has to be as before, too.
func (b *bench) asBooted(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	begun := time.Now()
	if err := b.pool.asBooted(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("as booted after %v", time.Since(begun))
	b.unchanged(t)
}

func (b *bench) nodeNamed(t *testing.T, name string) *corev1.Node {
	t.Helper()
	n, err := b.pool.find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// label gives a node what its successor has to have.
func (b *bench) label(t *testing.T, name string) {
	t.Helper()
	n := b.nodeNamed(t, name)
	n.Labels["example.com/pool"] = "a"
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "example.com/team", Value: "b", Effect: corev1.TaintEffectPreferNoSchedule})
	if _, err := b.client.CoreV1().Nodes().Update(t.Context(), n, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// servesPods is nil once a pod on the node is Ready and can be reached from
// another node.
func (b *bench) servesPods(t *testing.T, node string) error {
	ctx := soonEnough(t)
	pods := b.client.CoreV1().Pods("default")
	pod, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "on-the-new-node-"},
		Spec: corev1.PodSpec{NodeName: node, TerminationGracePeriodSeconds: new(int64),
			Containers: []corev1.Container{{Name: "pause", Image: "registry.k8s.io/pause:3.10"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	err = poll(ctx, func() error {
		p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil || p.Status.PodIP == "" {
			return errors.Join(err, fmt.Errorf("pod %s: %+v", pod.Name, p.Status))
		}
		// Nobody listens on that port, so that the pod's own kernel refuses.
		out, err := docker(ctx, "exec", b.name+"-control-plane", "bash", "-c",
			"timeout 2 bash -c '</dev/tcp/"+p.Status.PodIP+"/9' 2>&1 || true")
		if err != nil || !strings.Contains(string(out), "refused") {
			return errors.Join(err, fmt.Errorf("pod %s on %s cannot be reached: %s", p.Name, node, out))
		}
		return nil
	})
	return errors.Join(err, pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}))
}

// A surge node joins, takes over, and the old one leaves; so does a later
// process that finds it half-way.
func TestAllASurgeNodeTakesTheOldOnesPlace(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	old, fresh := worker(b.Cluster), worker(b.Cluster)+"-new1"
	b.label(t, old)
	was := b.nodeNamed(t, old)
	add := seatrial.AddNode{Name: fresh, Like: old, Version: nextVersion}
	remove := seatrial.RemoveNode{Name: old, Successor: fresh}
	added, removed := b.observes(t, add), b.observes(t, remove)
	b.acts(t, add)
	n := b.nodeNamed(t, fresh)
	if n.UID == was.UID || n.Spec.PodCIDR == was.Spec.PodCIDR || n.Labels["example.com/pool"] != "a" ||
		n.Labels[corev1.LabelHostname] != fresh || !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == "example.com/team" }) {
		t.Errorf("the new node is %+v", n)
	}
	b.acts(t, remove)
	if err := b.bury(t, old); err != nil {
		t.Error(err)
	}
	if err := b.servesPods(t, fresh); err != nil {
		t.Error(err)
	}
	b.reverts(t, remove, removed)
	b.reverts(t, add, added)
	if b.nodeNamed(t, old) != nil || b.nodeNamed(t, fresh) == nil {
		t.Error("the pool is not as the upgrade left it")
	}
	b.asBooted(t)
}

// bury is what podGC does a minute later.
func (b *bench) bury(t *testing.T, node string) error { return b.pool.bury(t.Context(), node) }

func (b *bench) observes(t *testing.T, a seatrial.Action) seatrial.Prior {
	t.Helper()
	if err := b.Supports(a); err != nil {
		t.Fatal(err)
	}
	p, err := b.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *bench) acts(t *testing.T, a seatrial.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	took := stopwatch(t)
	if err := b.Act(ctx, a); err != nil {
		t.Fatal(err)
	}
	took(a.Kind())
	proof, err := b.Prove(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	took("proof")
	t.Logf("proof: %s %v", proof.Method, proof.Evidence)
}

func TestAllASurgeNodeThatIsNotNeededLeavesAgain(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	a := seatrial.AddNode{Name: worker(b.Cluster) + "-new1", Like: worker(b.Cluster), Version: nextVersion}
	b.reverts(t, a, b.does(t, a))
	b.unchanged(t)
}

// The node comes back on its own machine, empty, as another one.
func TestAllANodeIsMadeAnew(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	name := worker(b.Cluster)
	was := b.nodeNamed(t, name)
	remove, add := seatrial.RemoveNode{Name: name}, seatrial.AddNode{Name: name, Like: name, Version: nextVersion}
	removed, added := b.observes(t, remove), b.observes(t, add)
	b.acts(t, remove)
	b.acts(t, add)
	n := b.nodeNamed(t, name)
	if n == nil || n.UID == was.UID || machineName(n) != name || n.Labels[seatrial.VersionLabel] != nextVersion {
		t.Errorf("the node is %+v", n)
	}
	if err := b.servesPods(t, name); err != nil {
		t.Error(err)
	}
	b.reverts(t, remove, removed)
	b.reverts(t, add, added)
	b.asBooted(t)
}

func TestAllANodeThatLeftIsReplacedByOneLikeIt(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	a := seatrial.RemoveNode{Name: worker(b.Cluster)}
	b.reverts(t, a, b.does(t, a))
	if err := b.pool.buryAll(t.Context()); err != nil {
		t.Error(err)
	}
	b.unchanged(t)
}

// A machine that has no power is taken all the same, and what comes back on it
// is not the old node.
func TestAllANodeWithoutPowerIsReplaced(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	name := worker(b.Cluster)
	remove, off := seatrial.RemoveNode{Name: name}, seatrial.PowerOff{Node: name, Expires: longEnough}
	removed := b.observes(t, remove)
	p := b.does(t, off)
	b.acts(t, remove)
	b.reverts(t, off, p)
	if n := b.nodeNamed(t, name); n != nil {
		t.Errorf("the node has come back: %s", n.UID)
	}
	b.reverts(t, remove, removed)
	if err := b.pool.buryAll(t.Context()); err != nil {
		t.Error(err)
	}
	b.unchanged(t)
}

// The runner dies while a node joins, or leaves; whoever comes later knows only
// what was written down.
func TestAllAPoolThatADeadRunLeftHalfWayIsMadeWhole(t *testing.T) {
	wholeSet(t)
	b := openBenchOf(t, oneMore)
	name := worker(b.Cluster)
	for _, a := range []seatrial.Action{
		seatrial.AddNode{Name: name + "-new1", Like: name, Version: nextVersion},
		seatrial.RemoveNode{Name: name},
	} {
		t.Run(a.Kind(), func(t *testing.T) {
			p := b.observes(t, a)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := b.Act(ctx, a); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the act was not interrupted: %v", err)
			}
			later, err := Attach(t.Context(), b.name, b.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer later.Close()
			if err := later.Revert(t.Context(), a, p); err != nil {
				t.Error(err)
			}
			if err := b.pool.buryAll(t.Context()); err != nil {
				t.Error(err)
			}
			b.unchanged(t)
		})
	}
}
