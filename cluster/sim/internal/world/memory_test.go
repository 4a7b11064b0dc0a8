package world

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
	"github.com/seatrial/seatrial/journal"
)

const (
	mi = int64(1) << 20
	gi = int64(1) << 30
)

// small is one worker with 2 GiB for pods.
var small = Config{Workers: 1, Seed: 3, CPU: 2000, Memory: 2 * gi}

// resourced is more of a container: its requests and limits of memory; empty
// for none.
func resourced(request, limit string) string {
	of := map[bool]string{false: "{}"}
	of[true] = "{memory: " + request + "}"
	requests := of[request != ""]
	of[true] = "{memory: " + limit + "}"
	return "resources: {requests: " + requests + ", limits: " + of[limit != ""] + "}, " + readyz
}

func TestAContainerIsKilledAtItsLimitAndItsNodeGoesOn(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("shop", 1, "", appPod("--memory=64Mi", resourced("64Mi", "128Mi"))))
	settle(t, w)
	p := only(t, w)
	c := p.Container("")
	c.Hog(gi, 32*mi)
	began := w.Clock.Now()
	killed := until(t, w, "the kill", func() bool { return !p.Ready }) - began
	within(t, "from the hog's begin until the pod is not ready", killed, 2*time.Second, 4*time.Second)
	if c.OOMKills() != 1 || len(p.Node.hogs) != 0 {
		t.Errorf("%d kills and %d hogs left, want one and none", c.OOMKills(), len(p.Node.hogs))
	}
	settle(t, w)
	if p.Node.Hung() || p.Node.Pressed() || p.restarts() != 1 || p.Node.Used() != 64*mi {
		t.Errorf("hung %t, pressed %t, %d restarts, %d MiB in use", p.Node.Hung(), p.Node.Pressed(), p.restarts(), p.Node.Used()/mi)
	}
}

func TestAProcessThatNeedsMoreThanItsLimitCrashLoops(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("shop", 1, "", appPod("--memory=64Mi", resourced("", "32Mi"))))
	sleep(t, w, 2*time.Minute)
	if c := only(t, w).Container(""); c.OOMKills() < 3 || c.OOMKills() > 6 || only(t, w).Ready {
		t.Errorf("%d kills within two minutes, want some, ever further apart", c.OOMKills())
	}
}

func TestANodeWithoutMemoryHangsUntilTheHogEnds(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("shop", 1, "", appPod("--memory=64Mi", readyz)))
	settle(t, w)
	p := only(t, w)
	n := p.Node
	h := n.Hog(4*gi, 2*gi)
	began := w.Clock.Now()
	lost := until(t, w, "NotReady", func() bool { return n.Ready != corev1.ConditionTrue }) - began
	within(t, "until the node is NotReady", lost, 40*time.Second, 57*time.Second)
	if !n.Hung() || n.Frozen() || p.Ready || !p.Listener(8080).Still() {
		t.Errorf("hung %t, frozen %t, pod ready %t", n.Hung(), n.Frozen(), p.Ready)
	}
	sleep(t, w, 10*time.Minute) // the kernel's killer is of no use against it
	if !n.Hung() || p.Container("").OOMKills() > 0 {
		t.Errorf("hung %t, %d kills", n.Hung(), p.Container("").OOMKills())
	}
	h.End()
	settle(t, w)
	if n.Hung() || n.Used() != 64*mi || p.restarts() > 0 {
		t.Errorf("hung %t, %d MiB in use, %d restarts", n.Hung(), n.Used()/mi, p.restarts())
	}
}

func TestANodeThatIsFrozenAndOutOfMemoryNeedsBothToEnd(t *testing.T) {
	w := newWorld(t, small)
	n := w.Node("worker")
	h := n.Hog(4*gi, 2*gi)
	sleep(t, w, 5*time.Second)
	n.Freeze(true)
	h.End()
	if !n.frozen || n.Hung() || !n.Silent() {
		t.Error("the end of the hog ended the freeze")
	}
	n.Thaw()
	if n.frozen || n.Silent() {
		t.Error("it stands still for no reason")
	}
	n.Hog(4*gi, 2*gi)
	sleep(t, w, 5*time.Second)
	n.Freeze(false)
	n.Thaw()
	if !n.frozen || !n.Hung() {
		t.Error("the thaw gave memory back")
	}
	n.PowerOff()
	n.PowerOn()
	until(t, w, "the node", func() bool { return !n.frozen && n.Ready == corev1.ConditionTrue })
	if len(n.hogs) > 0 || n.Used() != 0 {
		t.Errorf("%d hogs outlived the power, with %d bytes", len(n.hogs), n.Used())
	}
}

// events keeps what the world tells.
type events []seatrial.Event

// Event implements [seatrial.Sink].
func (e *events) Event(one seatrial.Event) { *e = append(*e, one) }

// Interval implements [seatrial.Sink].
func (e *events) Interval(seatrial.Interval) {}

func TestTheKubeletEvictsOnePodAfterTheOtherWhereMemoryGoesSlowly(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("modest", 1, "", appPod("--memory=900Mi", resourced("1000Mi", ""))),
		deploy("greedy", 1, "", appPod("--memory=400Mi", resourced("100Mi", ""))),
		deploy("careless", 1, "", appPod("--memory=200Mi", readyz)))
	settle(t, w)
	var heard events
	w.Listen(&heard)
	n := w.Node("worker")
	n.Hog(600*mi, 10*mi)
	failed := func(app string) bool {
		for _, p := range w.Pods("default", everything) {
			if p.Template.Labels["app"] == app && p.Phase == corev1.PodFailed {
				return true
			}
		}
		return false
	}
	until(t, w, "the eviction", func() bool { return failed("greedy") })
	if failed("careless") || failed("modest") || n.Hung() || !n.Pressed() {
		t.Errorf("careless failed %t, modest %t, hung %t, pressed %t: the largest excess goes first", failed("careless"), failed("modest"), n.Hung(), n.Pressed())
	}
	relieved := w.Clock.Now()
	until(t, w, "the taint", func() bool { return n.tainted(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule) })
	sleep(t, w, time.Minute)
	if w.Missing() == nil {
		t.Error("the pod found a place on a node under pressure")
	}
	until(t, w, "the end of the pressure", func() bool { return !n.tainted(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule) })
	within(t, "from the last scarcity to the end of the pressure", w.Clock.Now()-relieved, 290*time.Second, 330*time.Second)
	evicted := 0
	for _, e := range heard {
		if change, ok := e.Data.(journal.PodChange); ok && change.Evicted && change.Phase == "Failed" && !change.Deleted {
			evicted++
		}
	}
	if evicted == 0 {
		t.Error("no event says that a pod was evicted")
	}
	w.Reset()
	until(t, w, "the empty cluster", w.Empty)
	if n.requested != (resources{}) || n.Used() != 600*mi {
		t.Errorf("%v requested and %d MiB in use by pods that are gone", n.requested, n.Used()/mi-600)
	}
}

func TestMemoryThatIsGoneBeforeTheKubeletLooksHangsTheNode(t *testing.T) {
	hung := map[int64]int{}
	for _, rate := range []int64{5 * mi, 500 * mi} {
		for seed := range 20 {
			config := small
			config.Seed = virtual.Seed(seed)
			w := newWorld(t, config)
			give(t, w, deploy("shop", 2, "", appPod("--memory=64Mi", readyz)))
			settle(t, w)
			w.Pods("default", everything)[0].Container("").Hog(4*gi, rate)
			sleep(t, w, time.Duration(2*gi/rate)*time.Second+15*time.Second)
			if w.Node("worker").Hung() {
				hung[rate]++
			}
		}
	}
	if hung[5*mi] > 0 || hung[500*mi] < 17 {
		t.Errorf("of 20 nodes %d hung by a slow leak and %d by a fast one", hung[5*mi], hung[500*mi])
	}
}

func TestTheKernelEndsAHangByKillingTheWorst(t *testing.T) {
	w := newWorld(t, small)
	give(t, w, deploy("shop", 3, "", appPod("--memory=64Mi", readyz)), deploy("kept", 1, "", appPod("--memory=900Mi", resourced("900Mi", "900Mi"))))
	settle(t, w)
	n := w.Node("worker")
	c := w.Pods("default", everything)[1].Container("")
	c.Hog(4*gi, gi)
	until(t, w, "the hang", n.Hung)
	began := w.Clock.Now()
	over := until(t, w, "its end", func() bool { return !n.Hung() }) - began
	within(t, "the hang", over, w.Timings.Thrash.Low, w.Timings.Thrash.High)
	if c.OOMKills() != 1 {
		t.Errorf("%d kills of the container that has most", c.OOMKills())
	}
	settle(t, w)
}

func TestPodsThatTogetherNeedMoreThanTheirNodeHasHangIt(t *testing.T) {
	for pods, hangs := range map[int]bool{2: false, 3: true} {
		w := newWorld(t, small)
		give(t, w, deploy("shop", pods, "", appPod("--memory=800Mi", readyz)))
		sleep(t, w, 30*time.Second)
		if got := w.Node("worker").Hung(); got != hangs {
			t.Errorf("%d pods of 800 MiB on 2 GiB: hung %t", pods, got)
		}
	}
}

func TestAPodThatFailedIsReplacedByItsController(t *testing.T) {
	spec := `{apiVersion: apps/v1, kind: %s, metadata: {name: shop}, spec: {%s selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: %s}}}`
	for kind, more := range map[string]string{"Deployment": "replicas: 1,", "StatefulSet": "replicas: 1, serviceName: shop,", "DaemonSet": ""} {
		w := newWorld(t, small)
		give(t, w, fmt.Sprintf(spec, kind, more, appPod("--memory=64Mi", readyz)))
		settle(t, w)
		first := only(t, w)
		h := w.Node("worker").Hog(2*gi, 10*mi)
		until(t, w, "the eviction", func() bool { return first.Phase == corev1.PodFailed })
		h.End()
		settle(t, w)
		for _, p := range w.Pods("default", everything) {
			if p != first && (!p.Ready || p.UID == first.UID) {
				t.Errorf("%s: %s is not another pod that is ready", kind, p.Key())
			}
		}
		w.Reset()
		until(t, w, "the empty cluster after a "+kind, w.Empty)
	}
}

func TestAPodsClassOfServiceFollowsFromRequestsAndLimits(t *testing.T) {
	for resources, want := range map[string]corev1.PodQOSClass{
		"{}":                              corev1.PodQOSBestEffort,
		"{requests: {memory: 1Mi}}":       corev1.PodQOSBurstable,
		"{limits: {memory: 1Mi}}":         corev1.PodQOSBurstable,
		"{limits: {memory: 1Mi, cpu: 1}}": corev1.PodQOSGuaranteed,
		"{requests: {memory: 1Mi, cpu: 1}, limits: {memory: 1Mi, cpu: 1}}": corev1.PodQOSGuaranteed,
		"{requests: {memory: 1Mi, cpu: 1}, limits: {memory: 2Mi, cpu: 1}}": corev1.PodQOSBurstable,
		"{requests: {memory: 1Mi}, limits: {memory: 1Mi}}":                 corev1.PodQOSBurstable,
	} {
		w := newWorld(t, small)
		give(t, w, deploy("shop", 1, "", appPod("", "resources: "+resources)))
		until(t, w, "the pod", func() bool { return len(w.Pods("default", everything)) > 0 })
		if got := only(t, w).Template.qos; got != want {
			t.Errorf("%s is %s, want %s", resources, got, want)
		}
	}
}
