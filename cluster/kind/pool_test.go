package kind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// errDied stands for the end of the process at that point.
var errDied = errors.New("the process died")

// room is machines in memory, whose kubelets report at once.
type room struct {
	client *fake.Clientset
	all    []string
	mu     sync.Mutex        // the fields below: a pool acts on its machines at once
	back   map[string]bool   // held back
	run    map[string]string // machine -> node that its kubelet reports
	left   int               // steps until the process dies; below 0: never
	nth    int               // node made so far, for UIDs
}

// step counts what a process does: it dies before one of these.
func (r *room) step() error {
	if r.left == 0 {
		return errDied
	}
	r.left--
	return nil
}

func (r *room) list(context.Context) ([]string, error) { return slices.Clone(r.all), nil }
func (r *room) ready(context.Context, string) error    { return nil }

func (r *room) held(_ context.Context, m string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.back[m], nil
}

func (r *room) condemn(_ context.Context, machine string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.step(); err != nil {
		return err
	}
	r.back[machine] = true
	return nil
}

func (r *room) hold(_ context.Context, machine string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.step(); err != nil {
		return err
	}
	r.back[machine] = true
	delete(r.run, machine)
	return nil
}

func (r *room) join(ctx context.Context, machine, node string) error {
	if err := r.register(machine, node); err != nil {
		return err
	}
	n, err := r.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	_, err = r.client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{})
	return err
}

// register takes a machine into service under a node's name.
func (r *room) register(machine, node string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.step(); err != nil {
		return err
	}
	r.back[machine] = false
	r.run[machine] = node
	return nil
}

// newRoom is a pool of two workers, the agents' node and some spares, as after
// a boot. Changes of nodes count as steps, too, and give UIDs.
func newRoom(t *testing.T, spares int) (*pool, *room) {
	t.Helper()
	const cluster = "seatrial-2w-00000000"
	r := &room{client: fake.NewClientset(), back: map[string]bool{}, run: map[string]string{}, left: -1}
	r.client.PrependReactor("*", "nodes", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.GetVerb() != "create" && a.GetVerb() != "delete" {
			return false, nil, nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if c, ok := a.(clienttesting.CreateAction); ok {
			r.nth++
			c.GetObject().(*corev1.Node).UID = types.UID(fmt.Sprint("node ", r.nth))
		}
		err := r.step()
		return err != nil, nil, err
	})
	p := &pool{cluster: cluster, homes: 3, client: r.client, machines: r}
	for i := range p.homes + spares {
		name := cluster + "-worker"
		if i > 0 {
			name += fmt.Sprint(i + 1)
		}
		r.all = append(r.all, name)
		r.back[name] = true
		if i >= p.homes {
			continue
		}
		like := member{Labels: map[string]string{"pool": "a"}, Taints: []corev1.Taint{{Key: "team", Effect: corev1.TaintEffectNoSchedule}}}
		if err := errors.Join(p.createOn(t.Context(), name, name, like), r.join(t.Context(), name, name)); err != nil {
			t.Fatal(err)
		}
	}
	return p, r
}

// whole is nil when every node is Ready on a machine of its own that runs its
// kubelet, every other machine is held back, and each of the former nodes is
// there or replaced by one other.
func (r *room) whole(ctx context.Context, p *pool, successors map[string]string) error {
	nodes, err := p.nodes(ctx)
	if err != nil {
		return err
	}
	var errs []error
	on := map[string]string{}
	there := map[string]bool{}
	for _, n := range nodes {
		if other, twice := on[machineName(&n)]; twice || !isReady(n) || n.Spec.Unschedulable {
			errs = append(errs, fmt.Errorf("node %s on machine %s, which runs %q, is Ready: %v", n.Name, machineName(&n), other, isReady(n)))
		}
		if n.Labels["pool"] != "a" || n.Labels[corev1.LabelHostname] != n.Name || len(n.Spec.Taints) != 1 {
			errs = append(errs, fmt.Errorf("node %s has labels %v and taints %v", n.Name, n.Labels, n.Spec.Taints))
		}
		on[machineName(&n)], there[n.Name] = n.Name, true
	}
	if !maps.Equal(on, r.run) || len(nodes) != p.homes {
		errs = append(errs, fmt.Errorf("there are nodes %v, and kubelets of %v", on, r.run))
	}
	for _, m := range r.all {
		if r.back[m] == (on[m] != "") {
			errs = append(errs, fmt.Errorf("machine %s is held back: %v", m, r.back[m]))
		}
	}
	for _, m := range r.all[:p.homes] {
		if there[m] == (successors[m] != "" && there[successors[m]]) && successors[m] != m {
			errs = append(errs, fmt.Errorf("%s and its successor %q: there are %v", m, successors[m], there))
		}
	}
	return errors.Join(errs...)
}

// story is what a fault does to one node of the pool.
type story struct {
	spares  int
	actions []seatrial.Action
}

func stories(p *pool) map[string]story {
	x := p.cluster + "-worker"
	return map[string]story{
		"surge":    {1, []seatrial.Action{seatrial.AddNode{Name: x + "-new1", Like: x, Version: "v2"}, seatrial.RemoveNode{Name: x, Successor: x + "-new1"}}},
		"recreate": {0, []seatrial.Action{seatrial.RemoveNode{Name: x}, seatrial.AddNode{Name: x, Like: x, Version: "v2"}}},
		"scale in": {0, []seatrial.Action{seatrial.RemoveNode{Name: x}}},
	}
}

// A process may end at any step, and another one reverts from what was written
// down, in any order.
func TestAPoolIsWholeAfterARevertWhereverTheFirstProcessDied(t *testing.T) {
	shape, _ := newRoom(t, 0)
	for name, s := range stories(shape) {
		t.Run(name, func(t *testing.T) {
			for _, backwards := range []bool{false, true} {
				for steps := 0; ; steps++ {
					if died := dieAndRevert(t, s, steps, backwards); !died {
						if steps < 2 {
							t.Errorf("it takes only %d steps", steps)
						}
						break
					}
				}
			}
		})
	}
}

func dieAndRevert(t *testing.T, s story, steps int, backwards bool) (died bool) {
	t.Helper()
	p, r := newRoom(t, s.spares)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	first := &Cluster{pool: p, name: p.cluster}
	priors := make([]member, len(s.actions))
	successors := map[string]string{}
	for i, a := range s.actions {
		priors[i] = observed(t, first, a)
		if remove, ok := a.(seatrial.RemoveNode); ok {
			successors[remove.Name] = remove.Successor
		}
	}
	r.left = steps
	for i, a := range s.actions {
		if err := first.poolPower(a).act(ctx, priors[i]); err != nil {
			if !errors.Is(err, errDied) {
				t.Fatalf("after %d steps: %v", steps, err)
			}
			died = true
			break
		}
	}
	r.left = -1
	later := &Cluster{name: p.cluster, pool: &pool{cluster: p.cluster, homes: p.homes, client: r.client, machines: r}}
	order := []int{0, len(s.actions) - 1}
	if backwards {
		slices.Reverse(order)
	}
	for range 2 { // a second time changes nothing
		for _, i := range order {
			err := later.poolPower(s.actions[i]).revert(ctx, priors[i])
			if err := errors.Join(err, later.pool.sweep(ctx)); err != nil {
				t.Fatalf("reverting %s after %d steps: %v", s.actions[i].Kind(), steps, err)
			}
		}
		if err := r.whole(ctx, p, successors); err != nil {
			t.Errorf("after %d steps, backwards %v: %v", steps, backwards, err)
		}
	}
	if err := errors.Join(later.pool.asBooted(ctx), asAtFirst(ctx, later.pool, r)); err != nil {
		t.Errorf("after %d steps: %v", steps, err)
	}
	return died
}

// observed is what Observe finds, without the watches that it also asks.
func observed(t *testing.T, c *Cluster, a seatrial.Action) member {
	t.Helper()
	name := strings.TrimPrefix(a.Target(), "node/")
	if add, ok := a.(seatrial.AddNode); ok {
		name = add.Like
	}
	n, err := c.pool.find(t.Context(), name)
	if err != nil || n == nil {
		t.Fatalf("node %s: %v, %v", name, n, err)
	}
	return memberOf(n)
}

// asAtFirst: the nodes are called as their machines are.
func asAtFirst(ctx context.Context, p *pool, r *room) error {
	nodes, err := p.nodes(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, n := range nodes {
		if machineName(&n) == n.Name && r.run[n.Name] == n.Name {
			names = append(names, n.Name)
		}
	}
	if slices.Sort(names); len(nodes) != p.homes || !slices.Equal(names, r.all[:p.homes]) {
		return fmt.Errorf("the nodes are %v, of %d", names, len(nodes))
	}
	for _, m := range r.all[p.homes:] {
		if !r.back[m] || r.run[m] != "" {
			return fmt.Errorf("spare machine %s runs", m)
		}
	}
	return nil
}

func TestANewNodeIsLikeTheOldOneButForNameVersionAndState(t *testing.T) {
	p, _ := newRoom(t, 1)
	old, name := p.cluster+"-worker", p.cluster+"-worker-new1"
	n, err := p.find(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
	like := memberOf(n)
	like.Version = "v1.37.2"
	if err := p.add(t.Context(), name, like); err != nil {
		t.Fatal(err)
	}
	fresh, err := p.find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"pool": "a", corev1.LabelHostname: name, seatrial.VersionLabel: "v1.37.2"}
	if !maps.Equal(fresh.Labels, want) || len(fresh.Spec.Taints) != 1 || fresh.UID == n.UID || machineName(fresh) == machineName(n) {
		t.Errorf("the new node: %+v", fresh)
	}
	if err := p.add(t.Context(), name+"2", like); err == nil {
		t.Error("a node joined though no machine was held back")
	}
	if err := p.add(t.Context(), name, like); err == nil {
		t.Error("a node joined under the name of another one")
	}
}

func TestAMachineThatIsHeldBackMissesNoKubelet(t *testing.T) {
	found := guardian.Prior{Daemons: nodeUnits}
	if err := absent(guardian.State{Daemons: []string{"containerd"}, Held: true}, found); err != nil {
		t.Error(err)
	}
	if err := absent(guardian.State{Daemons: []string{"containerd"}}, found); err == nil {
		t.Error("a node misses no kubelet")
	}
	if err := absent(guardian.State{Held: true}, found); err == nil {
		t.Error("a machine that is held back misses no runtime")
	}
}

func TestWhatWasBoundToAFormerNodeDoesNotComeBackWithItsName(t *testing.T) {
	p, r := newRoom(t, 0)
	name := p.cluster + "-worker"
	for pod, node := range map[string]string{"lost": name, "other": name + "2"} {
		_, err := r.client.CoreV1().Pods("default").Create(t.Context(),
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod}, Spec: corev1.PodSpec{NodeName: node}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	n, err := p.find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.remove(t.Context(), name, memberOf(n)), p.add(t.Context(), name, memberOf(n))); err != nil {
		t.Fatal(err)
	}
	pods, err := r.client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 || pods.Items[0].Name != "other" {
		t.Errorf("pods: %v, %v", pods.Items, err)
	}
}
