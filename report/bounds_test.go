package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
)

func TestAReportSaysWhatBoundsDidToTheLoad(t *testing.T) {
	p := frozen()
	p.pooled, p.capped = 1, 2
	s, page := judge(t, p.journal(t))
	if s.Verdict != seatrial.Failed || s.Load.PoolWaited != 200 || s.Load.CatchUpLimited != 400 {
		t.Errorf("%s %q: %d waited, %d were held back; want fail, 200, 400", s.Verdict, s.Reasons, s.Load.PoolWaited, s.Load.CatchUpLimited)
	}
	var text, md, html bytes.Buffer
	for _, err := range []error{Text(&text, s, Style{}), Markdown(&md, s), HTML(&html, page)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, out := range map[string]string{"text": text.String(), "markdown": md.String(), "html": html.String()} {
		if !strings.Contains(strings.ToLower(out), "catch-up limited") || !strings.Contains(out, "400 requests were held back") {
			t.Errorf("%s does not say that catching up was limited:\n%s", name, out)
		}
	}
}

func TestAGeneratorThatWasTheBottleneckProvesNothing(t *testing.T) {
	small, ports, fine := frozen(), frozen(), frozen()
	small.pooled = 3 // of 5, before the fault too
	ports.failing, ports.class = true, "ports"
	fine.pooled = 2
	for reason, p := range map[string]play{"a place in its pool": small, "no local port": ports} {
		if s, _ := judge(t, p.journal(t)); s.Verdict != seatrial.Invalid || !strings.Contains(strings.Join(s.Reasons, "; "), reason) {
			t.Errorf("%s: %s, %q", reason, s.Verdict, s.Reasons)
		}
	}
	if s, _ := judge(t, fine.journal(t)); s.Verdict == seatrial.Invalid {
		t.Errorf("a pool that is full now and then: %q", s.Reasons)
	}
}
