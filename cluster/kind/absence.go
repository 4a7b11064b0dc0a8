package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// silenced is nil when the probe was answered before the act, and now has the
// answer that is wanted.
func (x *armed) silenced(answer, want guardian.Answer) error {
	switch {
	case x.first != guardian.Answered:
		return fmt.Errorf("%s was %s before the act already, which proves nothing", x.probe.Address, x.first)
	case answer != want:
		return fmt.Errorf("%s, asked from inside the node: %s, not %s", x.probe.Address, answer, want)
	}
	return nil
}

// absenceProof is for what is missing on one node: kubelet, runtime, or the way
// to the control plane.
func (x *armed) absenceProof(s guardian.State, answer guardian.Answer) (seatrial.Proof, error) {
	want, method := guardian.Refused, ""
	switch x.action.(type) {
	case seatrial.StopKubelet:
		method = "no kubelet among the node's processes, read from its host, and its port refuses connections"
	case seatrial.StopRuntime:
		method = "no container runtime among the node's processes, read from its host, and its socket refuses connections"
	case seatrial.Partition:
		want, method = guardian.Silent, "a connection from the node to the API server, which was answered before, gets no answer"
	default:
		return seatrial.Proof{}, fmt.Errorf("no proof is known for %s", x.action.Kind())
	}
	if err := errors.Join(x.silenced(answer, want), running(s, x.prior.Found.Daemons)); err != nil {
		return seatrial.Proof{}, err
	}
	p := seatrial.Proof{Method: method, Evidence: map[string]string{x.probe.Address: string(x.first) + " before, " + string(answer) + " now"}}
	if want == guardian.Refused {
		p.Evidence["daemons running"] = strings.Join(s.Daemons, ", ")
	} else {
		p.Evidence["packets dropped"] = strconv.FormatUint(s.CutDropped, 10)
	}
	return p, nil
}

// running says which of these daemons run still.
func running(s guardian.State, daemons []string) error {
	for _, name := range daemons {
		if slices.Contains(s.Daemons, name) {
			return fmt.Errorf("%s runs still", name)
		}
	}
	return nil
}

// powerProof: nothing runs, nothing gets in or out, and a heartbeat has ended.
func (x *armed) powerProof(s guardian.State) (seatrial.Proof, error) {
	err := x.heart.dead(x.at)
	switch {
	case err != nil:
	case s.Freezer != "FROZEN":
		err = fmt.Errorf("the freezer is %s", s.Freezer)
	case s.Rules < 2:
		err = fmt.Errorf("%d drop rules are in force", s.Rules)
	}
	if err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "a heartbeat inside the node that ended, and the state of its freezer and of its links, read from its host",
		Evidence: map[string]string{"freezer": s.Freezer, "drop rules": strconv.Itoa(s.Rules),
			"packets dropped": strconv.FormatUint(s.Dropped, 10)},
	}, nil
}

// controlPlaneProof: its processes are gone or stand still, and the runner, from
// outside, gets no answer.
func (c *Cluster) controlPlaneProof(ctx context.Context, x *armed, hang bool, s guardian.State, answer guardian.Answer) (seatrial.Proof, error) {
	err := running(s, controlDaemons)
	if err == nil && !hang {
		err = x.silenced(answer, guardian.Refused)
	}
	if err != nil {
		return seatrial.Proof{}, err
	}
	said, err := c.askAPI(ctx)
	if err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "none of the control plane's processes runs, read from its node's host, and the API server, asked from outside, gives no answer",
		Evidence: map[string]string{"daemons running": strings.Join(s.Daemons, ", "), "processes stopped": strconv.Itoa(len(s.Stopped)),
			"the API server, from outside": said},
	}, nil
}

// askLimit is how long the API server has to answer when nobody expects it to.
const askLimit = time.Second

// askAPI returns in words that the API server does not answer; that it does is
// the error.
func (c *Cluster) askAPI(ctx context.Context) (string, error) {
	config, err := restConfig(c.name, c.opts)
	if err != nil {
		return "", err
	}
	config = rest.CopyConfig(config)
	config.Timeout = askLimit
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a client: %w", err)
	}
	silence := client.Discovery().RESTClient().Get().AbsPath("/livez").MaxRetries(0).Do(ctx).Error()
	if silence == nil {
		return "", errors.New("the API server answers still")
	}
	return silence.Error(), ctx.Err()
}

// dnsProof: the pod does not answer and is asked all the same.
func (c *Cluster) dnsProof(ctx context.Context, x *armed, s guardian.State, answer guardian.Answer) (seatrial.Proof, error) {
	if err := x.silenced(answer, guardian.Silent); err != nil {
		return seatrial.Proof{}, err
	}
	if err := c.InRotation(ctx, x.uid); err != nil {
		return seatrial.Proof{}, err
	}
	return seatrial.Proof{
		Method: "a DNS query sent to the pod itself, which was answered before, gets no answer, while its endpoint is ready in the Service's EndpointSlice",
		Evidence: map[string]string{
			"way":             "packets of port 53 are dropped at the pod's own link; its probes on other ports are answered, so it stays in rotation",
			x.probe.Address:   string(x.first) + " before, " + string(answer) + " now",
			"packets dropped": strconv.FormatUint(s.CutDropped, 10),
		},
	}, nil
}
