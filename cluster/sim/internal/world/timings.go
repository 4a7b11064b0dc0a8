package world

import (
	"time"

	"github.com/seatrial/seatrial"
)

// Timings are what a cluster's components wait for. Paths are those of
// k8s.io/kubernetes v1.37.1; "kind" marks what was measured on a kind cluster
// of that version and depends on the machine.
type Timings struct {
	// Node life cycle.
	LeaseRenew        time.Duration // pkg/kubelet/kubelet.go: a quarter of the lease's 40 s
	MonitorPeriod     time.Duration // pkg/controller/nodelifecycle/config: NodeMonitorPeriod
	GracePeriod       time.Duration // NodeMonitorGracePeriod, 50 s since 1.32
	EvictionRate      float64       // nodes a second and zone: --node-eviction-rate
	SecondaryRate     float64       // in a zone with partial disruption: --secondary-node-eviction-rate
	LargeCluster      int           // nodes; at or below, the secondary rate is 0: --large-cluster-size-threshold
	UnhealthyZone     float64       // share of NotReady nodes that is a partial disruption: --unhealthy-zone-threshold
	DefaultToleration time.Duration // plugin/pkg/admission/defaulttolerationseconds
	GarbagePeriod     time.Duration // pkg/controller/podgc: gcCheckPeriod
	OrphanQuarantine  time.Duration // pkg/controller/podgc: quarantineTime
	StatusTick        time.Duration // pkg/kubelet/status: syncPeriod
	StatusUpdate      time.Duration // pkg/kubelet/apis/config: NodeStatusUpdateFrequency

	// Kubelet.
	SyncBackoff   Range         // pkg/kubelet/pod_workers.go: backOffPeriod, with its jitter
	Relist        time.Duration // pkg/kubelet: genericPlegRelistPeriod
	RuntimeMissed time.Duration // pkg/kubelet/runtime.go: maxWaitForContainerRuntime
	RuntimeCheck  time.Duration // pkg/kubelet/kubelet.go: updateRuntimeUp
	BackoffFirst  time.Duration // pkg/kubelet: containerBackOffPeriod
	BackoffLimit  time.Duration // pkg/kubelet: MaxContainerBackOff
	BackoffReset  time.Duration // twice the limit, client-go/util/flowcontrol
	MinimumGrace  time.Duration // pkg/kubelet/kuberuntime: minimumGracePeriodInSeconds
	DefaultGrace  time.Duration // pkg/apis/core/v1: DefaultTerminationGracePeriodSeconds
	EvictionRetry time.Duration // staging/src/k8s.io/kubectl/pkg/drain: retries after 5 s

	// The descheduler's client, as of client-go when nothing is asked for:
	// staging/src/k8s.io/client-go/rest/config.go: DefaultQPS, DefaultBurst.
	EvictionQPS   float64
	EvictionBurst int
	// Memory.
	Housekeeping       time.Duration // pkg/kubelet/kubelet.go: evictionMonitoringPeriod
	CleanupLimit       time.Duration // pkg/kubelet/eviction: podCleanupTimeout
	PressureTransition time.Duration // pkg/kubelet/apis/config: EvictionPressureTransitionPeriod
	// Thrash is how long a node without free memory hangs before the kernel
	// kills. Teams saw nodes NotReady for minutes; nobody has measured it.
	Thrash Range

	// kube-proxy.
	ProxyMinSync time.Duration // pkg/proxy/apis/config: iptables.minSyncPeriod

	// Latencies of a small cluster; each is drawn between its two ends.
	Host        Range // something is done to a node from its host (kind)
	Confirm     Range // it is seen to be undone: two looks, a quarter of a second apart (kind)
	API         Range // a request to the API server from outside (kind)
	News        Range // a change reaches a watch from outside (kind)
	Control     Range // a change is seen and acted on by a controller or by the scheduler (kind)
	Watch       Range // a change reaches a kubelet or a kube-proxy (kind)
	Sandbox     Range // a pod's sandbox and network are made (kind)
	Start       Range // a container is created and started (kind)
	Signal      Range // from a kubelet's decision to end a container to its first signal (kind)
	Launch      Range // from a container's start to its application's first instruction that matters (kind)
	Boot        Range // from power to the kubelet (kind)
	Teardown    Range // from the last container's end to the pod's address being gone (kind)
	Removal     Range // from there to the object being gone (kind)
	ProxyApply  Range // kube-proxy writes its rules (kind)
	Descheduler Range // from the descheduler's Job to its first eviction (a guess)
}

// Range is a time that is drawn evenly from [Low, High).
type Range struct{ Low, High time.Duration }

// Kubernetes137 are the timings of Kubernetes 1.37 as kubeadm and kind leave
// them.
func Kubernetes137() Timings {
	return Timings{
		LeaseRenew:         10 * time.Second,
		MonitorPeriod:      5 * time.Second,
		GracePeriod:        50 * time.Second,
		EvictionRate:       0.1,
		SecondaryRate:      0.01,
		LargeCluster:       50,
		UnhealthyZone:      0.55,
		DefaultToleration:  300 * time.Second,
		GarbagePeriod:      20 * time.Second,
		OrphanQuarantine:   40 * time.Second,
		StatusTick:         10 * time.Second,
		StatusUpdate:       10 * time.Second,
		SyncBackoff:        Range{10 * time.Second, 15 * time.Second},
		Relist:             time.Second,
		RuntimeMissed:      30 * time.Second,
		RuntimeCheck:       5 * time.Second,
		BackoffFirst:       10 * time.Second,
		BackoffLimit:       300 * time.Second,
		BackoffReset:       600 * time.Second,
		MinimumGrace:       2 * time.Second,
		DefaultGrace:       30 * time.Second,
		EvictionRetry:      5 * time.Second,
		ProxyMinSync:       time.Second,
		EvictionQPS:        5,
		EvictionBurst:      10,
		Housekeeping:       10 * time.Second,
		CleanupLimit:       30 * time.Second,
		PressureTransition: 5 * time.Minute,
		Thrash:             Range{2 * time.Minute, 5 * time.Minute},
		Host:               Range{5 * time.Millisecond, 60 * time.Millisecond},
		Confirm:            Range{300 * time.Millisecond, 600 * time.Millisecond},
		API:                Range{10 * time.Millisecond, 250 * time.Millisecond},
		News:               Range{500 * time.Microsecond, 6 * time.Millisecond},
		Control:            Range{5 * time.Millisecond, 25 * time.Millisecond},
		Watch:              Range{5 * time.Millisecond, 20 * time.Millisecond},
		Sandbox:            Range{300 * time.Millisecond, 700 * time.Millisecond},
		Start:              Range{100 * time.Millisecond, 300 * time.Millisecond},
		Signal:             Range{10 * time.Millisecond, 100 * time.Millisecond},
		Launch:             Range{50 * time.Millisecond, 450 * time.Millisecond},
		Boot:               Range{2 * time.Second, 4 * time.Second},
		Teardown:           Range{300 * time.Millisecond, 600 * time.Millisecond},
		Removal:            Range{300 * time.Millisecond, 1000 * time.Millisecond},
		ProxyApply:         Range{50 * time.Millisecond, 250 * time.Millisecond},
		Descheduler:        Range{2 * time.Second, 5 * time.Second},
	}
}

// With are t with what a scenario sets instead.
func (t Timings) With(s seatrial.Timings) Timings {
	s = s.WithDefaults()
	t.LeaseRenew = s.NodeLeaseDuration / 4 // pkg/kubelet/kubelet.go: nodeLeaseRenewIntervalFraction
	t.MonitorPeriod = s.NodeMonitorPeriod
	t.GracePeriod = s.NodeMonitorGracePeriod
	t.StatusUpdate = s.NodeStatusUpdateFrequency
	t.DefaultToleration = time.Duration(*s.TolerationSeconds) * time.Second
	t.EvictionRate = float64(s.NodeEvictionRate)
	t.SecondaryRate = float64(s.SecondaryNodeEvictionRate)
	t.LargeCluster = *s.LargeClusterSizeThreshold
	return t
}

// versions are the minors that are modelled. All that differs between them is
// [World].forgetful.
var versions = []string{"v1.34", "v1.35", "v1.36", "v1.37"}
