package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/report/statistics"
)

// podChange is how a pod is since some time.
type podChange struct {
	at   time.Duration
	name string // namespace/name
	journal.PodChange
}

// pods is what became of all pods until the end of the load. It needs time and
// memory for each change, not for each moment.
type pods struct {
	end       time.Duration
	now       map[string]*pod
	ready     int
	levels    []level
	known     bool // some pod was there when the trial began
	began     bool // some pod came, or had not been ready yet, since then
	pending   time.Duration
	homeless  time.Duration // of it, after the scheduler had tried
	starting  time.Duration
	restarts  int
	oomKills  int
	evicted   int             // by kubelets
	gaps      map[string]*gap // by workload
	lost      int
	missedFor []float64 // seconds, of those that were replaced
}

// level is how many pods, or nodes, are ready since some time.
type level struct {
	at    time.Duration
	ready int
}

// pod is the last that is known of one.
type pod struct {
	podChange
	since   time.Duration // when it came
	unready time.Duration // since when it is not ready
	begun   bool          // it has been ready
}

// gap matches the losses of one workload with the pods that come up, in order.
type gap struct {
	open  []loss
	ahead int // pods that came up before one was lost
}

type loss struct {
	at      time.Duration
	counted bool // in the trial, not before
}

// pods replays the changes.
func (f *Fold) pods() *pods {
	changes := slices.Clone(f.changes)
	slices.SortStableFunc(changes, func(a, b podChange) int { return cmp.Compare(a.at, b.at) })
	p := &pods{end: f.window.end(), now: map[string]*pod{}, gaps: map[string]*gap{}}
	for _, c := range changes {
		if c.at < p.end && !c.System {
			p.take(c)
		}
	}
	for _, last := range p.now {
		p.pass(last, p.end)
	}
	return p
}

func (p *pods) take(c podChange) {
	last := p.now[c.name]
	if last == nil {
		if c.Deleted {
			return
		}
		last = &pod{since: c.at, unready: c.at}
		last.at = c.at
		last.Phase = unborn
	}
	p.known = p.known || c.at <= 0
	p.began = p.began || c.at >= 0 && last.Phase == unborn
	p.pass(last, c.at)
	p.change(last, c)
	if c.at >= 0 {
		p.restarts += max(0, c.Restarts-last.Restarts)
		p.oomKills += max(0, c.OOMKills-last.OOMKills)
		if c.Evicted && !last.Evicted {
			p.evicted++
		}
	}
	last.podChange = c
	p.now[c.name] = last
	if c.Deleted {
		delete(p.now, c.name)
	}
}

// unborn is the phase of a pod before its first event.
const unborn = "unborn"

// alive: the pod is one of those that its workload has.
func (c podChange) alive() bool {
	switch c.Phase {
	case "Failed", "Succeeded", unborn: // the first two are k8s.io/api/core/v1: PodPhase
		return false
	}
	return !c.Terminating && !c.Deleted
}

func (c podChange) up() bool { return c.alive() && c.Ready }

// pass counts the time for which the pod was as it was, as far as it is in the
// trial.
func (p *pods) pass(last *pod, until time.Duration) {
	if !last.alive() || last.begun || until < 0 {
		return
	}
	p.began = true
	present := max(0, until-max(0, last.at))
	p.starting += present
	if last.Node == "" {
		p.pending += present
	}
	if last.Unschedulable {
		p.homeless += present
	}
}

// change follows what became of the pod.
func (p *pods) change(last *pod, c podChange) {
	was, is := last.up(), c.up()
	if was != is {
		p.step(c.at, is)
	}
	if was && !is {
		last.unready = c.at
	}
	if last.begun && last.alive() && !c.alive() && c.Phase != "Succeeded" {
		p.lose(last, c)
	}
	if is && !last.begun {
		last.begun = true
		p.replace(last, c)
	}
}

func (p *pods) step(at time.Duration, up bool) {
	if up {
		p.ready++
	} else {
		p.ready--
	}
	if n := len(p.levels); n > 0 && p.levels[n-1].at == at {
		p.levels[n-1].ready = p.ready
		return
	}
	p.levels = append(p.levels, level{at, p.ready})
}

// gapOf is that of the pod's workload. Journals of old do not name it: their
// namespaces stand for it.
func (p *pods) gapOf(c podChange) *gap {
	namespace, _, _ := strings.Cut(c.name, "/")
	key := namespace + "/" + c.Workload
	if p.gaps[key] == nil {
		p.gaps[key] = &gap{}
	}
	return p.gaps[key]
}

// lose takes a pod away that has been ready.
func (p *pods) lose(last *pod, c podChange) {
	g, counted := p.gapOf(c), c.at >= 0
	if counted {
		p.lost++
	}
	if g.ahead == 0 {
		g.open = append(g.open, loss{last.unready, counted})
		return
	}
	g.ahead--
	if counted {
		p.missedFor = append(p.missedFor, 0)
	}
}

// replace closes the oldest gap. Pods that were there before the trial are the
// workload as it is, and come ahead of nothing.
func (p *pods) replace(last *pod, c podChange) {
	g := p.gapOf(c)
	if len(g.open) == 0 {
		if last.since >= 0 {
			g.ahead++
		}
		return
	}
	first := g.open[0]
	g.open = g.open[1:]
	if first.counted {
		p.missedFor = append(p.missedFor, max(0, c.at-first.at).Seconds())
	}
}

// workload is the part of the figures that is about pods.
func (p *pods) workload() Workload {
	var w Workload
	if p.known && p.end > 0 {
		desired, lowest := p.desired(), p.lowest(0, p.end)
		w.DesiredPods, w.LowestReadyPods = &desired, &lowest
	}
	if p.began && p.end > 0 {
		w.PendingPodSeconds, w.UnschedulablePodSeconds = ptr(p.pending.Seconds()), ptr(p.homeless.Seconds())
		w.StartingPodSeconds = ptr(p.starting.Seconds())
	}
	if p.restarts > 0 {
		w.ContainerRestarts = &p.restarts
	}
	if p.oomKills > 0 {
		w.OOMKills = &p.oomKills
	}
	if p.evicted > 0 {
		w.KubeletEvictions = &p.evicted
	}
	if p.lost > 0 {
		w.Reschedule = p.reschedule()
	}
	return w
}

func (p *pods) reschedule() *Reschedule {
	r := &Reschedule{Lost: p.lost, Replaced: len(p.missedFor)}
	if r.Replaced > 0 {
		slices.Sort(p.missedFor)
		r.Median = ptr(seatrial.Seconds(tidy(statistics.Quantile(p.missedFor, 0.5))))
		r.Max = ptr(seatrial.Seconds(p.missedFor[r.Replaced-1]))
	}
	return r
}

// desired is how many were ready when the trial began.
func (p *pods) desired() int { return p.lowest(0, 1) }

// lowest is the fewest that were ready at a time in [from, to).
func (p *pods) lowest(from, to time.Duration) int {
	i, exact := slices.BinarySearchFunc(p.levels, from, func(l level, at time.Duration) int { return cmp.Compare(l.at, at) })
	fewest := 0
	switch {
	case exact:
		fewest = p.levels[i].ready
	case i > 0:
		fewest = p.levels[i-1].ready
	}
	for ; i < len(p.levels) && p.levels[i].at < to; i++ {
		fewest = min(fewest, p.levels[i].ready)
	}
	return fewest
}
