package kind

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seatrial/seatrial"
)

// pile has four pods which the scheduler spreads by its own defaults alone.
const pile = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: pile}
spec:
  replicas: 4
  selector: {matchLabels: {app: pile}}
  template:
    metadata: {labels: {app: pile}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: pause, image: "registry.k8s.io/pause:3.10"}]
`

func TestAllTheDeschedulerSpreadsWhatWasPiledAndLeavesNothing(t *testing.T) {
	wholeSet(t)
	b := openBench(t)
	cordon := seatrial.Cordon{Node: b.name + "-worker2"}
	prior, err := b.Observe(t.Context(), cordon)
	if err == nil {
		err = b.Act(t.Context(), cordon)
	}
	if err == nil {
		_, err = b.Prove(t.Context(), cordon)
	}
	if err == nil {
		err = b.Apply(t.Context(), []byte(pile))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.settle(t)
	if err := b.Revert(t.Context(), cordon, prior); err != nil {
		t.Fatal(err)
	}
	if on := b.piles(t); on[b.name+"-worker"] != 4 {
		t.Fatalf("the pile is not one: %v", on)
	}
	for _, c := range []struct {
		action seatrial.Deschedule
		want   string
	}{
		{seatrial.Deschedule{Run: "spread", TopologySpread: seatrial.TopologySpread{ScheduleAnyway: true, DoNotSchedule: true}}, "0"},
		{seatrial.Deschedule{Run: "duplicates", RemoveDuplicates: true}, "2"},
		{seatrial.Deschedule{Run: "again", RemoveDuplicates: true}, "0"},
	} {
		c.action.Expires = time.Minute
		if got := b.deschedule(t, c.action); got != c.want {
			t.Errorf("%s evicted %s pods, want %s", c.action.Run, got, c.want)
		}
		b.settle(t)
	}
	if on := b.piles(t); on[b.name+"-worker"] != 2 || on[b.name+"-worker2"] != 2 {
		t.Errorf("the pods are on %v", on)
	}
}

// deschedule acts, proves and reverts, and says how many pods were evicted.
func (b *bench) deschedule(t *testing.T, a seatrial.Deschedule) string {
	t.Helper()
	prior, err := b.Observe(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := b.Act(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	proving, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	proof, unproven := b.Prove(proving, a)
	t.Logf("%s: proven after %v: %+v", a.Run, time.Since(begun).Round(time.Millisecond), proof)
	for range 2 {
		if err := b.Revert(t.Context(), a, prior); err != nil {
			t.Fatal(err)
		}
	}
	if unproven != nil {
		t.Fatal(unproven)
	}
	jobs, err1 := b.client.BatchV1().Jobs("").List(t.Context(), metav1.ListOptions{})
	roles, err2 := b.client.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{})
	bindings, err3 := b.client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	configs, err4 := b.client.CoreV1().ConfigMaps("kube-system").List(t.Context(), metav1.ListOptions{})
	accounts, err5 := b.client.CoreV1().ServiceAccounts("kube-system").List(t.Context(), metav1.ListOptions{})
	pods, err6 := b.client.CoreV1().Pods("kube-system").List(t.Context(), metav1.ListOptions{})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, list := range [][]string{named(jobs.Items), named(roles.Items), named(bindings.Items), named(configs.Items), named(accounts.Items), named(pods.Items)} {
		for _, name := range list {
			if strings.HasPrefix(name, a.Job()) {
				left = append(left, name)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("%s left %v", a.Run, left)
	}
	return proof.Evidence["pods evicted"]
}

func named[T any, O interface {
	*T
	metav1.Object
}](items []T) []string {
	var names []string
	for i := range items {
		names = append(names, O(&items[i]).GetName())
	}
	return names
}

// piles counts the pods of the pile by their node.
func (b *bench) piles(t *testing.T) map[string]int {
	t.Helper()
	pods, err := b.Pods(t.Context(), seatrial.Selector{Namespace: "default", Labels: "app=pile"})
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]int{}
	for _, p := range pods {
		if !p.Terminating {
			on[p.Node]++
		}
	}
	return on
}
