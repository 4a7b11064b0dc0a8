package network

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/sim/internal/virtual"
	"github.com/seatrial/seatrial/cluster/sim/internal/world"
	"github.com/seatrial/seatrial/journal"
)

// bench is a cluster with pods of one Deployment behind a Service.
type bench struct {
	*testing.T
	clock *virtual.Clock
	world *world.World
	net   *Network
}

// sum is an interval, under a name that leaves the method free.
type sum = seatrial.Interval

// records keeps what a load came to.
type records struct {
	sum
	worst time.Duration
}

func (r *records) Event(seatrial.Event) {}
func (r *records) Interval(i seatrial.Interval) {
	r.Planned += i.Planned
	r.Sent += i.Sent
	r.Succeeded += i.Succeeded
	r.Failed += i.Failed
	r.Dropped += i.Dropped
	r.Attempts += i.Attempts
	r.Retried += i.Retried
	r.Hedged += i.Hedged
	r.Rejected += i.Rejected
	r.Hurt += i.Hurt
	r.LookupsFailed += i.LookupsFailed
	r.PoolWaited += i.PoolWaited
	r.CatchUpLimited += i.CatchUpLimited
	if r.Lookups == nil {
		r.Lookups = seatrial.Buckets{}
	}
	journal.Merge(r.Lookups, i.Lookups)
	r.worst = max(r.worst, journal.Max(i.Latency))
	for class, n := range i.Errors {
		if r.Errors == nil {
			r.Errors = map[string]int64{}
		}
		r.Errors[class] += n
	}
	for pod, n := range i.Pods {
		if r.Pods == nil {
			r.Pods = map[string]int64{}
		}
		r.Pods[pod] += n
	}
}

const coredns = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      nodeSelector: {node-role.kubernetes.io/control-plane: ""}
      tolerations: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]
      containers: [{name: coredns, image: a, command: [/seatrial-agent, app], args: ["--listen=:53"]}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {selector: {k8s-app: kube-dns}, ports: [{port: 53}]}
---
`

// newBench boots a cluster and settles it with replicas of the application.
func newBench(t *testing.T, seed uint64, replicas int, args ...string) *bench {
	t.Helper()
	clock := virtual.NewClock()
	t.Cleanup(clock.Close)
	w, err := world.New(clock, world.Config{Workers: 3, Seed: virtual.Seed(seed)})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, clock: clock, world: w, net: New(w)}
	b.apply(coredns + fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: %d
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: shop
        image: a
        command: [/seatrial-agent, app]
        args: [%s]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
`, replicas, strings.Join(args, ", ")))
	return b
}

func (b *bench) apply(manifests string) {
	b.Helper()
	if err := b.world.Apply([]byte(manifests)); err != nil {
		b.Fatal(err)
	}
	if err := b.clock.Until(b.Context(), b.world.Settled); err != nil {
		b.Fatal(err)
	}
	b.sleep(5 * time.Second) // every kube-proxy knows
}

func (b *bench) sleep(d time.Duration) {
	b.Helper()
	if err := b.clock.Sleep(b.Context(), d); err != nil {
		b.Fatal(err)
	}
}

// load is 100 requests a second for 20 s by 20 users; meanwhile runs beside it.
func (b *bench) load(change func(*seatrial.Load), meanwhile func()) *records {
	b.Helper()
	l := seatrial.Load{Name: "browse", Target: "http://shop.default.svc.cluster.local/items", Rate: 100, Users: 20}
	l.Client.Timeout = 15 * time.Second
	change(&l)
	r := &records{}
	a, err := b.net.Attack([]seatrial.LoadPlan{{Load: l, Duration: 20 * time.Second, Hurt: time.Second}}, r)
	if err == nil {
		err = a.Start(context.Background(), b.clock.Now())
	}
	if err != nil {
		b.Fatal(err)
	}
	meanwhile()
	if err := a.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	if r.Planned != r.Sent+r.Dropped || r.Sent != r.Succeeded+r.Failed {
		b.Errorf("planned %d, sent %d, dropped %d, succeeded %d, failed %d", r.Planned, r.Sent, r.Dropped, r.Succeeded, r.Failed)
	}
	return r
}

func asItIs(*seatrial.Load) {}
func nothing()              {}

// victim is a node that runs one of the pods.
func (b *bench) victim() *world.Node {
	for _, p := range b.world.Pods("default", labels.Everything()) {
		return p.Node
	}
	b.Fatal("there is no pod")
	return nil
}

func TestAHealthyClusterAnswersEverything(t *testing.T) {
	r := newBench(t, 1, 3).load(asItIs, nothing)
	if r.Succeeded != 2000 || r.Attempts != 2000 || r.worst > 100*time.Millisecond || len(r.Pods) != 3 {
		t.Errorf("%d of 2000 succeeded in %d attempts, the worst after %v, by %d pods", r.Succeeded, r.Attempts, r.worst, len(r.Pods))
	}
}

func TestAFrozenNodeAnswersAtTheThaw(t *testing.T) {
	b := newBench(t, 1, 3)
	r := b.load(asItIs, func() {
		b.sleep(5 * time.Second)
		node := b.victim()
		node.Freeze(false)
		b.sleep(4 * time.Second)
		node.Thaw()
	})
	if r.Failed != 0 || r.worst < 3900*time.Millisecond || r.worst > 4100*time.Millisecond {
		t.Errorf("%d failed, the worst came after %v; want none, and the 4 s of the freeze", r.Failed, r.worst)
	}
}

// RFC 6298, 5.5 and Linux' floor of 200 ms: what is lost at the beginning of
// 4 s is sent again after 0.2, 0.6, 1.4, 3.0 and 6.2 s and a little more.
func TestABlackoutLastsUntilTheNextRetransmission(t *testing.T) {
	b := newBench(t, 1, 3)
	r := b.load(asItIs, func() {
		b.sleep(5 * time.Second)
		node := b.victim()
		node.Freeze(true)
		b.sleep(4 * time.Second)
		node.Thaw()
	})
	if r.Failed != 0 || r.worst < 6200*time.Millisecond || r.worst > 7500*time.Millisecond {
		t.Errorf("%d failed, the worst came after %v; want none, and 6.2 s and a little", r.Failed, r.worst)
	}
}

// net.ipv4.tcp_syn_linear_timeouts is 4: SYNs go out after 1, 2, 3, 4, 5, 7,
// 11 s.
func TestANewConnectionToASilentNodeWaitsForTheNextSYN(t *testing.T) {
	b := newBench(t, 1, 3)
	r := b.load(func(l *seatrial.Load) { l.Connections = seatrial.PerRequest }, func() {
		b.sleep(5 * time.Second)
		node := b.victim()
		node.Freeze(true)
		b.sleep(5500 * time.Millisecond)
		node.Thaw()
	})
	// Later requests of a user wait in line, so the first SYN's wait of 7 s is
	// the most that one sees on its own.
	if r.Failed != 0 || r.worst < 6*time.Second || r.worst > 8*time.Second {
		t.Errorf("%d failed, the worst came after %v; want none, and 7 s at most and a little", r.Failed, r.worst)
	}
}

func TestSYNsAndRetransmissionsBackOffAsInLinux(t *testing.T) {
	at := time.Duration(0)
	for n, want := range []time.Duration{1, 2, 3, 4, 5, 7, 11, 19} {
		if at += synWait(n); at != want*time.Second {
			t.Errorf("SYN %d comes after %v, want %ds", n+1, at, want)
		}
	}
	at = 0
	for n, want := range []float64{0.2, 0.6, 1.4, 3, 6.2, 12.6} {
		if at += rtoWait(n, 0); at != time.Duration(want*1e9) {
			t.Errorf("retransmission %d comes after %v, want %vs", n+1, at, want)
		}
	}
}

func TestARequestThatWaitsTooLongTimesOut(t *testing.T) {
	b := newBench(t, 1, 3)
	r := b.load(func(l *seatrial.Load) { l.Client.Timeout = 2 * time.Second }, func() {
		b.sleep(5 * time.Second)
		b.victim().Freeze(false)
	})
	if r.Errors["timeout"] == 0 || r.Failed != r.Errors["timeout"] {
		t.Errorf("errors %v, want timeouts alone", r.Errors)
	}
}

func TestWhatIsInLineAtTheEndIsDropped(t *testing.T) {
	b := newBench(t, 1, 1)
	r := b.load(func(l *seatrial.Load) { l.Client.Timeout = 60 * time.Second }, func() {
		b.sleep(5 * time.Second)
		b.victim().Freeze(false)
	})
	// Of 15 s at 100/s each of the 20 users has one under way, and drops the rest.
	if r.Errors["timeout"] != 20 || r.Dropped < 1470 || r.Dropped > 1480 {
		t.Errorf("%d dropped, errors %v", r.Dropped, r.Errors)
	}
}

func TestAnAbruptExitBreaksPOSTsAndGoResendsGETs(t *testing.T) {
	for _, tc := range []struct {
		method string
		broken bool
	}{{"GET", false}, {"POST", true}} {
		t.Run(tc.method, func(t *testing.T) {
			b := newBench(t, 1, 6, "--service-time=200ms", "--on-sigterm=exit")
			r := b.load(func(l *seatrial.Load) { l.Method, l.Users = tc.method, 100 }, func() {
				b.sleep(5 * time.Second)
				b.world.Pods("default", labels.Everything())[0].Delete(-1)
			})
			if broken := r.Errors["eof"] > 0; broken != tc.broken || r.Failed > 20 {
				t.Errorf("errors %v", r.Errors)
			}
			if !tc.broken && r.Attempts <= r.Sent {
				t.Errorf("%d attempts for %d requests: nothing was sent again", r.Attempts, r.Sent)
			}
		})
	}
}

func TestAPodThatDrainsLosesNothing(t *testing.T) {
	for seed := range uint64(10) {
		b := newBench(t, seed, 6, "--service-time=100ms", "--on-sigterm=drain")
		r := b.load(func(l *seatrial.Load) { l.Method = "POST" }, func() {
			b.sleep(5 * time.Second)
			b.world.Pods("default", labels.Everything())[0].Delete(-1)
		})
		if r.Failed != 0 {
			t.Errorf("seed %d: %d failed: %v", seed, r.Failed, r.Errors)
		}
	}
}

func TestAServiceWithoutEndpointsRefuses(t *testing.T) {
	b := newBench(t, 1, 0)
	r := b.load(asItIs, nothing)
	if r.Errors["refused"] != 2000 {
		t.Errorf("errors %v, want 2000 refused", r.Errors)
	}
}

func TestANameThatIsNotThereFailsByDNS(t *testing.T) {
	b := newBench(t, 1, 1)
	r := b.load(func(l *seatrial.Load) { l.Target = "http://shopp.default.svc.cluster.local/" }, nothing)
	if r.Errors["dns"] != 2000 {
		t.Errorf("errors %v, want 2000 of dns", r.Errors)
	}
	if journal.Count(r.Lookups) != 2000 || r.LookupsFailed != 2000 {
		t.Errorf("%d lookups, %d failed; want 2000 of 2000", journal.Count(r.Lookups), r.LookupsFailed)
	}
}

func TestALookupIsTimedApartFromItsRequest(t *testing.T) {
	b := newBench(t, 1, 1, "--service-time=100ms")
	r := b.load(asItIs, nothing)
	if n, longest := journal.Count(r.Lookups), journal.Max(r.Lookups); n != 20 || r.LookupsFailed != 0 || longest > 20*time.Millisecond {
		t.Errorf("%d lookups, the longest of %v, %d failed; want one for each of 20 users, quick, and none", n, longest, r.LookupsFailed)
	}
	for _, p := range b.world.Pods("kube-system", labels.Everything()) {
		p.Hang(true)
	}
	r = b.load(func(l *seatrial.Load) { l.Connections, l.Client.Timeout = seatrial.PerRequest, 2*time.Second }, nothing)
	if n, longest := journal.Count(r.Lookups), journal.Max(r.Lookups); n != r.Sent || r.LookupsFailed != n || longest < 1990*time.Millisecond || longest > 2010*time.Millisecond {
		t.Errorf("%d lookups for %d requests, the longest of %v, %d failed; want all to be given up after 2 s", n, r.Sent, longest, r.LookupsFailed)
	}
}

func TestAQueueGrowsBehindALimitOfConcurrency(t *testing.T) {
	b := newBench(t, 1, 1, "--service-time=100ms", "--concurrency=2")
	r := b.load(func(l *seatrial.Load) { l.Rate = 30 }, nothing) // 20 a second can be served
	if r.worst < 200*time.Millisecond {
		t.Errorf("the worst took %v: nobody waited", r.worst)
	}
	if per := float64(r.Succeeded) / 20; per < 18 || per > 21 {
		t.Errorf("%.1f a second were served, want 20", per)
	}
}

func TestAnUpstreamThatDoesNotAnswerIsABadGateway(t *testing.T) {
	b := newBench(t, 1, 2, "--upstream=http://cart/", "--upstream-timeout=500ms")
	b.apply(`
apiVersion: v1
kind: Pod
metadata: {name: cart, labels: {app: cart}}
spec:
  containers: [{name: cart, image: a, command: [/seatrial-agent, app]}]
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}
`)
	if r := b.load(asItIs, nothing); r.Succeeded != 2000 {
		t.Fatalf("with a healthy upstream %d of 2000 succeed: %v", r.Succeeded, r.Errors)
	}
	cart := b.world.Pod("default", "cart").Node
	r := b.load(asItIs, func() {
		b.sleep(5 * time.Second)
		cart.Freeze(false)
		b.sleep(3 * time.Second)
		cart.Thaw()
	})
	if r.Errors["http-502"] == 0 {
		t.Errorf("errors %v, want http-502", r.Errors)
	}
}

func TestAUserSpreadsOverItsConnections(t *testing.T) {
	b := newBench(t, 1, 6, "--service-time=300ms")
	r := b.load(func(l *seatrial.Load) { l.Rate, l.Users, l.Connections = 20, 2, 10 }, func() {
		b.sleep(5 * time.Second)
		node := b.victim()
		node.Freeze(false)
		b.sleep(4 * time.Second)
		node.Thaw()
	})
	// Of 80 requests in the freeze those on a third of the connections wait;
	// the others go on.
	if r.Hurt == 0 || r.Hurt > 40 {
		t.Errorf("%d hurt", r.Hurt)
	}
}

func TestNamesFollowTheSearchList(t *testing.T) {
	for host, want := range map[string]int{
		"shop.default.svc.cluster.local.": 1, // absolute
		"shop.default.svc.cluster.local":  4, // four dots, fewer than ndots: 5
		"shop":                            1, // the namespace's own
		"shop.default":                    2,
		"shop.default.svc":                3,
		"a.b.c.d.e.f":                     1,
	} {
		if got := names(host, "default"); got != want {
			t.Errorf("%s: %d names are asked for, want %d", host, got, want)
		}
	}
}
