package kube

import (
	"context"
	"fmt"

	"github.com/seatrial/seatrial"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// dnsLabels is on the cluster's DNS everywhere: the Deployment, its pods
	// and its Service, whatever the server is.
	dnsLabels  = "k8s-app=kube-dns"
	dnsService = "kube-dns"
)

// DNSScale is the prior state of the cluster's DNS: a Deployment and the exact
// number of its replicas.
type DNSScale struct {
	Deployment string    `json:"deployment"` // in kube-system
	UID        types.UID `json:"uid"`
	Replicas   int32     `json:"replicas"`
}

// dnsDown is a [seatrial.DNSDown].
type dnsDown struct {
	*Cluster
	a seatrial.DNSDown
}

func (d dnsDown) observe(ctx context.Context) (any, error) {
	found, err := d.client.AppsV1().Deployments(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: dnsLabels})
	if err != nil {
		return nil, fmt.Errorf("finding the cluster's DNS: %w", err)
	}
	if len(found.Items) != 1 {
		return nil, seatrial.Fail(seatrial.BadInput, fmt.Errorf("%d deployments of %s are labelled %s", len(found.Items), metav1.NamespaceSystem, dnsLabels),
			"this fault needs exactly one, such as kubeadm's CoreDNS")
	}
	was := found.Items[0]
	d.keep(d.a, observation{uid: was.UID})
	return DNSScale{was.Name, was.UID, orOne(was.Spec.Replicas)}, nil
}

func (d dnsDown) act(ctx context.Context) error {
	o, err := d.recall(d.a)
	if err != nil {
		return err
	}
	for _, known := range d.cache.state().deployments {
		if known.UID == o.uid {
			return d.scale(ctx, DNSScale{known.Name, o.uid, 0})
		}
	}
	return fmt.Errorf("%s of %s: its deployment is gone", d.a.Kind(), d.a.Target())
}

// scale asks for a number of replicas of just that deployment.
func (d dnsDown) scale(ctx context.Context, to DNSScale) error {
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"replicas":%d}}`, to.UID, to.Replicas)
	_, err := d.client.AppsV1().Deployments(metav1.NamespaceSystem).Patch(ctx, to.Deployment, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("scaling %s to %d: %w", to.Deployment, to.Replicas, err)
	}
	return nil
}

// prove returns once no pod of DNS is left and no endpoint of its Service can
// be asked.
func (d dnsDown) prove(ctx context.Context) (seatrial.Proof, error) {
	err := d.agree(ctx, func() []string { return d.alive(d.cache.pods()) }, func(ctx context.Context) ([]string, error) {
		pods, err := d.podsIn(ctx, metav1.NamespaceSystem)
		if err != nil {
			return nil, err
		}
		if left := d.alive(pods); len(left) > 0 {
			return left, nil
		}
		// Nobody watches slices, so what is left there is asked for again.
		ready, err := d.dnsEndpoints(ctx)
		if err == nil && len(ready) > 0 {
			err = fmt.Errorf("%d endpoints of service %s are ready still", len(ready), dnsService)
		}
		return nil, err
	})
	if err != nil {
		return seatrial.Proof{}, fmt.Errorf("proving that DNS is down: %w", err)
	}
	return seatrial.Proof{Method: "no pod of DNS is left, and no endpoint of its Service, as a watch and a read of the API server saw it",
		Evidence: map[string]string{"pods": "0", "ready endpoints": "0"}}, nil
}

// alive names the pods of DNS that are still there.
func (d dnsDown) alive(pods []*corev1.Pod) []string {
	selector := labels.SelectorFromSet(labels.Set{"k8s-app": dnsService})
	var left []*corev1.Pod
	for _, p := range pods {
		if p.Namespace == metav1.NamespaceSystem && selector.Matches(labels.Set(p.Labels)) {
			left = append(left, p)
		}
	}
	return names(left)
}

// dnsEndpoints are the ready endpoints of DNS, read live.
func (c *Cluster) dnsEndpoints(ctx context.Context) ([]discoveryv1.Endpoint, error) {
	slices, err := c.client.DiscoveryV1().EndpointSlices(metav1.NamespaceSystem).List(ctx,
		metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + dnsService})
	if err != nil {
		return nil, fmt.Errorf("listing the endpoints of DNS: %w", err)
	}
	var ready []discoveryv1.Endpoint
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready = append(ready, e)
			}
		}
	}
	return ready, nil
}

// revert restores the number of replicas, and returns once they are ready. A
// deployment that is gone has none.
func (d dnsDown) revert(ctx context.Context, prior []byte) error {
	was, err := readPrior[DNSScale](d.a, prior)
	if err != nil {
		return err
	}
	now, err := d.client.AppsV1().Deployments(metav1.NamespaceSystem).Get(ctx, was.Deployment, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && now.UID != was.UID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading deployment %s: %w", was.Deployment, err)
	}
	if orOne(now.Spec.Replicas) != was.Replicas {
		if err := d.scale(ctx, was); err != nil {
			return err
		}
	}
	err = d.agree(ctx, func() []string { return unscaled(d.cache.state(), was) }, func(ctx context.Context) ([]string, error) {
		now := state{}
		err := d.liveIn(ctx, metav1.NamespaceSystem, &now)
		return unscaled(now, was), err
	})
	if err != nil {
		return fmt.Errorf("waiting for DNS to come back: %w", err)
	}
	return nil
}

// unscaled says what DNS lacks until it is as before.
func unscaled(now state, was DNSScale) []string {
	for _, d := range now.deployments {
		if d.UID == was.UID && orOne(d.Spec.Replicas) != was.Replicas {
			return []string{fmt.Sprintf("deployment %s has %d replicas, not %d", d.Name, orOne(d.Spec.Replicas), was.Replicas)}
		}
	}
	var pods []*corev1.Pod
	for _, p := range now.pods {
		if p.Namespace == metav1.NamespaceSystem {
			pods = append(pods, p)
		}
	}
	return now.unwhole(was.UID, pods)
}

// DNSPod is a pod of the cluster's DNS as its clients reach it.
type DNSPod struct {
	UID  types.UID
	Node string
	IP   string
}

// DNSPod finds a pod and checks that it is one of DNS and in rotation: ready in
// the Service's EndpointSlices.
func (c *Cluster) DNSPod(ctx context.Context, namespace, name string) (DNSPod, error) {
	p, err := c.livePod(ctx, podName{namespace, name})
	if err != nil {
		return DNSPod{}, err
	}
	if p == nil {
		return DNSPod{}, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no pod %s/%s", namespace, name), "choose one of "+dnsLabels)
	}
	found := DNSPod{UID: p.UID, Node: p.Spec.NodeName, IP: p.Status.PodIP}
	return found, c.InRotation(ctx, p.UID)
}

// InRotation is nil while DNS queries go to the pod of that UID.
func (c *Cluster) InRotation(ctx context.Context, uid types.UID) error {
	ready, err := c.dnsEndpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range ready {
		if e.TargetRef != nil && e.TargetRef.UID == uid {
			return nil
		}
	}
	return fmt.Errorf("the pod is not among the ready endpoints of service %s", dnsService)
}
