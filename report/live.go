package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// LiveSpan is how far back the figures of a [Live] line reach, in ticks of a
// second: agents hand in their counts once a second, so that a shorter span
// would jump.
const LiveSpan = 5

// Live is how a load fares while it is sent: figures of the last [LiveSpan]
// seconds, by when the answers became known. It is for one goroutine at a time.
type Live struct {
	timeline seatrial.Timeline
	what     string     // is sent after the warm-up
	spans    []liveSpan // the last is still open
	inForce  []string   // faults, in the order of their injection
	unproven map[string]bool
}

// liveSpan is what became known since a time.
type liveSpan struct {
	since time.Duration
	sum   seatrial.Interval
}

// NewLive is a line about what is sent between the times of a timeline: "trial"
// or "load".
func NewLive(what string, t seatrial.Timeline) *Live {
	return &Live{what: what, timeline: t, spans: []liveSpan{{since: -t.Warmup}}, unproven: map[string]bool{}}
}

// Add takes counts as they come.
func (l *Live) Add(iv seatrial.Interval) { add(&l.spans[len(l.spans)-1].sum, &iv) }

// Event takes what happens besides, and says whether it changed what faults are
// in force.
func (l *Live) Event(e seatrial.Event) bool {
	mark, ok := e.Data.(seatrial.FaultMark)
	if !ok || e.Kind != seatrial.KindFault {
		return false
	}
	at := slices.Index(l.inForce, e.Subject)
	switch {
	case mark.Step == seatrial.Injected && at < 0:
		l.inForce = append(l.inForce, e.Subject)
	case mark.Step == seatrial.Reverted && at >= 0:
		l.inForce = slices.Delete(l.inForce, at, at+1)
	case mark.Step == seatrial.Unproven:
		l.unproven[e.Subject] = true
	default:
		return false
	}
	return true
}

// Tick is to be called once a second, with the time since the trial's start. It
// forgets what is older than the figures reach.
func (l *Live) Tick(now time.Duration) {
	l.spans = append(l.spans, liveSpan{since: now})
	if n := len(l.spans) - LiveSpan; n > 0 {
		l.spans = slices.Delete(l.spans, 0, n)
	}
}

// Line says how it stands.
func (l *Live) Line(now time.Duration) string {
	var sum seatrial.Interval
	for i := range l.spans {
		add(&sum, &l.spans[i].sum)
	}
	parts := []string{l.place(now), "0/s answered"}
	if past := now - l.spans[0].since; past > 0 {
		parts[1] = significant(float64(sum.Sent)/past.Seconds()) + "/s answered"
	}
	if sum.Sent > 0 {
		t := times(sum.Latency)
		parts = append(parts, "p50 "+maybeSeconds(t.P50), "p99 "+maybeSeconds(t.P99))
	}
	parts = append(parts, failures(&sum))
	if in := l.faults(); in != "" {
		parts = append(parts, in)
	}
	return plain(strings.Join(parts, "  "))
}

// place is how far the load has come.
func (l *Live) place(now time.Duration) string {
	t := l.timeline
	switch {
	case now < 0:
		return "warm-up " + whole(now+t.Warmup) + " of " + whole(t.Warmup)
	case now < t.Trial:
		return l.what + " " + whole(now) + " of " + whole(t.Trial)
	case t.Recovery > 0:
		return "recovery " + whole(now-t.Trial) + " of at most " + whole(t.Recovery)
	}
	return l.what + " sent, last answers"
}

// whole seconds; what has not begun counts as none.
func whole(d time.Duration) string { return fmt.Sprintf("%d s", max(0, d)/time.Second) }

func failures(sum *seatrial.Interval) string {
	if sum.Failed == 0 {
		return "no errors"
	}
	return "errors: " + errorWords(sum.Errors)
}

func (l *Live) faults() string {
	var words []string
	for _, name := range l.inForce {
		if l.unproven[name] {
			name += " (unproven)"
		}
		words = append(words, name)
	}
	if len(words) == 0 {
		return ""
	}
	return "in force: " + strings.Join(words, ", ")
}
