package world

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestWhatIsNotModelledIsAnErrorOrAWarning(t *testing.T) {
	for _, c := range []struct {
		name, manifest string
		fails, warns   string // a part of it; "" for none
	}{
		{"an unknown kind", `{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}`, "Widget a (example.com/v1) is not modelled", ""},
		{"a workload kind", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}}`, "not modelled", ""},
		{"an old version", `{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: a}}`, "not modelled", ""},
		{"an unknown field", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replica: 3}}`, "replica", ""},
		{"no YAML", `a: b: c`, "applying the manifests", ""},
		{"a bad percentage", deploy("a", 1, "strategy: {rollingUpdate: {maxSurge: lots}}", appPod("", "")), "maxSurge", ""},
		{"a bad flag", deploy("a", 1, "", appPod("--no-such-flag", "")), "no-such-flag", ""},
		{"an ExternalName", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: b}}`, "ExternalName", ""},
		{"an Ingress", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}`, "", "Ingress a has no effect"},
		{"an autoscaler", `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}}`, "", "HorizontalPodAutoscaler a has no effect"},
		{"hand-made endpoints", `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}}`, "", "EndpointSlice a has no effect"},
		{"a ConfigMap", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, "", ""},
		{"an empty document", "---\n", "", ""},
		{"another image", barePod("a", "app: a", `{containers: [{name: app, image: registry.example.com/team/nginx:1}]}`), "", "image nginx is not known"},
		{"a preStop command", barePod("a", "app: a", appPod("", "lifecycle: {preStop: {exec: {command: [/bin/bye]}}}")), "", "preStop hook of container app"},
		{"an exec probe", barePod("a", "app: a", appPod("", "readinessProbe: {exec: {command: [/bin/true]}}")), "", "readiness probe of container app"},
		{"a headless service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}`, "", "headless"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{Workers: 1, Seed: 1})
			err := w.Apply([]byte(c.manifest))
			switch {
			case c.fails == "" && err != nil:
				t.Errorf("error %v", err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("error %v, want one about %q", err, c.fails)
			}
			var failure *seatrial.Error
			if c.fails != "" && (!errors.As(err, &failure) || failure.Hint == "") {
				t.Errorf("%v has no hint", err)
			}
			warned := strings.Join(w.Warnings, "\n")
			if c.warns == "" && warned != "" || !strings.Contains(warned, c.warns) {
				t.Errorf("warnings %q, want %q", warned, c.warns)
			}
		})
	}
}

func TestAWarningIsSaidOnce(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	ingress := `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}`
	give(t, w, ingress, ingress)
	if len(w.Warnings) != 1 {
		t.Errorf("warnings %q", w.Warnings)
	}
}

func TestTheVersionsFrom134To137AreModelled(t *testing.T) {
	for version, known := range map[string]bool{"": true, "v1.34": true, "v1.37.1": true, "v1.33.0": false, "v2": false, "1.37": false} {
		clock := newWorld(t, Config{Workers: 1}).Clock
		if _, err := New(clock, Config{Kubernetes: version}); (err == nil) != known {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// pkg/apis/core/v1/defaults.go: SetDefaults_Probe, SetDefaults_PodSpec.
func TestDefaultsAreFilledIn(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	own := templateOf(t, w, "a", `{containers: [{name: app, readinessProbe: {httpGet: {path: /readyz, port: 80}}, lifecycle: {preStop: {exec: {command: [sh, -c, sleep 2.5]}}}}]}`)
	want := probeSpec{path: "/readyz", period: 10 * time.Second, timeout: time.Second, success: 1, failures: 3}
	if got := *own.containers[0].readiness; got != want {
		t.Errorf("probe %+v, want %+v", got, want)
	}
	if own.grace != 30*time.Second || own.containers[0].preStop != 2500*time.Millisecond {
		t.Errorf("grace %v, preStop %v", own.grace, own.containers[0].preStop)
	}
}

// k8s.io/component-helpers/resource: PodRequests.
func TestRequestsOfAPodAreAddedUpAsTheSchedulerDoes(t *testing.T) {
	request := func(name, cpu, more string) string {
		return `{name: ` + name + prefix(more) + `, resources: {requests: {cpu: ` + cpu + `}}}`
	}
	for _, c := range []struct {
		name, spec string
		want       int64
	}{
		{"containers add up", `{containers: [` + request("a", "100m", "") + `, ` + request("b", "200m", "") + `]}`, 300},
		{"the largest init container", `{initContainers: [` + request("i", "500m", "") + `, ` + request("j", "400m", "") + `], containers: [` + request("a", "100m", "") + `]}`, 500},
		{"sidecars stay", `{initContainers: [` + request("s", "50m", "restartPolicy: Always") + `], containers: [` + request("a", "100m", "") + `]}`, 150},
		{"init beside an earlier sidecar", `{initContainers: [` + request("s", "50m", "restartPolicy: Always") + `, ` + request("i", "500m", "") + `], containers: [` + request("a", "100m", "") + `]}`, 550},
		{"overhead", `{overhead: {cpu: 10m}, containers: [` + request("a", "100m", "") + `]}`, 110},
		{"limits", `{containers: [{name: a, resources: {limits: {cpu: 70m}}}]}`, 70},
	} {
		w := newWorld(t, Config{Workers: 1, Seed: 1})
		if got := templateOf(t, w, "a", c.spec).request.cpu; got != c.want {
			t.Errorf("%s: %dm, want %dm", c.name, got, c.want)
		}
	}
}

func TestResetLeavesNothingOfAWorkload(t *testing.T) {
	w := newWorld(t, Config{Workers: 2, Seed: 1})
	system := strings.Replace(deploy("coredns", 1, "", appPod("", "")), "{name: coredns}", "{name: coredns, namespace: kube-system}", 1)
	give(t, w, system, shopService, deploy("shop", 3, "", appPod("", "")), stateful(2, "", appPod("", "")), daemons(appPod("", "")),
		budget("shop", "minAvailable: 3"), barePod("bare", "app: bare", plain))
	settle(t, w)
	w.Reset()
	until(t, w, "the empty cluster", w.Empty)
	if len(w.services) > 0 || len(w.budgets) > 0 || len(w.owners) != 1 || len(w.pods) != 1 {
		t.Errorf("%d services, %d budgets, %d controllers, %d pods", len(w.services), len(w.budgets), len(w.owners), len(w.pods))
	}
	for _, n := range w.Nodes {
		if n.Name != w.Pods("", everything)[0].nodeName() && n.requested != (resources{}) {
			t.Errorf("%s: %+v is taken", n.Name, n.requested)
		}
	}
	sleep(t, w, time.Minute)
	if !w.Empty() {
		t.Error("something came back")
	}
}
