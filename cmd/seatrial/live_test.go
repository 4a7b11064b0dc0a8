package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/report"
)

// ticked lets ten seconds of a load go by, with a message after the sixth.
func ticked(to io.Writer, terminal bool) *live {
	l := newLive(to, report.NewLive("load", seatrial.Timeline{Trial: 20 * time.Second}))
	at := time.Duration(0)
	l.terminal, l.now = terminal, func() time.Duration { return at }
	for range 10 {
		at += time.Second
		l.Interval(seatrial.Interval{Sent: 100, Succeeded: 100, Latency: seatrial.Buckets{1000: 100}})
		l.tick()
		if at == 6*time.Second {
			l.log("a message")
		}
	}
	return l
}

func TestALogGetsALineEveryFiveSeconds(t *testing.T) {
	var out bytes.Buffer
	ticked(&out, false)
	want := `load 5 s of 20 s  100/s answered  p50 1 ms  p99 1 ms  no errors
a message
load 10 s of 20 s  100/s answered  p50 1 ms  p99 1 ms  no errors
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestATerminalGetsOneLineThatIsWrittenOver(t *testing.T) {
	var out bytes.Buffer
	ticked(&out, true).End()
	if n := strings.Count(out.String(), "\n"); n != 1 { // of the message
		t.Errorf("%d lines: %q", n, out.String())
	}
	if n := strings.Count(out.String(), "\r\x1b[Kload "); n != 10 {
		t.Errorf("drawn %d times: %q", n, out.String())
	}
	if !strings.HasSuffix(out.String(), "\r\x1b[K") || !strings.Contains(out.String(), "\r\x1b[Ka message\n\r\x1b[Kload 7 s") {
		t.Errorf("the line stands in the way of a message, or of the report: %q", out.String())
	}
}

func TestALineIsCutToTheTerminal(t *testing.T) {
	if got := cut("p99 5 µs in force", 8); got != "p99 5 µs" {
		t.Errorf("%q", got)
	}
}
