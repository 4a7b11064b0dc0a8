package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// heavy writes the journal of a trial of that many seconds, with so many
// requests a second of 100 users.
func heavy(t testing.TB, w io.Writer, length time.Duration, rate int64) {
	t.Helper()
	p := frozen()
	p.header.Timeline.Trial = seatrial.InSeconds(length)
	out := journal.New(w)
	out.Zero(warmup, 0)
	out.Event(seatrial.Event{Kind: seatrial.KindTrial, Subject: "heavy", Edge: seatrial.Begin, Data: p.header})
	p.faultEvents(out)
	for at := -warmup; at < length; at += seatrial.Width {
		n := rate / 10
		iv := seatrial.Interval{Load: "browse", Agent: "agent-0", Due: warmup + at, Planned: n, Sent: n, Succeeded: n, Attempts: n,
			Latency: seatrial.Buckets{}, Service: seatrial.Buckets{}}
		for i := range n { // 2 ms to 12 ms, in some 1,000 buckets over all intervals
			d := 2*time.Millisecond + time.Duration((i*7919+int64(at/seatrial.Width)*104729)%10_000)*time.Microsecond
			journal.Record(iv.Latency, d)
			journal.Record(iv.Service, d)
		}
		out.Interval(iv)
	}
	out.Event(seatrial.Event{At: warmup + length, Kind: seatrial.KindTrial, Edge: seatrial.End, Data: journal.Trailer{}})
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkTenMillionResults folds, judges and renders 1,000 s at 10,000 requests
// a second, of which hardly two in an interval take equally long: nothing makes a
// larger journal. The promise is 5 s and 200 MB.
func BenchmarkTenMillionResults(b *testing.B) {
	path := filepath.Join(b.TempDir(), JournalFile)
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	heavy(b, file, 1000*time.Second, 10_000)
	size, err := file.Seek(0, io.SeekEnd)
	if err = errors.Join(err, file.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		peak := heapOf(func() {
			s, err := WriteRun(filepath.Dir(path))
			if err != nil || s.Load.Planned != 10_000_000 {
				b.Fatalf("%v, %d requests", err, s.Load.Planned)
			}
		})
		b.ReportMetric(peak/1e6, "MB-of-heap")
		b.ReportMetric(float64(size)/1e6, "MB-of-journal")
	}
}

// BenchmarkAPageOfTenMinutes renders 10 minutes at 10,000 requests a second. The
// promise is 3 MB and 2 s.
func BenchmarkAPageOfTenMinutes(b *testing.B) {
	var text bytes.Buffer
	heavy(b, &text, 10*time.Minute, 10_000)
	_, page, err := FromJournal(&text)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var html bytes.Buffer
		if err := HTML(&html, page); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(html.Len())/1e6, "MB")
	}
}

// heapOf is the most that the heap grew to above what it was, looked at every
// few milliseconds.
func heapOf(do func()) float64 {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapInuse)
			case <-done:
				tick.Stop()
				peak <- most
				return
			}
		}
	}()
	do()
	close(done)
	return max(0, float64(<-peak)-float64(before.HeapInuse))
}

// TestMemoryGrowsWithTimeNotWithRequests: ten times the requests in the same
// time take as many more buckets as there are different latencies, no more.
func TestMemoryGrowsWithTimeNotWithRequests(t *testing.T) {
	held := func(rate int64) float64 {
		var text bytes.Buffer
		heavy(t, &text, 20*time.Second, rate)
		journal := text.Bytes()
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := fold(bytes.NewReader(journal))
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if sum := f.window.sum("", 0, forever); sum.Planned != 20*rate {
			t.Fatalf("%d planned", sum.Planned)
		}
		runtime.KeepAlive(f)
		runtime.KeepAlive(journal)
		return float64(after.HeapAlloc) - float64(before.HeapAlloc)
	}
	few, many := held(10_000), held(100_000)
	if many > 6*few {
		t.Errorf("%.1f MB for 10,000 requests a second, %.1f MB for 100,000", few/1e6, many/1e6)
	}
}

func TestAPageStaysSmallUnderHeavyLoad(t *testing.T) {
	var text, html bytes.Buffer
	heavy(t, &text, 10*time.Minute, 1_000)
	_, page, err := FromJournal(&text)
	if err != nil {
		t.Fatal(err)
	}
	if err := HTML(&html, page); err != nil || html.Len() > 300_000 {
		t.Errorf("%v, %d bytes", err, html.Len())
	}
}

// TestWhateverIsLeftOfAJournalIsReported cuts a journal at many places, and spoils
// lines of it: there is always a report, it is invalid, and it says why.
func TestWhateverIsLeftOfAJournalIsReported(t *testing.T) {
	whole := frozen().journal(t)
	see := func(what string, text []byte, want string) {
		t.Helper()
		s, page, err := FromJournal(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if why := strings.Join(s.Reasons, "\n"); s.Verdict != seatrial.Invalid || !strings.Contains(why, want) {
			t.Errorf("%s: %s: %s", what, s.Verdict, why)
		}
		if err := HTML(io.Discard, page); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range 40 {
		see(fmt.Sprintf("cut at %d/40", i), whole[:len(whole)*i/40], "the journal has no last line")
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for i := 0; i < len(lines)-1; i += 13 {
		spoilt := bytes.Clone(whole)
		at := len(bytes.Join(lines[:i], nil))
		copy(spoilt[at:], "\x00\xff{]")
		see(fmt.Sprintf("line %d spoilt", i+1), spoilt, "the journal is damaged")
	}
}
