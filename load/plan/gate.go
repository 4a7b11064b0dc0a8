package plan

import (
	"container/heap"
	"time"

	"github.com/seatrial/seatrial"
)

const (
	// burst is how far sends may run ahead of an even pace while a generator
	// catches up. Less would make it fall behind on a machine whose timers are
	// late.
	burst = 10 * time.Millisecond
	// margin widens the window in which sends are counted: from the decision to
	// the wire is a little way, which no request is to take into the next one.
	margin = 2 * time.Millisecond
)

// Gate holds back the requests of one agent's users so that no more than
// [seatrial.Load.InFlight] are under way, and that they catch up no faster than
// [seatrial.Load.CatchUp]. The oldest goes first. It is pure: it has neither
// clock nor lock, and the engine and the simulator ask it alike. All times are
// since the attack's start.
type Gate struct {
	plan    Plan
	most    int     // under way at once; zero is no bound
	catchUp float64 // times the plan; zero is no bound
	share   float64 // of the load's requests that are this agent's

	line  line
	under int
	freed time.Duration // when the last place became free in a full pool
	next  float64       // planned requests at which the next send is due at an even pace
	sends []time.Duration
}

// Pass lets a request through.
type Pass struct {
	Number int64
	Since  time.Duration // when it came to the gate
	Ready  time.Duration // since when nothing but the generator held it
	// CatchUp says what held it until then: that, or the pool.
	CatchUp bool
}

// Waited is how long the request waited for a place in the pool, or for its
// turn in catching up: the one that held it last has all of it.
func (p Pass) Waited() (pool, catchUp time.Duration) {
	if p.CatchUp {
		return 0, p.Ready - p.Since
	}
	return p.Ready - p.Since, 0
}

// NewGate is the gate of agent index of so many; nil for a load without bounds.
func NewGate(l seatrial.Load, index, agents int) *Gate {
	if l.InFlight == 0 && l.CatchUp == 0 {
		return nil
	}
	p := New(l)
	g := &Gate{plan: p, catchUp: float64(l.CatchUp), share: float64(len(p.Share(index, agents))) / float64(p.users)}
	if l.InFlight > 0 {
		g.most = (l.InFlight + agents - 1 - index) / agents
	}
	return g
}

// Wait puts request i in line.
func (g *Gate) Wait(i int64, now time.Duration) { heap.Push(&g.line, waiting{i, now}) }

// Leave says that a request which passed is over.
func (g *Gate) Leave(now time.Duration) {
	if g.under == g.most {
		g.freed = now
	}
	g.under--
}

// Next lets the oldest request through. Where none may pass, again is when to
// ask again; zero is at the next [Gate.Wait] or [Gate.Leave].
func (g *Gate) Next(now time.Duration) (pass Pass, ok bool, again time.Duration) {
	if len(g.line) == 0 || g.most > 0 && g.under >= g.most {
		return Pass{}, false, 0
	}
	paced := g.paced(now)
	if paced > now {
		return Pass{}, false, paced
	}
	w := heap.Pop(&g.line).(waiting)
	g.under++
	g.sent(now)
	return Pass{Number: w.number, Since: w.since, Ready: max(w.since, g.freed, paced),
		CatchUp: paced > max(w.since, g.freed)}, true, 0
}

// paced is from when on catching up allows the next send.
func (g *Gate) paced(now time.Duration) time.Duration {
	if g.catchUp == 0 {
		return 0
	}
	at := g.plan.when(g.next) - burst
	if at >= never-burst { // the plan is over, and what is left has no pace
		at = 0
	}
	for len(g.sends) > 0 && g.sends[0]+seatrial.Width+margin <= now {
		g.sends = g.sends[1:]
	}
	if n := len(g.sends); n > 0 && n >= g.allowed(now) {
		at = max(at, g.sends[0]+seatrial.Width+margin)
	}
	return at
}

// allowed is how many sends a window that ends now may have: one more than
// planned in any case, so that nothing which is on time is ever held.
func (g *Gate) allowed(now time.Duration) int {
	planned := g.share * (g.plan.at(now) - g.plan.at(now-seatrial.Width-margin))
	bound := g.catchUp * g.share * (g.plan.at(now) - g.plan.at(now-seatrial.Width))
	return max(int(planned+rounding)+1, int(bound+rounding))
}

// rounding is what a sum of requests may be off by.
const rounding = 1e-6

// sent counts a send.
func (g *Gate) sent(now time.Duration) {
	if g.catchUp > 0 {
		g.sends = append(g.sends, now)
		g.next = max(g.next, g.plan.at(now)) + 1/(g.catchUp*g.share)
	}
}

// Drain empties the line, and returns who was in it.
func (g *Gate) Drain() []int64 {
	var numbers []int64
	for len(g.line) > 0 {
		numbers = append(numbers, heap.Pop(&g.line).(waiting).number)
	}
	return numbers
}

// waiting is a request in line.
type waiting struct {
	number int64
	since  time.Duration
}

// line is a heap of requests, the oldest at the front.
type line []waiting

func (l line) Len() int           { return len(l) }
func (l line) Less(i, j int) bool { return l[i].number < l[j].number }
func (l line) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *line) Push(w any)        { *l = append(*l, w.(waiting)) }
func (l *line) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
