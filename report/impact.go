package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// life is when faults were present: nil where that did not come.
type life struct {
	injected *time.Duration // the first fault
	reverted *time.Duration // the last; nil while one that was injected is not
}

// faults joins what was planned with the steps in the journal.
func (f *Fold) faults(h journal.Header) []Fault {
	list := []Fault{}
	index := map[string]int{}
	for _, p := range h.Faults {
		index[p.Name] = len(list)
		list = append(list, Fault{Name: p.Name, Kind: p.Kind, Targets: []string{}, PlannedAt: ptr(p.At)})
	}
	for _, m := range f.marks {
		i, known := index[m.name]
		if !known {
			i = len(list)
			index[m.name] = i
			list = append(list, Fault{Name: m.name, Kind: m.Kind, Targets: []string{}})
		}
		list[i].take(m)
	}
	for i := range list {
		if list[i].PlannedAt != nil && list[i].InjectedAt != nil {
			list[i].InjectionError = ptr(seatrial.InSeconds((*list[i].InjectedAt - *list[i].PlannedAt).Duration()))
		}
	}
	return list
}

// take keeps the first of each step, and the last revert.
func (f *Fault) take(m mark) {
	at := ptr(seatrial.InSeconds(m.at))
	switch m.Step {
	case seatrial.Planned:
		f.PlannedAt = cmp.Or(f.PlannedAt, at)
	case seatrial.Injected:
		f.InjectedAt = cmp.Or(f.InjectedAt, at)
	case seatrial.Proven:
		f.ProvenAt = cmp.Or(f.ProvenAt, at)
		f.Proof = cmp.Or(f.Proof, m.Proof)
	case seatrial.Reverted:
		f.RevertedAt = at
	case seatrial.Unproven: // the absence of a proof says it
	}
	for _, t := range m.Targets {
		if !slices.Contains(f.Targets, t) {
			f.Targets = append(f.Targets, t)
		}
	}
}

func lifeOf(faults []Fault) life {
	var l life
	open := false
	for _, f := range faults {
		if f.InjectedAt == nil {
			continue
		}
		l.injected = extreme(l.injected, f.InjectedAt.Duration(), -1)
		if f.RevertedAt == nil {
			open = true
			continue
		}
		l.reverted = extreme(l.reverted, f.RevertedAt.Duration(), 1)
	}
	if open {
		l.reverted = nil
	}
	return l
}

// extreme is the smaller (sign < 0) or larger of both.
func extreme(known *time.Duration, d time.Duration, sign int) *time.Duration {
	if known == nil || cmp.Compare(d, *known) == sign {
		return &d
	}
	return known
}

// present is the range of interval starts that overlap the faults' presence.
func (l life) present() (from, to time.Duration) {
	to = forever
	if l.reverted != nil {
		to = *l.reverted
	}
	return max(0, *l.injected-seatrial.Width+1), to
}

func (f *Fold) phases(l life) Phases {
	if l.injected == nil {
		return Phases{Before: f.phase(0, forever, 0, f.window.end())}
	}
	from, to := l.present()
	end := f.window.end()
	p := Phases{Before: f.phase(0, from, 0, *l.injected)}
	if l.reverted == nil {
		p.Fault = f.phase(from, forever, *l.injected, end)
		return p
	}
	p.Fault = f.phase(from, to, *l.injected, to)
	p.Recovery = f.phase(to, forever, to, end)
	return p
}

// phase sums the intervals that begin in [first, last); from and to are the
// times that the phase is said to span.
func (f *Fold) phase(first, last, from, to time.Duration) *Phase {
	return &Phase{From: seatrial.InSeconds(from), To: seatrial.InSeconds(max(from, to)),
		Part: part(f.window.sum("", first, last)), Loads: f.loads(first, last)}
}

func (f *Fold) impact(h journal.Header, l life) Impact {
	steady := orDefault(h.SteadyState)
	if l.injected == nil {
		return Impact{UnavailableSeconds: f.unavailable(steady, 0, ""), UnavailableByLoad: f.unavailableByLoad(steady, 0)}
	}
	from, to := l.present()
	sum := f.window.sum("", from, to)
	i := Impact{
		RequestsHurt:       ratio(sum.Hurt, sum.Planned),
		UsersHurt:          ratio(int64(len(f.usersHurt(from, to))), users(h)),
		UnavailableSeconds: f.unavailable(steady, from, ""),
		UnavailableByLoad:  f.unavailableByLoad(steady, from),
	}
	i.TimeToDetect, i.DetectedBy = f.detected(h, *l.injected)
	if l.reverted != nil {
		i.TimeToRecover = f.timeToRecover(steady, *l.reverted)
	}
	return i
}

// timeToRecover is zero when the first interval after the revert is well: it
// is told to 100 ms.
func (f *Fold) timeToRecover(steady journal.Objective, reverted time.Duration) *seatrial.Seconds {
	well := f.window.recovered(steady, reverted)
	if well == nil {
		return nil
	}
	if *well < reverted+seatrial.Width {
		return ptr(seatrial.Seconds(0))
	}
	return ptr(seatrial.InSeconds(*well - reverted))
}

func users(h journal.Header) int64 {
	total := int64(0)
	for _, l := range h.Loads {
		total += int64(l.Users)
	}
	return total
}

// user is one client of one load.
type user struct {
	load string
	id   int
}

// usersHurt are those with a hurt request that was due in the intervals that
// begin in [from, to).
func (f *Fold) usersHurt(from, to time.Duration) map[user]bool {
	hurt := map[user]bool{}
	for _, s := range f.window.between(from, to) {
		for load, iv := range s {
			for _, id := range iv.HurtUsers {
				hurt[user{load, id}] = true
			}
		}
	}
	return hurt
}

// detected is the first warning about a node or pod since the injection, and
// what it was about. Warnings after the load are about the cleaning up. What is
// done through the API, such as a deletion, is known before the act has
// returned, so the first act's planned time counts where it is earlier.
func (f *Fold) detected(h journal.Header, injected time.Duration) (*seatrial.Seconds, *string) {
	begun := injected
	for _, p := range h.Faults {
		begun = min(begun, p.At.Duration())
	}
	var first *journal.Line
	for i, a := range f.alarms {
		if a.At >= begun && a.At <= f.window.end() && (first == nil || a.At < first.At) {
			first = &f.alarms[i]
		}
	}
	if first == nil {
		return nil, nil
	}
	what := string(first.Kind) + " " + first.Subject
	if first.Message != "" {
		what += ": " + first.Message
	}
	return ptr(seatrial.InSeconds(max(0, first.At-injected))), &what
}

// unavailableByLoad is that of each load, where there are several.
func (f *Fold) unavailableByLoad(o journal.Objective, from time.Duration) []LoadSeconds {
	names := f.loadNames()
	if len(names) < 2 {
		return nil
	}
	var list []LoadSeconds
	for _, name := range names {
		list = append(list, LoadSeconds{name, f.unavailable(o, from, name)})
	}
	return list
}

// unavailable counts the seconds from the given time in which availability of a
// load, or without a name of all loads together, was below the steady state's.
func (f *Fold) unavailable(o journal.Objective, from time.Duration, load string) float64 {
	least := cmp.Or(o.Availability, LeastAvailability)
	end, total := f.window.end(), time.Duration(0)
	begin, sum := from, &seatrial.Interval{}
	judge := func() {
		if share := ratio(sum.Succeeded, sum.Planned); share != nil && *share < least {
			total += min(second, end-begin)
		}
	}
	for start, s := range f.window.between(from, forever) {
		if sum.Planned == 0 || start >= begin+second {
			judge()
			begin, sum = start, &seatrial.Interval{}
		}
		for name, iv := range s {
			if load == "" || load == name {
				sum.Planned += iv.Planned
				sum.Succeeded += iv.Succeeded
			}
		}
	}
	judge()
	return total.Seconds()
}

// exposure is where each user's connection led when the faults began, and who
// of them was hurt.
func (f *Fold) exposure(l life, faults []Fault) []Pod {
	until, from, to := f.window.end(), time.Duration(0), forever
	if l.injected != nil {
		from, to = l.present()
		until = from
	}
	users, felt, hurt := map[string]int{}, map[string]int{}, f.usersHurt(from, to)
	for _, load := range f.loadNames() {
		for id, pod := range f.led(load, until) {
			users[pod]++
			if hurt[user{load, id}] {
				felt[pod]++
			}
		}
	}
	list := []Pod{}
	for _, pod := range slices.Sorted(maps.Keys(users)) {
		node := f.nodeOf(pod, until)
		list = append(list, Pod{Pod: pod, Node: node, Users: users[pod], UsersHurt: felt[pod], Hit: hit(faults, pod, node)})
	}
	return list
}

// led is the pod to which each user's connection led last before a time.
func (f *Fold) led(load string, until time.Duration) map[int]string {
	led := map[int]string{}
	for _, s := range f.window.between(-journal.Span, until) {
		if iv := s[load]; iv != nil {
			maps.Copy(led, iv.Attached)
		}
	}
	return led
}

// nodeOf is the pod's node as last known at a time, or else as first known
// afterwards.
func (f *Fold) nodeOf(pod string, at time.Duration) string {
	var best *place
	for i, p := range f.places {
		if p.pod != pod && bare(p.pod) != bare(pod) {
			continue
		}
		if best == nil || p.at <= at && p.at >= best.at {
			best = &f.places[i]
		}
	}
	if best == nil {
		return ""
	}
	return best.node
}

func hit(faults []Fault, pod, node string) bool {
	for _, f := range faults {
		for _, t := range f.Targets {
			if node != "" && t == "node/"+node || strings.HasPrefix(t, "pod/") && bare(t) == bare(pod) {
				return true
			}
		}
	}
	return false
}
