package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// What the scheduler takes, and how it waits with what it cannot place.
const (
	cycle        = time.Millisecond // one pod after the other
	firstBackoff = time.Second      // pkg/scheduler: DefaultPodInitialBackoffDuration
	mostBackoff  = 10 * time.Second // DefaultPodMaxBackoffDuration
	// Of a large cluster only some nodes are looked at: at least 100, and
	// 50 % less one for each 125 nodes, at least 5 % (numFeasibleNodesToFind).
	leastNodes   = 100
	leastPercent = 5
)

// scheduler places pods one after the other.
type scheduler struct {
	world   *World
	queue   []*Pod
	waiting []*pending // cannot be placed for now
	busy    bool
	start   int         // the node to begin with, so that all have their turn
	minded  []*Template // whose pods want others near or away

	feasible []*Node // reused
	scores   []int64
}

// pending is a pod that no node takes.
type pending struct {
	pod      *Pod
	attempts int
	notUntil time.Duration
	queued   bool // to be tried again
}

func (s *scheduler) enqueue(p *Pod) {
	s.queue = append(s.queue, p)
	s.wake(s.world.Draw(s.world.Timings.Control, "scheduler", ""))
}

func (s *scheduler) wake(d time.Duration) {
	if s.busy {
		return
	}
	s.busy = true
	s.world.Clock.After(d, s, 0)
}

// Fire places one pod.
func (s *scheduler) Fire(uint64) {
	if s.world.stall(s) {
		return
	}
	s.busy = false
	if len(s.queue) == 0 {
		return
	}
	p := s.queue[0]
	s.queue = s.queue[1:]
	if !p.Gone && p.Node == nil && !p.Deleting {
		s.place(p, 0)
	}
	if len(s.queue) > 0 {
		s.wake(cycle)
	}
}

// retry: something has changed that may make room.
func (s *scheduler) retry() {
	for _, w := range s.waiting {
		s.soon(w)
	}
}

// placed: a pod has come to a node, which may let those in that want to be near
// it, or that spread.
func (s *scheduler) placed() {
	for _, w := range s.waiting {
		if own := &w.pod.Template.scheduling; own.hard || len(own.near) > 0 {
			s.soon(w)
		}
	}
}

// soon tries again once the back-off is over.
func (s *scheduler) soon(w *pending) {
	if w.queued {
		return
	}
	w.queued = true
	s.world.Clock.Do(max(w.notUntil-s.world.Clock.Now(), cycle), func() { s.again(w) })
}

func (s *scheduler) again(w *pending) {
	i := slices.Index(s.waiting, w)
	if i < 0 || !s.world.up {
		return
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	if w.pod.Gone || w.pod.Deleting {
		return
	}
	s.place(w.pod, w.attempts)
}

// place binds the pod to the best node, or lets it wait.
func (s *scheduler) place(p *Pod, attempts int) {
	n, why := s.choose(p)
	if n != nil {
		p.bind(n)
		return
	}
	wait := min(firstBackoff<<min(attempts, 10), mostBackoff)
	s.waiting = append(s.waiting, &pending{pod: p, attempts: attempts + 1, notUntil: s.world.Clock.Now() + wait})
	p.news("FailedScheduling", why)
	if !p.homeless {
		p.homeless = true
		p.tell(seatrial.Info, "no node takes it")
	}
}

// remember keeps templates whose pods have a say in where others go.
func (s *scheduler) remember(t *Template) {
	own := &t.scheduling
	if len(own.anti)+len(own.near)+len(own.attract) > 0 && !slices.Contains(s.minded, t) {
		s.minded = append(s.minded, t)
		s.world.tallies.ofTemplate(t, true)
	}
}

// choose filters and scores; a nil node comes with the reason.
func (s *scheduler) choose(p *Pod) (*Node, string) {
	nodes := s.world.Nodes
	c := s.constraints(p.Template)
	enough := enoughNodes(len(nodes))
	s.feasible = s.feasible[:0]
	refused := map[string]int{}
	looked := 0
	for ; looked < len(nodes) && len(s.feasible) < enough; looked++ {
		n := nodes[(s.start+looked)%len(nodes)]
		why := c.refuses(n)
		if why == "" {
			why = p.elsewhere(n)
		}
		if why != "" {
			refused[why]++
			continue
		}
		s.feasible = append(s.feasible, n)
	}
	if enough < len(nodes) {
		s.start = (s.start + looked) % len(nodes)
	}
	if len(s.feasible) == 0 {
		return nil, reasons(len(nodes), refused)
	}
	return s.best(p, c), ""
}

// enoughNodes is how many feasible nodes are enough.
func enoughNodes(all int) int {
	if all < leastNodes {
		return all
	}
	percent := max(leastPercent, 50-all/125)
	return max(leastNodes, all*percent/100)
}

func reasons(all int, refused map[string]int) string {
	var parts []string
	for why, n := range refused {
		parts = append(parts, fmt.Sprintf("%d %s", n, why))
	}
	slices.Sort(parts)
	return fmt.Sprintf("0/%d nodes are available: %s.", all, strings.Join(parts, ", "))
}

// best is the node with the highest score; ties are drawn.
func (s *scheduler) best(p *Pod, c *constraints) *Node {
	s.scores = c.score(s.feasible, s.scores[:0])
	highest := slices.Max(s.scores)
	ties := 0
	for _, score := range s.scores {
		if score == highest {
			ties++
		}
	}
	pick := int(s.world.Seed.Unit("tie", p.Namespace, p.serial) * float64(ties))
	for i, score := range s.scores {
		if score != highest {
			continue
		}
		if pick == 0 {
			return s.feasible[i]
		}
		pick--
	}
	return nil // not reached: pick is below ties
}

// news is a Kubernetes Event about the pod.
func (p *Pod) news(reason, message string) {
	if p.world.Sink == nil || p.Namespace == systemNamespace {
		return
	}
	p.world.Tell(seatrial.Event{Kind: seatrial.KindKubeNews,
		Subject: "pod " + p.Key(), Severity: seatrial.Warning, Message: reason + ": " + message})
}
