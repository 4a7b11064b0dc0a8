package world

import (
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// memory is who uses a node's memory, as its kernel knows. Pods may use what the
// node has allocatable; beyond it the kubelet evicts, hardEviction further
// nothing is left. Swap there is none.
type memory struct {
	used     int64 // by processes and hogs; what the node needs for itself is not allocatable
	hogs     []*Hog
	hung     bool          // nothing is left: everything waits for memory
	grown    time.Duration // hogs have grown until then
	reaching uint64        // of the timer at which a hog comes to a limit
	hanging  uint64        // of the timer after which the kernel kills
	pressure
}

// hardEviction is what the kubelet keeps free, and does not offer to pods
// (pkg/kubelet/eviction/defaults_linux.go: memory.available).
const hardEviction = 100 << 20

// Hog is something that takes memory, at an even rate, until it has the most
// that it wants.
type Hog struct {
	node  *Node
	in    *Container // within whose limit it is, and with which it ends; nil: the node's own
	most  int64
	rate  int64 // bytes a second
	taken int64
}

// Hog lets something on the node take memory, beside all pods. The kernel does
// not kill it.
func (n *Node) Hog(most, rate int64) *Hog { return n.hog(nil, most, rate) }

// Hog lets the container take memory; nil where it does not run.
func (c *Container) Hog(most, rate int64) *Hog {
	if c.process == nil {
		return nil
	}
	return c.pod.Node.hog(c, most, rate)
}

func (n *Node) hog(in *Container, most, rate int64) *Hog {
	n.grow()
	h := &Hog{node: n, in: in, most: most, rate: rate}
	n.hogs = append(n.hogs, h)
	n.weigh()
	return h
}

// End gives back what it took.
func (h *Hog) End() { h.node.dropHogs(func(o *Hog) bool { return o == h }) }

// Runs says whether it has not ended.
func (h *Hog) Runs() bool { return slices.Contains(h.node.hogs, h) }

// Taken is what it has so far.
func (h *Hog) Taken() int64 {
	h.node.grow()
	return h.taken
}

// Used is the memory in use by pods and hogs.
func (n *Node) Used() int64 {
	n.grow()
	return n.used
}

// Hung says whether the node has no memory left.
func (n *Node) Hung() bool { return n.hung }

// dropHogs ends some, and looks what that changes.
func (n *Node) dropHogs(which func(*Hog) bool) {
	n.grow()
	n.hogs = slices.DeleteFunc(n.hogs, func(h *Hog) bool {
		if !which(h) {
			return false
		}
		n.used -= h.taken
		return true
	})
	n.weigh()
}

// capacity is what there is for pods and hogs before nothing is left.
func (n *Node) capacity() int64 { return n.allocatable.memory + hardEviction }

// grow adds what hogs have taken since the last look.
func (n *Node) grow() {
	now := n.world.Clock.Now()
	since := now - n.grown
	n.grown = now
	if n.frozen {
		return
	}
	for _, h := range n.hogs {
		more := min(h.most-h.taken, int64(float64(h.rate)*since.Seconds()))
		h.taken += more
		n.used += more
	}
}

// weigh does what follows from how much is used now.
func (n *Node) weigh() {
	n.grow()
	if n.off || n.gone {
		return
	}
	for _, h := range slices.Clone(n.hogs) {
		if h.in != nil && h.in.overLimit() {
			h.in.oomKill() // comes back here
			return
		}
	}
	if full := n.used >= n.capacity(); full != n.hung {
		n.hang(full) // comes back here
		return
	}
	n.watch()
	n.foresee()
}

// hang: where nothing is left, every process waits for memory, the kubelet
// included, while the kernel looks in vain for pages to reclaim; its network
// goes on. It hangs until something gives memory back, or the kernel kills for
// it. On a machine without swap that takes minutes, in which the node is
// NotReady (stories: "NotReady for minutes, mostly from overload").
func (n *Node) hang(on bool) {
	n.hanging++
	n.stand(func() { n.hung = on })
	if n.hung && on {
		t := n.world.Timings
		n.world.Clock.After(n.world.Draw(t.Thrash, "thrash", n.Name), killer{n}, n.hanging)
	}
}

// killer is the kernel's OOM killer on a node that hangs.
type killer struct{ *Node }

// Fire kills what is worst, until memory is free. While a hog of the node's own
// takes whatever is freed, that is of no use.
func (k killer) Fire(turn uint64) {
	for turn == k.hanging && k.hung && !k.hungry() {
		worst := k.worst()
		if worst == nil {
			return
		}
		worst.oomKill()
	}
}

func (n *Node) hungry() bool {
	return slices.ContainsFunc(n.hogs, func(h *Hog) bool { return h.in == nil && h.taken < h.most })
}

// worst is the container that the kernel kills first: mm/oom_kill.c, oom_badness.
func (n *Node) worst() *Container {
	var worst *Container
	most := math.Inf(-1)
	for _, p := range n.pods {
		for _, c := range p.containers {
			if c.process == nil {
				continue
			}
			used, _ := c.memory()
			if bad := float64(used)*1000/float64(n.capacity()) + float64(n.scoreAdjust(c)); bad > most {
				worst, most = c, bad
			}
		}
	}
	return worst
}

// scoreAdjust is how the kubelet sets oom_score_adj (pkg/kubelet/qos/policy.go).
func (n *Node) scoreAdjust(c *Container) int64 {
	switch c.pod.Template.qos {
	case corev1.PodQOSGuaranteed:
		return -997
	case corev1.PodQOSBestEffort:
		return 1000
	}
	return min(max(1000-1000*c.spec.request.memory/n.capacity(), 3), 999)
}

// longestTimer is after what a hog is looked at anyway.
const longestTimer = time.Hour

// foresee sets the timer for when a hog has come to a limit, and for a fast one
// that is the container's, what the kubelet watches, or all there is.
func (n *Node) foresee() {
	n.reaching++
	if n.frozen {
		return
	}
	never := math.Inf(1)
	soonest := never // in seconds: what a hog wants may be out of all reach
	reach := func(left, rate int64) {
		if left > 0 && rate > 0 {
			soonest = min(soonest, float64(left)/float64(rate))
		}
	}
	var all int64
	for _, h := range n.hogs {
		if h.taken >= h.most {
			continue
		}
		all += h.rate
		reach(h.most-h.taken, h.rate)
		if h.in != nil && h.in.spec.limit.memory > 0 {
			used, rate := h.in.memory()
			reach(h.in.spec.limit.memory+1-used, rate)
		}
	}
	reach(n.allocatable.memory+1-n.used, all)
	reach(n.capacity()-n.used, all)
	if soonest < never {
		wait := time.Duration(math.Ceil(min(soonest, longestTimer.Seconds())*float64(time.Second))) + 1
		n.world.Clock.After(wait, weighing{n}, n.reaching)
	}
}

// weighing is the timer of [Node.foresee].
type weighing struct{ *Node }

// Fire implements [virtual.Handler].
func (w weighing) Fire(turn uint64) {
	if turn == w.reaching {
		w.weigh()
	}
}

// memory is what the container uses, and by how much that grows in a second.
func (c *Container) memory() (used, rate int64) {
	if c.process != nil {
		used = c.spec.memory
	}
	for _, h := range c.pod.Node.hogs {
		if h.in != c {
			continue
		}
		used += h.taken
		if h.taken < h.most {
			rate += h.rate
		}
	}
	return used, rate
}

func (c *Container) overLimit() bool {
	used, _ := c.memory()
	return c.spec.limit.memory > 0 && used > c.spec.limit.memory
}

// oomKill ends the container as the kernel does: all of its processes
// (memory.oom.group, which the kubelet sets on cgroup v2).
func (c *Container) oomKill() {
	c.oomKilled = true
	c.oomKills++
	c.process.Exit()
}

// uses counts the memory of a process that begins, and kills one that needs
// more than its limit.
func (p *Process) uses() {
	n, c := p.Pod.Node, p.container
	n.grow()
	n.used += c.spec.memory
	if c.overLimit() {
		c.oomKill()
		return
	}
	n.weigh()
}

// frees gives back what the process and the hogs in its container had.
func (p *Process) frees() {
	n := p.Pod.Node
	n.grow()
	n.used -= p.container.spec.memory
	n.dropHogs(func(h *Hog) bool { return h.in == p.container })
}

// forgetHogs: they went with the power.
func (n *Node) forgetHogs() {
	n.cpuHogs, n.hung = nil, false
	n.dropHogs(func(*Hog) bool { return true })
}
