package kind

import (
	"fmt"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/seatrial/seatrial"
)

// arguments are flags of one component by their names.
type arguments map[string]string

// timingPatches are the merge patches on kubeadm's configuration that set t;
// what is Kubernetes' default is left out. Written without a version, kind
// applies them to every version of that configuration.
func timingPatches(t seatrial.Timings) ([]string, error) {
	manager, server, kubelet := arguments{}, arguments{}, map[string]any{}
	for _, d := range t.Departures() {
		switch d.Name {
		case "nodeMonitorGracePeriod":
			manager["node-monitor-grace-period"] = t.NodeMonitorGracePeriod.String()
		case "nodeMonitorPeriod":
			manager["node-monitor-period"] = t.NodeMonitorPeriod.String()
		case "nodeEvictionRate":
			manager["node-eviction-rate"] = strconv.FormatFloat(d.Value, 'f', -1, 64)
		case "secondaryNodeEvictionRate":
			manager["secondary-node-eviction-rate"] = strconv.FormatFloat(d.Value, 'f', -1, 64)
		case "largeClusterSizeThreshold":
			manager["large-cluster-size-threshold"] = strconv.Itoa(*t.LargeClusterSizeThreshold)
		case "tolerationSeconds":
			server["default-not-ready-toleration-seconds"] = strconv.Itoa(*t.TolerationSeconds)
			server["default-unreachable-toleration-seconds"] = strconv.Itoa(*t.TolerationSeconds)
		case "nodeLeaseDuration":
			kubelet["nodeLeaseDurationSeconds"] = int(d.Value)
		case "nodeStatusUpdateFrequency":
			kubelet["nodeStatusUpdateFrequency"] = t.NodeStatusUpdateFrequency.String()
			// Otherwise it would follow (pkg/kubelet/apis/config/v1beta1/defaults.go).
			kubelet["nodeStatusReportFrequency"] = "5m"
		default:
			return nil, fmt.Errorf("the timing %s is unknown to kind", d.Name)
		}
	}
	cluster := map[string]any{}
	for component, args := range map[string]arguments{"controllerManager": manager, "apiServer": server} {
		if len(args) > 0 {
			cluster[component] = map[string]any{"extraArgs": args}
		}
	}
	var patches []string
	for _, p := range []struct {
		kind string
		body map[string]any
	}{{"ClusterConfiguration", cluster}, {"KubeletConfiguration", kubelet}} {
		if len(p.body) == 0 {
			continue
		}
		p.body["kind"] = p.kind
		text, err := yaml.Marshal(p.body)
		if err != nil {
			return nil, fmt.Errorf("writing a patch of kubeadm's configuration: %w", err)
		}
		patches = append(patches, string(text))
	}
	return patches, nil
}
