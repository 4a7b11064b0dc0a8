package seatrial

import "time"

// The actions on what the API server holds: nodes' and workloads' specs, pods,
// and the cluster's DNS.

// Cordon keeps new pods off a node. Its prior state is whether the node was
// cordoned already: such a node stays so.
type Cordon struct {
	Node string `json:"node"`
}

// Evict removes a pod through the eviction API, which respects
// PodDisruptionBudgets. While a budget refuses, it asks again every 5 s, as
// kubectl drain does; each refusal is an event of [KindEviction]. The act
// returns once the pod is on its way out, or with the context's error. The end
// state is that of [DeletePod]: the pod is gone, and its controller satisfied.
type Evict struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Force is how long budgets are respected; then the pod is deleted with
	// its own grace period. Zero means for ever.
	Force time.Duration `json:"force,omitempty"`
}

// Restart gives a workload a new revision, as `kubectl rollout restart` does,
// by the annotation kubectl.kubernetes.io/restartedAt of its pod template. The
// end state is that the revision is rolled out; nothing is restored.
type Restart struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"` // "deployment/shop"; statefulset and daemonset too
}

// DNSDown takes all pods of the cluster's DNS away. Its prior state is their
// number, to which it is restored.
type DNSDown struct {
	// Expires is how long after the act DNS comes back by itself.
	Expires time.Duration `json:"expires"`
}

// DNSTerminated makes one pod of the cluster's DNS dead to everyone who asks
// it, while Kubernetes still counts it as running and sends it queries. A pod
// that is deleted meanwhile takes the fault along.
type DNSTerminated struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	// Expires is how long after the act the pod answers again by itself.
	Expires time.Duration `json:"expires"`
}

// Kind names the action.
func (Cordon) Kind() string { return "cordon" }

// Kind names the action.
func (Evict) Kind() string { return "evict" }

// Kind names the action.
func (Restart) Kind() string { return "restart" }

// Kind names the action.
func (DNSDown) Kind() string { return "dnsDown" }

// Kind names the action.
func (DNSTerminated) Kind() string { return "dnsTerminated" }

// Target is the node.
func (a Cordon) Target() string { return "node/" + a.Node }

// Target is the pod.
func (a Evict) Target() string { return "pod/" + a.Namespace + "/" + a.Name }

// Target is the workload.
func (a Restart) Target() string { return a.Workload + " in " + a.Namespace }

// Target is the service, of which a cluster has one.
func (DNSDown) Target() string { return "service/kube-system/kube-dns" }

// Target is the pod.
func (a DNSTerminated) Target() string { return "pod/" + a.Namespace + "/" + a.Pod }
