package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
)

var kill = seatrial.DeletePod{Namespace: "default", Name: "shop-a", Grace: new(1500 * time.Millisecond)}

func TestOnlyPodsCanBeDeletedWithoutAccessToNodes(t *testing.T) {
	c := &Cluster{}
	if err := c.Supports(kill); err != nil {
		t.Error(err)
	}
	for _, a := range []seatrial.Action{seatrial.Freeze{Node: "worker"}, seatrial.Throttle{Node: "worker"}} {
		err := c.Supports(a)
		var known *seatrial.Error
		if !errors.As(err, &known) || !strings.Contains(err.Error(), a.Kind()+" of node/worker is not supported on this backend") {
			t.Errorf("got %v", err)
		}
	}
}

func TestADeletedPodIsProvenByWhatIsSeen(t *testing.T) {
	c, f := openFake(t, Options{}, readyNode("worker"), shop(1), shopSet(), shopPod("shop-a", true))
	prior, err := c.Observe(t.Context(), kill)
	if err != nil || string(prior) != `{"uid":"uid-shop-a","owner":"uid-shop"}` {
		t.Fatalf("observed %s: %v", prior, err)
	}
	if _, err := c.Prove(soon(t, 50*time.Millisecond), kill); err == nil || !strings.Contains(err.Error(), "still Running and not terminating") {
		t.Errorf("proven before it was done: %v", err)
	}
	if err := c.Act(t.Context(), kill); err != nil {
		t.Fatal(err)
	}
	proof, err := c.Prove(soon(t, patience), kill)
	if err != nil || proof.Evidence["seen"] != "gone" || proof.Evidence["uid"] != "uid-shop-a" {
		t.Errorf("%+v: %v", proof, err)
	}
	for _, a := range f.typed.Actions() {
		if d, ok := a.(clienttesting.DeleteAction); ok {
			if o := d.GetDeleteOptions(); *o.GracePeriodSeconds != 2 || *o.Preconditions.UID != "uid-shop-a" {
				t.Errorf("deleted with %+v", o)
			}
		}
	}
	// The workload lacks a pod: the action is not undone.
	if err := c.Revert(soon(t, 50*time.Millisecond), kill, prior); err == nil || !strings.Contains(err.Error(), "0 of 1 ready") {
		t.Errorf("reverted too early: %v", err)
	}
	if _, err := f.typed.CoreV1().Pods("default").Create(t.Context(), shopPod("shop-b", true), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Revert(soon(t, patience), kill, prior); err != nil {
			t.Error(err)
		}
	}
}

func TestAPodThatIsTerminatingIsProof(t *testing.T) {
	c, f := openFake(t, Options{}, shopPod("shop-a", true))
	if _, err := c.Observe(t.Context(), kill); err != nil {
		t.Fatal(err)
	}
	if err := f.typed.Tracker().Update(podsResource, terminating(shopPod("shop-a", true)), "default"); err != nil {
		t.Fatal(err)
	}
	proof, err := c.Prove(soon(t, patience), kill)
	if err != nil || proof.Evidence["seen"] != "terminating, to end by 2026-01-02T03:04:05Z" {
		t.Errorf("%+v: %v", proof, err)
	}
}

func TestADeletionThatNeverHappenedIsUndoneAtOnce(t *testing.T) {
	c, _ := openFake(t, Options{}, shop(1), shopSet(), shopPod("shop-a", true))
	prior, err := c.Observe(t.Context(), kill)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Revert(soon(t, patience), kill, prior); err != nil {
		t.Error(err)
	}
}

func TestADeletionOfWhatIsGoneAltogetherIsUndone(t *testing.T) {
	c, _ := openFake(t, Options{})
	if err := c.Revert(soon(t, patience), kill, seatrial.Prior(`{"uid":"u","owner":"o"}`)); err != nil {
		t.Error(err)
	}
	if _, err := c.Observe(t.Context(), kill); err == nil || !strings.Contains(err.Error(), "pod default/shop-a is not there") {
		t.Errorf("got %v", err)
	}
	if err := c.Act(t.Context(), kill); err == nil || !strings.Contains(err.Error(), "was not observed") {
		t.Errorf("got %v", err)
	}
}

func TestWhatNeedsTheNodeItselfIsRefused(t *testing.T) {
	c := &Cluster{}
	for _, a := range []seatrial.Action{seatrial.AddNode{Name: "worker-new1", Like: "worker"}, seatrial.RemoveNode{Name: "worker"},
		seatrial.BreakCNI{Node: "worker"}, seatrial.HogCPU{Node: "worker", Threads: 1}} {
		if err := c.Supports(a); err == nil || !strings.Contains(err.Error(), "it needs access to the node itself") {
			t.Errorf("got %v", err)
		}
	}
}
