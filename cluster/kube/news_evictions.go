package kube

import (
	"fmt"
	"maps"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// byEvictionAPI is the reason of the condition that the eviction API gives a pod
// before it deletes it (pkg/registry/core/pod/storage/eviction.go).
const byEvictionAPI = "EvictionByEvictionAPI"

// ownEviction says that seatrial asks for the eviction itself, and tells of it.
func (n *news) ownEviction(uid types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.own[uid] = true
}

// foreignEviction tells of an eviction that somebody else has asked for, once.
func (n *news) foreignEviction(o *corev1.Pod, name string) {
	c := podCondition(o, corev1.DisruptionTarget)
	if c.Status != corev1.ConditionTrue || c.Reason != byEvictionAPI || n.own[o.UID] || n.evicted[name] == o.UID {
		return
	}
	n.evicted[name] = o.UID
	n.tell(seatrial.KindEviction, name, seatrial.Info, "evicted", seatrial.Eviction{Outcome: seatrial.EvictionAccepted})
}

// evictions are those seen so far that others have asked for.
func (n *news) evictions() map[string]types.UID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.evicted)
}

// unevicted says which pods, by namespace/name, were not seen to be evicted
// since those that were.
func (n *news) unevicted(pods []string, before map[string]types.UID) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var missing []string
	for _, name := range pods {
		if uid, seen := n.evicted[name]; !seen || uid == before[name] {
			missing = append(missing, fmt.Sprintf("pod %s was not seen to be evicted", name))
		}
	}
	return firstFew(missing)
}
