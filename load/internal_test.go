package load

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load/tally"
)

// samples are keyed by their number, so that two recorders can share them.
func samples(n int) []tally.Sample {
	random := rand.New(rand.NewPCG(1, 2))
	var all []tally.Sample
	for i := range n {
		s := tally.Sample{
			User: i % 7, Due: time.Duration(i) * 3 * time.Millisecond, Attempts: 1,
			Latency: time.Duration(random.ExpFloat64() * float64(500*time.Millisecond)),
			Lag:     time.Duration(random.ExpFloat64() * float64(5*time.Millisecond)),
			Pod:     "pod-" + strconv.Itoa(i%3),
		}
		s.Service = s.Latency / 2
		if i%11 == 0 {
			s.Class = tally.Reset
		}
		s.Attached = i < 7
		for n := range i % 2 { // every interval has some
			s.Lookups = append(s.Lookups, tally.Lookup{Took: s.Latency / 3, Failed: n == 0 && i%9 == 0})
		}
		all = append(all, s)
	}
	return all
}

func TestRecordsOfTwoAgentsAddUpToThePooledOnes(t *testing.T) {
	p := seatrial.LoadPlan{Load: seatrial.Load{Name: "browse"}, Hurt: time.Second}
	pooled, halves := tally.New(p), [2]*tally.Recorder{tally.New(p), tally.New(p)}
	for i, s := range samples(1000) {
		pooled.Answered(s)
		halves[s.User%2].Answered(s)
		if i%100 == 0 {
			pooled.Dropped(s.User, s.Due)
			halves[s.User%2].Dropped(s.User, s.Due)
		}
	}
	want, a, b := pooled.Take(), halves[0].Take(), halves[1].Take()
	if len(want) != 30 || len(a) != 30 || len(b) != 30 {
		t.Fatalf("%d, %d and %d intervals in 3 s", len(want), len(a), len(b))
	}
	for i := range want {
		if got := add(a[i], b[i]); !reflect.DeepEqual(got, want[i]) {
			t.Errorf("at %v:\n got %+v\nwant %+v", want[i].Due, got, want[i])
		}
	}
}

func add(a, b seatrial.Interval) seatrial.Interval {
	a.Planned += b.Planned
	a.Sent += b.Sent
	a.Succeeded += b.Succeeded
	a.Failed += b.Failed
	a.Dropped += b.Dropped
	a.Attempts += b.Attempts
	a.Retried += b.Retried
	a.Hedged += b.Hedged
	a.Rejected += b.Rejected
	a.Late += b.Late
	a.Hurt += b.Hurt
	a.LookupsFailed += b.LookupsFailed
	a.MaxLag = max(a.MaxLag, b.MaxLag)
	journal.Merge(a.Latency, b.Latency)
	journal.Merge(a.Service, b.Service)
	journal.Merge(a.Lookups, b.Lookups)
	for class, n := range b.Errors {
		a.Errors[class] += n
	}
	for pod, n := range b.Pods {
		a.Pods[pod] += n
	}
	for user, pod := range b.Attached {
		a.Attached[user] = pod
	}
	a.HurtUsers = append(a.HurtUsers, b.HurtUsers...)
	slices.Sort(a.HurtUsers)
	return a
}

func TestARecorderForgetsWhatWasTaken(t *testing.T) {
	r := tally.New(seatrial.LoadPlan{})
	r.Answered(tally.Sample{Due: time.Second})
	if n := len(r.Take()); n != 1 {
		t.Errorf("%d intervals", n)
	}
	if n := len(r.Take()); n != 0 {
		t.Errorf("%d intervals after all were taken", n)
	}
}

func TestARecordSurvivesTheWire(t *testing.T) {
	r := tally.New(seatrial.LoadPlan{Load: seatrial.Load{Name: "browse"}})
	for _, s := range samples(20) {
		r.Answered(s)
	}
	want := r.Take()[0]
	line, err := encodeInterval(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(line)
	if err != nil || !reflect.DeepEqual(got.Interval.Interval, want) {
		t.Errorf("error %v\n got %+v\nwant %+v", err, got.Interval, want)
	}
	for _, bad := range []string{"", "{}", `{"interval":{},"report":{}}`, "[]"} {
		if _, err := decodeRecord([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestALogKeepsLinesUntilTheyAreAcknowledged(t *testing.T) {
	l := newRecordLog()
	for i := range 5 {
		l.append(fmt.Append(nil, i))
	}
	for _, from := range []int{3, 3} {
		if err := l.acknowledge(from); err != nil {
			t.Fatal(err)
		}
		lines, last, err := l.next(t.Context(), from)
		if err != nil || last || len(lines) != 2 || string(lines[0]) != "3" {
			t.Errorf("from %d: %s %v %v", from, lines, last, err)
		}
	}
	if err := l.acknowledge(2); err != errAcknowledged {
		t.Errorf("going back to 2: %v", err)
	}
	if err := l.acknowledge(6); err != errAhead {
		t.Errorf("going on to 6: %v", err)
	}
	l.close()
	if err := l.acknowledge(5); err != nil {
		t.Fatal(err)
	}
	<-l.done
}

func BenchmarkRecorder(b *testing.B) {
	r, all := tally.New(seatrial.LoadPlan{Hurt: time.Second}), samples(1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			r.Answered(all[i%len(all)])
		}
	})
}
