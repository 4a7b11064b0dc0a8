package seatrial

import "time"

// Timings are what the control plane and the kubelets of a cluster wait for, by
// the names of Kubernetes' own flags and fields. Zero and nil leave its default.
type Timings struct {
	// NodeMonitorGracePeriod is how long a node may be silent before it is
	// declared NotReady: kube-controller-manager --node-monitor-grace-period.
	NodeMonitorGracePeriod time.Duration `yaml:"nodeMonitorGracePeriod"`
	// NodeMonitorPeriod is between two looks at all nodes:
	// kube-controller-manager --node-monitor-period.
	NodeMonitorPeriod time.Duration `yaml:"nodeMonitorPeriod"`
	// NodeLeaseDuration is in whole seconds; kubelets renew their lease four
	// times in it: KubeletConfiguration nodeLeaseDurationSeconds.
	NodeLeaseDuration time.Duration `yaml:"nodeLeaseDuration"`
	// NodeStatusUpdateFrequency is how often a kubelet looks whether it is
	// Ready: KubeletConfiguration nodeStatusUpdateFrequency.
	NodeStatusUpdateFrequency time.Duration `yaml:"nodeStatusUpdateFrequency"`
	// TolerationSeconds is how long pods without a toleration of their own
	// stay on a node that is not ready or unreachable: kube-apiserver
	// --default-not-ready-toleration-seconds and
	// --default-unreachable-toleration-seconds.
	TolerationSeconds *int `yaml:"tolerationSeconds"`
	// NodeEvictionRate is how many lost nodes are emptied in a time:
	// kube-controller-manager --node-eviction-rate.
	NodeEvictionRate Rate `yaml:"nodeEvictionRate"`
	// SecondaryNodeEvictionRate takes its place while more than half of the
	// nodes are lost: kube-controller-manager --secondary-node-eviction-rate.
	SecondaryNodeEvictionRate Rate `yaml:"secondaryNodeEvictionRate"`
	// LargeClusterSizeThreshold is the most nodes with which a cluster counts
	// as small, and stops evicting then altogether: kube-controller-manager
	// --large-cluster-size-threshold.
	LargeClusterSizeThreshold *int `yaml:"largeClusterSizeThreshold"`
}

// DefaultTimings are those of Kubernetes 1.34 to 1.37. Sources in
// k8s.io/kubernetes v1.37.1: pkg/controller/nodelifecycle/config/v1alpha1,
// cmd/kube-controller-manager/app/options/nodelifecyclecontroller.go,
// pkg/kubelet/apis/config/v1beta1/defaults.go,
// plugin/pkg/admission/defaulttolerationseconds.
func DefaultTimings() Timings {
	toleration, large := 300, 50
	return Timings{
		NodeMonitorGracePeriod:    50 * time.Second,
		NodeMonitorPeriod:         5 * time.Second,
		NodeLeaseDuration:         40 * time.Second,
		NodeStatusUpdateFrequency: 10 * time.Second,
		TolerationSeconds:         &toleration,
		NodeEvictionRate:          0.1,
		SecondaryNodeEvictionRate: 0.01,
		LargeClusterSizeThreshold: &large,
	}
}

// WithDefaults fills in what is not set.
func (t Timings) WithDefaults() Timings {
	d := DefaultTimings()
	fill(&t.NodeMonitorGracePeriod, d.NodeMonitorGracePeriod)
	fill(&t.NodeMonitorPeriod, d.NodeMonitorPeriod)
	fill(&t.NodeLeaseDuration, d.NodeLeaseDuration)
	fill(&t.NodeStatusUpdateFrequency, d.NodeStatusUpdateFrequency)
	fill(&t.TolerationSeconds, d.TolerationSeconds)
	fill(&t.NodeEvictionRate, d.NodeEvictionRate)
	fill(&t.SecondaryNodeEvictionRate, d.SecondaryNodeEvictionRate)
	fill(&t.LargeClusterSizeThreshold, d.LargeClusterSizeThreshold)
	return t
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Departure is a timing that is not Kubernetes' default.
type Departure struct {
	Name    string  `json:"name"` // as in a scenario: "nodeMonitorGracePeriod"
	Value   float64 `json:"value"`
	Default float64 `json:"default"`
	Unit    string  `json:"unit"` // of both: "s", "nodes/s" or "nodes"
}

// Departures lists the timings that are not Kubernetes' defaults.
func (t Timings) Departures() []Departure {
	own, usual := t.WithDefaults().figures(), DefaultTimings().figures()
	var list []Departure
	for i, f := range own {
		if f.Default = usual[i].Value; f.Value != f.Default {
			list = append(list, f)
		}
	}
	return list
}

// figures are all timings, without their defaults; none may be unset.
func (t Timings) figures() []Departure {
	return []Departure{
		{Name: "nodeMonitorGracePeriod", Value: t.NodeMonitorGracePeriod.Seconds(), Unit: "s"},
		{Name: "nodeMonitorPeriod", Value: t.NodeMonitorPeriod.Seconds(), Unit: "s"},
		{Name: "nodeLeaseDuration", Value: t.NodeLeaseDuration.Seconds(), Unit: "s"},
		{Name: "nodeStatusUpdateFrequency", Value: t.NodeStatusUpdateFrequency.Seconds(), Unit: "s"},
		{Name: "tolerationSeconds", Value: float64(*t.TolerationSeconds), Unit: "s"},
		{Name: "nodeEvictionRate", Value: float64(t.NodeEvictionRate), Unit: "nodes/s"},
		{Name: "secondaryNodeEvictionRate", Value: float64(t.SecondaryNodeEvictionRate), Unit: "nodes/s"},
		{Name: "largeClusterSizeThreshold", Value: float64(*t.LargeClusterSizeThreshold), Unit: "nodes"},
	}
}
