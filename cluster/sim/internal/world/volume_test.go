package world

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// keeper is a StatefulSet whose application keeps its data on a volume.
func keeper(replicas int, probes string) string {
	pod := appPod("--data=/data/file", "volumeMounts: [{name: data, mountPath: /data}], "+probes)
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: %d,
selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: %s},
volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}`, replicas, pod)
}

func TestAVolumeTiesEveryPodThatHasItToItsNode(t *testing.T) {
	w := newWorld(t, Config{Workers: 3, Seed: 1})
	give(t, w, keeper(1, readyz))
	settle(t, w)
	n := only(t, w).Node
	n.Cordon(true)
	only(t, w).Delete(-1)
	sleep(t, w, 2*time.Minute)
	if p := only(t, w); p.Node != nil || p.elsewhere(n) != "" || !strings.Contains(p.elsewhere(w.Node("agents")), "node affinity") {
		t.Errorf("the next pod is on %s, while the node of its volume takes none", p.nodeName())
	}
	n.Cordon(false)
	settle(t, w)
	if p := only(t, w); p.Node != n {
		t.Errorf("it is on %s, and its volume on %s", p.nodeName(), n.Name)
	}
	w.Reset()
	until(t, w, "the empty cluster", w.Empty)
	if len(w.claims) > 0 {
		t.Errorf("after a reset there are volumes: %v", w.claims)
	}
}

func TestAPodWaitsForItsClaim(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, barePod("p", "a: b", `{volumes: [{name: data, persistentVolumeClaim: {claimName: mine}}], containers: [{name: app, image: x}]}`))
	sleep(t, w, time.Minute)
	if p := only(t, w); p.Node != nil {
		t.Fatalf("it was scheduled to %s without its claim", p.nodeName())
	}
	give(t, w, `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: mine}, spec: {storageClassName: fast}}`)
	until(t, w, "the pod", func() bool { return only(t, w).Ready })
	if len(w.Warnings) != 2 || !strings.Contains(w.Warnings[1], `StorageClass "fast"`) {
		t.Errorf("warned %q", w.Warnings)
	}
}

// Not by restarts, of which a liveness probe makes more, but by its deletion.
func TestALostVolumeIsLostToItsPodUntilThatIsDeleted(t *testing.T) {
	for _, probes := range []string{readyz, readyz + `, livenessProbe: {periodSeconds: 10, httpGet: {path: /readyz, port: 8080}}`} {
		w := newWorld(t, Config{Workers: 2, Seed: 1})
		give(t, w, keeper(1, probes))
		settle(t, w)
		p := only(t, w)
		if !p.Mounts("data") || p.Mounts("cache") {
			t.Error("it has other volumes than in its spec")
		}
		p.LoseVolume("data", true)
		if p.Without("data") {
			t.Error("a container without the volume runs at once")
		}
		sleep(t, w, 10*time.Minute)
		for waited := time.Duration(0); !p.Without("data") && waited < 10*time.Minute; waited += time.Second {
			sleep(t, w, time.Second) // while it backs off
		}
		if p.Ready || !p.Without("data") || !p.containers[0].process.Broken() {
			t.Errorf("ready %t, without its volume %t", p.Ready, p.Without("data"))
		}
		if restarts, liveness := p.containers[0].restarts, strings.Contains(probes, "liveness"); liveness != (restarts > 1) {
			t.Errorf("%d restarts, with liveness %t", restarts, liveness)
		}
		p.Delete(-1)
		settle(t, w)
		if next := only(t, w); next == p || next.Node != p.Node || next.Lost("data") {
			t.Error("the pod that took its place has the volume on another node, or lost")
		}
	}
}

func TestAVolumeThatIsBackIsFoundByTheNextStart(t *testing.T) {
	w := newWorld(t, Config{Workers: 1, Seed: 1})
	give(t, w, keeper(1, readyz))
	settle(t, w)
	p := only(t, w)
	p.Node.PowerOff()
	p.LoseVolume("data", true)
	sleep(t, w, time.Minute)
	p.Node.PowerOn()
	sleep(t, w, 30*time.Second)
	if p.Ready || !p.Without("data") {
		t.Errorf("ready %t, without its volume %t", p.Ready, p.Without("data"))
	}
	p.LoseVolume("data", false)
	settle(t, w)
	if only(t, w) != p || !p.Ready || p.Without("data") {
		t.Error("the same pod is not whole again")
	}
}
