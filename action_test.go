package seatrial_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestEveryActionIsReadBackAsItWasWritten(t *testing.T) {
	for _, a := range []seatrial.Action{
		seatrial.Freeze{Node: "n", Mode: seatrial.Blackout, Expires: time.Second},
		seatrial.Throttle{Node: "n", CPUs: 0.5, Expires: time.Second},
		seatrial.DeletePod{Namespace: "d", Name: "p"},
		seatrial.StopKubelet{Node: "n", Expires: time.Second},
		seatrial.StopRuntime{Node: "n", Expires: time.Second},
		seatrial.Partition{Node: "n", Expires: time.Second},
		seatrial.PowerOff{Node: "n", Expires: time.Second},
		seatrial.StopControlPlane{Hang: true, Expires: time.Second},
		seatrial.Cordon{Node: "n"},
		seatrial.Evict{Namespace: "d", Name: "p", Force: time.Minute},
		seatrial.Restart{Namespace: "d", Workload: "deployment/shop"},
		seatrial.DNSDown{Expires: time.Second},
		seatrial.BreakCNI{Node: "n", Expires: time.Second},
		seatrial.LoseVolume{Namespace: "d", Pod: "db-0", Volume: "data", Expires: time.Second},
		seatrial.HogMemory{Node: "n", Namespace: "d", Pod: "p", Container: "c", Bytes: 1 << 30, Rate: 1 << 20, Expires: time.Second},
		seatrial.HogMemory{Node: "n", Rate: 1 << 20, Expires: time.Second},
		seatrial.HogCPU{Node: "n", Namespace: "d", Pod: "p", Threads: 2, Expires: time.Second},
		seatrial.AddNode{Name: "n-new", Like: "n", Version: "v1.37.2"},
		seatrial.RemoveNode{Name: "n", Successor: "n-new"},
		seatrial.Deschedule{Run: "1", PodLifeTime: time.Hour, RemoveDuplicates: true, TopologySpread: seatrial.TopologySpread{ScheduleAnyway: true},
			LowNodeUtilization: seatrial.LowNodeUtilization{Targets: seatrial.Utilization{CPU: 50}}, Expires: time.Second},
		seatrial.DNSTerminated{Namespace: "kube-system", Pod: "coredns-1", Expires: time.Second},
	} {
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := seatrial.DecodeAction(a.Kind(), raw); err != nil || back != a {
			t.Errorf("%s: %+v was read back as %+v, %v", a.Kind(), a, back, err)
		}
		if a.Target() == "" {
			t.Errorf("%s has no target", a.Kind())
		}
	}
	if _, err := seatrial.DecodeAction("explode", []byte("{}")); err == nil {
		t.Error("an unknown kind was accepted")
	}
}
