package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
	"github.com/seatrial/seatrial/cluster/kube"
)

// dnsDown leaves the act to package kube; the guardian undoes it.
func (c *Cluster) dnsDown(a seatrial.DNSDown) *power {
	return &power{
		on: nobody, expires: a.Expires, api: true,
		plan: func(ctx context.Context, x *armed, p *guardian.Plan, all map[string]container) (string, error) {
			raw, err := c.Cluster.Observe(ctx, a)
			if err != nil {
				return "", err
			}
			var was kube.DNSScale
			if err := json.Unmarshal(raw, &was); err != nil {
				return "", fmt.Errorf("reading the scale of DNS: %w", err)
			}
			x.prior.API = json.RawMessage(raw)
			p.Restore = []string{"scale", "--namespace=kube-system", "deployment/" + was.Deployment, fmt.Sprintf("--replicas=%d", was.Replicas)}
			return controlPlane(all).name(), nil
		},
	}
}

// dnsTerminated cuts the pod's DNS port at its own link. Its probes are answered
// still, so Kubernetes goes on sending it queries, and a pod that is deleted
// takes its link along.
func (c *Cluster) dnsTerminated(a seatrial.DNSTerminated) *power {
	return &power{
		on: a.Pod, expires: a.Expires, drops: true,
		plan: func(ctx context.Context, x *armed, p *guardian.Plan, _ map[string]container) (string, error) {
			pod, err := c.DNSPod(ctx, a.Namespace, a.Pod)
			if err != nil {
				return "", err
			}
			if x.prior.API, err = json.Marshal(pod); err != nil {
				return "", fmt.Errorf("writing down pod %s: %w", a.Pod, err)
			}
			x.uid = pod.UID
			p.Cut = &guardian.Cut{Pod: string(pod.UID), Ports: []uint16{portDNS}}
			x.probe = &guardian.Probe{Network: "dns", Address: pod.IP + ":" + strconv.Itoa(portDNS)}
			return pod.Node, nil
		},
		see: c.bySight(c.dnsProof),
	}
}

// dnsProof: the pod does not answer and is asked all the same.
func (c *Cluster) dnsProof(ctx context.Context, x *armed, now sight) (seatrial.Proof, error) {
	if err := x.silenced(now.answer, guardian.Silent); err != nil {
		return seatrial.Proof{}, err
	}
	if err := c.InRotation(ctx, x.uid); err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "a DNS query sent to the pod itself, which was answered before, gets no answer, while its endpoint is ready in the Service's EndpointSlice",
		Evidence: map[string]string{
			"way":             "packets of port 53 are dropped at the pod's own link; its probes on other ports are answered, so it stays in rotation",
			x.probe.Address:   x.beforeAndNow(now),
			"packets dropped": strconv.FormatUint(now.CutDropped, 10),
		},
	}, nil
}
