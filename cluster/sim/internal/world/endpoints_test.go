package world

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const shopService = `{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}}`

// shopOf boots a cluster with a Deployment behind a service, and lets the
// proxies hear of it.
func shopOf(t *testing.T, replicas int, service, pod string) (*World, *Service) {
	t.Helper()
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, service, deploy("shop", replicas, "", pod))
	settle(t, w)
	sleep(t, w, 5*time.Second)
	return w, w.Service("default", "shop")
}

func names(pods []*Pod) string {
	var all []string
	for _, p := range pods {
		all = append(all, p.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// pkg/proxy/topology.go: CategorizeEndpoints. Terminating endpoints that serve
// are used only if none is ready, and none at all means to reject.
func TestTerminatingEndpointsAreTheFallback(t *testing.T) {
	w, s := shopOf(t, 2, shopService, appPod("--drain-time=20s", ""))
	n := w.Node("agents")
	pods := w.Pods("default", everything)
	if got := n.View(s).Endpoints(); names(got) != names(pods) {
		t.Fatalf("endpoints %s, want %s", names(got), names(pods))
	}
	w.owners = nil // nobody replaces them
	for _, p := range pods {
		p.owner = nil
	}
	pods[0].Delete(-1)
	sleep(t, w, 2*time.Second)
	if got := n.View(s).Endpoints(); names(got) != pods[1].Name || len(n.View(s).Serving) != 1 {
		t.Errorf("with one terminating: %s", names(got))
	}
	pods[1].Delete(-1)
	sleep(t, w, 2*time.Second)
	if got := n.View(s).Endpoints(); names(got) != names(pods) {
		t.Errorf("with both terminating: %s, want both", names(got))
	}
	until(t, w, "their end", func() bool { return len(w.pods) == 0 })
	sleep(t, w, 2*time.Second)
	if got := n.View(s).Endpoints(); len(got) > 0 {
		t.Errorf("with none: %s", names(got))
	}
}

// staging/src/k8s.io/endpointslice/utils.go: podToEndpoint. Ready is
// publishNotReadyAddresses, or serving and not terminating.
func TestPublishNotReadyAddressesMakesEveryPodReady(t *testing.T) {
	for publish, want := range map[string]int{"false": 0, "true": 2} {
		w := newWorld(t, Config{Workers: 2, Seed: 1})
		give(t, w, strings.Replace(shopService, "ports:", "publishNotReadyAddresses: "+publish+", ports:", 1),
			deploy("shop", 2, "", appPod("--ready-delay=100h", readyz)))
		sleep(t, w, 20*time.Second)
		if got := w.Node("agents").View(w.Service("default", "shop")).Endpoints(); len(got) != want {
			t.Errorf("publish %s: %d endpoints, want %d", publish, len(got), want)
		}
	}
}

// pkg/proxy: minSyncPeriod of a second. Changes come every 100 ms for ten
// seconds; a node's view changes with each sync.
func TestAProxyWritesItsRulesAtMostOnceASecond(t *testing.T) {
	w, s := shopOf(t, 3, shopService, appPod("", ""))
	n, other := w.Node("worker"), w.Node("worker2")
	p := w.Pods("default", everything)[0]
	for i := range 100 {
		w.Clock.Do(time.Duration(i)*100*time.Millisecond, func() { p.setReady(!p.Ready) })
	}
	var syncs []time.Duration
	last, apart, changes := n.View(s).change, 0, len(w.changes)
	sampled(t, w, 12*time.Second, func() {
		if v := n.View(s).change; v != last {
			syncs = append(syncs, w.Clock.Now())
			last = v
		}
		if n.View(s).change != other.View(s).change {
			apart++
		}
	})
	if made := len(w.changes) - changes; made < 90 {
		t.Fatalf("%d changes", made)
	}
	// Syncs begin a second apart; the rules are in force a little later.
	least := w.Timings.ProxyMinSync - (w.Timings.ProxyApply.High - w.Timings.ProxyApply.Low) - time.Millisecond
	for i := range syncs[1:] {
		if gap := syncs[i+1] - syncs[i]; gap < least {
			t.Errorf("two syncs within %v", gap)
		}
	}
	if len(syncs) < 5 || len(syncs) > 12 {
		t.Errorf("%d syncs in ten seconds", len(syncs))
	}
	if apart == 0 {
		t.Error("the nodes always agree: each should have its own lag")
	}
	if v := n.View(s); len(v.Ready) != 3 {
		t.Errorf("in the end %d are ready, want 3", len(v.Ready))
	}
}

func TestAChangeReachesEveryNodeSoon(t *testing.T) {
	w, s := shopOf(t, 2, shopService, appPod("--drain-time=20s", ""))
	p := w.Pods("default", everything)[0]
	deleted := w.Clock.Now()
	p.Delete(-1)
	knows := map[string]time.Duration{}
	sampled(t, w, 2*time.Second, func() {
		for _, n := range w.Nodes {
			if _, known := knows[n.Name]; !known && !slices.Contains(n.View(s).Endpoints(), p) {
				knows[n.Name] = w.Clock.Now() - deleted
			}
		}
	})
	if len(knows) != len(w.Nodes) {
		t.Fatalf("only %d nodes know", len(knows))
	}
	for node, after := range knows {
		within(t, node, after, 60*time.Millisecond, 300*time.Millisecond)
	}
}

// A frozen node's kernel goes on with the rules that it has.
func TestTheProxyOfAFrozenNodeIsStuckAndCatchesUp(t *testing.T) {
	w, s := shopOf(t, 2, shopService, appPod("", ""))
	frozen, well := w.Node("agents"), w.Node("control-plane")
	before := names(frozen.View(s).Endpoints())
	frozen.Freeze(false)
	old := w.Pods("default", everything)[0]
	old.Delete(-1)
	sleep(t, w, time.Minute)
	if got := names(frozen.View(s).Endpoints()); got != before {
		t.Errorf("the frozen node knows %s, want %s", got, before)
	}
	if got := names(well.View(s).Endpoints()); strings.Contains(got, old.Name) {
		t.Errorf("the others know %s", got)
	}
	frozen.Thaw()
	if got := names(frozen.View(s).Endpoints()); got != before {
		t.Errorf("caught up before it can have heard: %s", got)
	}
	sleep(t, w, 2*time.Second) // two syncs at most
	if got, want := names(frozen.View(s).Endpoints()), names(well.View(s).Endpoints()); got != want {
		t.Errorf("caught up to %s, want %s", got, want)
	}
}

// A pod that is not ready, or that has no address, gets no connections.
func TestOnlyReadyPodsAreEndpoints(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	give(t, w, shopService, deploy("shop", 2, "", appPod("--ready-delay=30s", readyz)),
		deploy("other", 1, "", appPod("", "")))
	n, s := w.Node("worker"), w.Service("default", "shop")
	sleep(t, w, 25*time.Second)
	if got := n.View(s).Endpoints(); len(got) > 0 {
		t.Errorf("endpoints before they are ready: %s", names(got))
	}
	sleep(t, w, 15*time.Second)
	if got := n.View(s).Endpoints(); len(got) != 2 {
		t.Errorf("endpoints: %s, want the two", names(got))
	}
}

func TestServicesAreFoundByTheNamesThatPodsUse(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, shopService)
	for host, found := range map[string]bool{"shop": true, "shop.default": true, "shop.default.svc": true, "shop.default.svc.cluster.local": true,
		"shop.default.svc.cluster.local.": true, "shop.other": false, "shop.default.example.com": false, "cart": false} {
		if got := w.Lookup(host, "default") != nil; got != found {
			t.Errorf("%s: found %v, want %v", host, got, found)
		}
	}
	if w.Lookup("shop", "other") != nil {
		t.Error("found from another namespace by its short name")
	}
}

// A service's targetPort is a number, a container port's name, or its own port.
func TestATargetPortLeadsToTheContainerThatListensOnIt(t *testing.T) {
	w, s := shopOf(t, 1, `{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: web}, {name: c, port: 8080}, {name: d, port: 82, targetPort: 9}]}}`,
		appPod("", "ports: [{name: web, containerPort: 8080}]"))
	p := only(t, w)
	for port, found := range map[int]bool{80: true, 81: true, 8080: true, 82: false, 83: false} {
		if got := s.Target(p, port) != nil; got != found {
			t.Errorf("port %d: found %v, want %v", port, got, found)
		}
	}
	if s.Serves(83) || !s.Serves(81) {
		t.Error("Serves is wrong about the ports")
	}
}
