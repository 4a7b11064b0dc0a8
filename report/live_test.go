package report

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// liveScript lets a trial's figures go by: 10 s of warm-up, a freeze from 2 to 5 s,
// and errors after it.
func liveScript(b *bytes.Buffer) {
	live := NewLive("trial", seatrial.Timeline{Warmup: 10 * time.Second, Trial: 10 * time.Second, Recovery: 5 * time.Second})
	for at := -10 * time.Second; at <= 15*time.Second; at += time.Second {
		fmt.Fprintln(b, live.Line(at))
		live.Tick(at)
		switch at {
		case 2 * time.Second:
			say(b, live, at, seatrial.Injected)
		case 4 * time.Second:
			say(b, live, at, seatrial.Unproven)
		case 5 * time.Second:
			say(b, live, at, seatrial.Reverted)
		}
		if at >= 2*time.Second && at < 5*time.Second {
			continue // nothing is answered
		}
		iv := seatrial.Interval{Sent: 200, Succeeded: 200, Latency: seatrial.Buckets{}}
		for i := range 200 {
			journal.Record(iv.Latency, time.Duration(i+1)*50*time.Microsecond)
		}
		if at > 5*time.Second && at < 8*time.Second {
			iv.Succeeded, iv.Failed, iv.Errors = 170, 30, map[string]int64{"timeout": 10, "http-503": 20}
		}
		live.Add(iv)
	}
}

func say(b *bytes.Buffer, l *Live, at time.Duration, step seatrial.FaultStep) {
	if l.Event(seatrial.Event{At: at, Kind: seatrial.KindFault, Subject: "migrate", Data: seatrial.FaultMark{Step: step}}) {
		fmt.Fprintln(b, l.Line(at))
	}
}

func TestLiveFiguresFollowAStallItsFaultAndItsErrors(t *testing.T) {
	var out bytes.Buffer
	liveScript(&out)
	golden(t, "live.txt", out.Bytes())
}

func TestLiveForgetsWhatIsOlderThanItsFigures(t *testing.T) {
	live := NewLive("load", seatrial.Timeline{Trial: time.Hour})
	for i := range 3600 {
		live.Add(seatrial.Interval{Sent: 1, Succeeded: 1, Latency: seatrial.Buckets{int32(i): 1}})
		live.Tick(time.Duration(i) * time.Second)
	}
	if n := len(live.spans); n != LiveSpan {
		t.Errorf("%d spans are kept, want %d", n, LiveSpan)
	}
}

func TestLiveTakesOnlyChangesOfWhatIsInForceForNews(t *testing.T) {
	live := NewLive("load", seatrial.Timeline{})
	event := func(step seatrial.FaultStep) bool {
		return live.Event(seatrial.Event{Kind: seatrial.KindFault, Subject: "f", Data: seatrial.FaultMark{Step: step}})
	}
	for i, step := range []seatrial.FaultStep{seatrial.Planned, seatrial.Injected, seatrial.Proven, seatrial.Injected, seatrial.Reverted, seatrial.Reverted} {
		if got, want := event(step), i == 1 || i == 4; got != want {
			t.Errorf("step %d, %s: news %v, want %v", i, step, got, want)
		}
	}
	if live.Event(seatrial.Event{Kind: seatrial.KindNode, Subject: "n"}) {
		t.Error("an event of a node is news")
	}
}
