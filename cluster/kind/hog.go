package kind

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/cluster/kind/guardian"
	"github.com/seatrial/seatrial/cluster/kube"
)

// hogged is where a hog is, and how that was before.
type hogged struct {
	pod   podOf
	group string         // the container's id; empty on the node itself
	was   kube.Container // before the hog
	node  guardian.Group // of the whole node, before
	self  guardian.Group // of what the hog is in, before
	since time.Time      // of these looks
	idle  float64        // cores that it used before the hog
	begun time.Time      // of the hog
	at    guardian.Group // when it began
}

// podOf is a container of a pod; an empty pod is none.
type podOf struct{ namespace, pod, container string }

// hogMemory: something takes more and more memory.
func (c *Cluster) hogMemory(a seatrial.HogMemory) *power {
	p := &power{on: a.Node, expires: a.Expires}
	if a.Rate <= 0 {
		p.wrong = errors.New("hogMemory needs a rate above 0")
	}
	hog := guardian.Hog{Memory: int64(a.Bytes), Rate: int64(a.Rate), Time: a.Expires}
	p.plan = c.planHog(hog, a.Node, podOf{a.Namespace, a.Pod, a.Container})
	p.see = c.byGroups(func(ctx context.Context, x *armed, node, self guardian.Group) (seatrial.Proof, error) {
		return c.memoryProof(ctx, x, a, node, self)
	})
	return p
}

// hogCPU: something computes as much as it can.
func (c *Cluster) hogCPU(a seatrial.HogCPU) *power {
	p := &power{on: a.Node, expires: a.Expires}
	if a.Threads <= 0 {
		p.wrong = errors.New("hogCPU needs a number of threads above 0")
	}
	hog := guardian.Hog{Threads: a.Threads, Time: a.Expires}
	p.plan = c.planHog(hog, a.Node, podOf{a.Namespace, a.Pod, a.Container})
	p.see = c.byGroups(func(_ context.Context, x *armed, _, self guardian.Group) (seatrial.Proof, error) {
		return x.cpuProof(self)
	})
	return p
}

// planHog lets a hog be in a container of a pod, or where it names none on the node
// itself.
func (c *Cluster) planHog(hog guardian.Hog, on string, pod podOf) planning {
	return func(ctx context.Context, x *armed, p *guardian.Plan, all map[string]container) (string, error) {
		hog := hog // each plan has one of its own
		p.Hog, x.hog = &hog, &hogged{pod: pod}
		return on, c.placeHog(ctx, x.hog, &hog, on, all[c.machine(on)])
	}
}

// placeHog finds the place. A hog of memory that no limit of its own ends is to
// take all that the node has; there the node hangs, and its kernel may not kill
// to help itself: a cgroup without memory, unlike a machine, kills at once.
func (c *Cluster) placeHog(ctx context.Context, h *hogged, hog *guardian.Hog, on string, node container) error {
	hog.Hang = hog.Threads == 0
	if hog.Hang && node.ID != "" && node.HostConfig.Memory == 0 {
		return seatrial.Fail(seatrial.BadInput, fmt.Errorf("the container of node %s has no memory limit, so a hog would take this machine's memory", on),
			"give the nodes a size, such as clusters: [{name: main, node: {memory: 2Gi}}]")
	}
	if h.pod.pod == "" {
		return nil
	}
	was, err := c.Container(ctx, h.pod.namespace, h.pod.pod, h.pod.container)
	if err != nil {
		return err
	}
	if was.Node != on || was.ID == "" {
		return fmt.Errorf("container %s of pod %s/%s does not run on node %s", was.Name, h.pod.namespace, h.pod.pod, on)
	}
	h.was, h.group, hog.Group = was, was.ID, was.ID
	hog.Hang = hog.Hang && !was.Limited
	return nil
}

// look asks for the cgroups of the node and of what the hog is in.
func (h *hogged) look(ctx context.Context, g *guardian.Client, n guardian.Node) (node, self guardian.Group, err error) {
	node, err = g.Group(ctx, n, "")
	if self = node; err == nil && h.group != "" {
		self, err = g.Group(ctx, n, h.group)
	}
	return node, self, err
}

// restTime is how long the CPU use before a hog is measured.
const restTime = 500 * time.Millisecond

// rest sees how things are just before the hog begins. What one of CPU has to
// surpass is measured.
func (h *hogged) rest(ctx context.Context, g *guardian.Client, n guardian.Node, cpu bool) (err error) {
	if h.node, h.self, err = h.look(ctx, g, n); err != nil {
		return err
	}
	h.since = time.Now()
	if cpu {
		timer := time.NewTimer(restTime)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	if _, h.at, err = h.look(ctx, g, n); err != nil {
		return err
	}
	h.begun = time.Now()
	h.idle = cores(h.self, h.at, h.begun.Sub(h.since))
	return nil
}

func cores(from, to guardian.Group, in time.Duration) float64 {
	return (to.Computed - from.Computed).Seconds() / max(in, time.Millisecond).Seconds()
}

// byGroups is a look for a proof that the cgroups give, of the node and of what
// the hog is in.
func (c *Cluster) byGroups(proof func(ctx context.Context, x *armed, node, self guardian.Group) (seatrial.Proof, error)) proving {
	return func(ctx context.Context, x *armed) (seatrial.Proof, error) {
		var node, self guardian.Group
		err := c.link.ask(ctx, func(ctx context.Context, g *guardian.Client) (err error) {
			node, self, err = x.hog.look(ctx, g, x.prior.Node)
			return err
		})
		if err != nil {
			return seatrial.Proof{}, err
		}
		return proof(ctx, x, node, self)
	}
}

// full is the share of a limit from which on it is reached: the kernel keeps a
// few pages for each core aside.
const full = 0.98

// memoryProof: the container was killed, or its pod evicted; the node has
// nothing left; or, where there is enough, so much more is in use.
func (c *Cluster) memoryProof(ctx context.Context, x *armed, a seatrial.HogMemory, node, self guardian.Group) (seatrial.Proof, error) {
	ended := errors.New("the hog is in no container")
	if x.hog.group != "" {
		var p seatrial.Proof
		if p, ended = c.endProof(ctx, x, self); ended == nil || ctx.Err() != nil {
			return p, ended
		}
	}
	if node.Waits > x.hog.node.Waits && float64(node.Used) >= full*float64(node.Limit) {
		return seatrial.Proof{
			Method: "the memory cgroup of the node, read from its host: it is at its limit, and what needs memory there waits",
			Evidence: map[string]string{"in use": mebibytes(node.Used), "limit": mebibytes(node.Limit), "in use before": mebibytes(x.hog.node.Used),
				"waiting": strconv.FormatInt(node.Waits, 10) + ", " + strconv.FormatInt(x.hog.node.Waits, 10) + " before"},
		}, nil
	}
	more := self.Used - x.hog.self.Used
	if a.Bytes > 0 && float64(more) >= full*float64(a.Bytes) {
		return seatrial.Proof{
			Method:   "the memory cgroup that the hog is in, read from its host",
			Evidence: map[string]string{"in use": mebibytes(self.Used), "before": mebibytes(x.hog.self.Used)},
		}, nil
	}
	return seatrial.Proof{}, fmt.Errorf("%s more than before are in use, and %s of %s on the node; %w", mebibytes(more), mebibytes(node.Used), mebibytes(node.Limit), ended)
}

// endProof asks the API server what became of the container.
func (c *Cluster) endProof(ctx context.Context, x *armed, self guardian.Group) (seatrial.Proof, error) {
	pod := x.hog.pod
	now, err := c.Container(ctx, pod.namespace, pod.pod, x.hog.was.Name)
	switch {
	case err != nil:
		return seatrial.Proof{}, err
	case now.Evicted:
		return seatrial.Proof{Method: "the kubelet has evicted the pod, as its status says", Evidence: map[string]string{"message": now.Message}}, nil
	case now.LastEnd != x.hog.was.ID || now.Reason != kube.OOMKilled:
		return seatrial.Proof{}, fmt.Errorf("container %.12s has not ended for want of memory: the last that ended is %.12s, by %q, after %d restarts",
			x.hog.was.ID, now.LastEnd, now.Reason, now.Restarts)
	}
	p := seatrial.Proof{Method: "the last end of the container, as its pod's status says",
		Evidence: map[string]string{"reason": now.Reason, "restarts": fmt.Sprintf("%d, %d before", now.Restarts, x.hog.was.Restarts)}}
	if !self.Gone {
		p.Evidence["killed in its cgroup"] = strconv.FormatInt(self.Killed-x.hog.self.Killed, 10)
	}
	return p, nil
}

// What a hog of CPU uses at least, beyond what was used before, and for how long
// that is watched: a busy machine leaves little to anybody.
const (
	leastCores = 0.2
	watchTime  = time.Second
)

// cpuProof: much more CPU is used, or it is held back at its limit.
func (x *armed) cpuProof(self guardian.Group) (seatrial.Proof, error) {
	passed := time.Since(x.hog.begun)
	used := cores(x.hog.at, self, passed)
	throttled := self.Throttled - x.hog.at.Throttled
	if passed < watchTime || used < x.hog.idle+leastCores && throttled == 0 {
		return seatrial.Proof{}, fmt.Errorf("%.2f cores are used, %.2f before", used, x.hog.idle)
	}
	return seatrial.Proof{
		Method: "the CPU time of the cgroup that the hog is in, read from its host",
		Evidence: map[string]string{"cores": fmt.Sprintf("%.2f", used), "cores before": fmt.Sprintf("%.2f", x.hog.idle),
			"throttled periods": strconv.FormatInt(throttled, 10)},
	}, nil
}

func mebibytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MiB" }
