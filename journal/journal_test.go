package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func ExampleWriter() {
	w := New(os.Stdout)
	w.Event(seatrial.Event{At: 100 * time.Second, Kind: seatrial.KindPhase, Subject: "warmup", Edge: seatrial.Begin})
	w.Zero(110*time.Second, 100*time.Second) // the trial starts 10 s after the attack
	w.Interval(seatrial.Interval{Load: "browse", Agent: "agent-0", Due: 10 * time.Second, Planned: 20, Sent: 20})
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"at":-10.000000,"kind":"phase","subject":"warmup","edge":"begin"}
	// {"at":0.000000,"kind":"load","subject":"browse","data":{"load":"browse","agent":"agent-0","planned":20,"sent":20}}
}

func ExampleRead() {
	journal := `{"at":0.100000,"kind":"message","message":"all is well"}
{"at":0.2000`
	for line, err := range Read(strings.NewReader(journal)) {
		fmt.Println(line.At, line.Message, err)
	}
	// Output:
	// 100ms all is well <nil>
	// 0s  journal line 2: the line is cut off
}

func fill(w *Writer, zero func()) {
	w.Event(seatrial.Event{At: time.Second, Kind: seatrial.KindTrial, Edge: seatrial.Begin, Data: Header{Schema: Schema}})
	w.Interval(seatrial.Interval{Load: "l", Due: 0, Planned: 2, Errors: map[string]int64{"timeout": 1, "reset": 1},
		Latency: seatrial.Buckets{2048: 1, 5: 1}, Attached: map[int]string{3: "b", 1: "a"}})
	zero()
	w.Interval(seatrial.Interval{Load: "l", Due: 100 * time.Millisecond, Planned: 2})
	w.Event(seatrial.Event{At: 3*time.Second + 1499*time.Nanosecond, Kind: seatrial.KindMessage, Message: "a <b> & c"})
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	var first string
	for range 20 {
		var out bytes.Buffer
		w := New(&out)
		fill(w, func() { w.Zero(2*time.Second, time.Second) })
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = out.String()
		}
		if out.String() != first {
			t.Fatalf("first\n%s\nthen\n%s", first, out.String())
		}
	}
	want := `{"at":-1.000000,"kind":"load","subject":"l","data":{"load":"l","agent":"","planned":2,"latency":{"2048":1,"5":1},"errors":{"reset":1,"timeout":1},"attached":{"1":"a","3":"b"}}}`
	if lines := strings.Split(first, "\n"); lines[1] != want || lines[3] != `{"at":1.000001,"kind":"message","message":"a <b> & c"}` {
		t.Errorf("wrote\n%s", first)
	}
}

func TestNothingIsWrittenBeforeTheZeroIsKnown(t *testing.T) {
	var out bytes.Buffer
	w := New(&out)
	fill(w, func() {})
	if err := w.Sync(); err != nil || out.Len() > 0 {
		t.Fatalf("%v, %d bytes", err, out.Len())
	}
	w.Zero(0, 0)
	w.Zero(time.Hour, time.Hour) // only the first counts
	if !strings.HasPrefix(out.String(), `{"at":1.000000,`) {
		t.Errorf("wrote %s", out.String())
	}
}

func TestCloseWithoutAZeroCountsFromTheFirstEvent(t *testing.T) {
	var out bytes.Buffer
	w := New(&out)
	fill(w, func() {})
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{0, 0, 100 * time.Millisecond, 2*time.Second + time.Microsecond}
	for line, err := range Read(&out) {
		if err != nil || line.At != want[line.Number-1] {
			t.Errorf("line %d is at %v (%v), want %v", line.Number, line.At, err, want[line.Number-1])
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(w, func() { w.Zero(time.Second, time.Second) })
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var kinds []seatrial.Kind
	for line, err := range Read(f) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, line.Kind)
		if line.Number == 2 {
			iv, err := line.Interval()
			if err != nil || iv.Planned != 2 || iv.Attached[3] != "b" || iv.Latency[2048] != 1 {
				t.Errorf("read back %+v, %v", iv, err)
			}
		}
	}
	if fmt.Sprint(kinds) != "[trial load load message]" {
		t.Errorf("read back %v", kinds)
	}
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a journal that exists may be overwritten: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAFullDiskIsSeenAtTheFirstEvent(t *testing.T) {
	w := New(full{})
	w.Zero(0, 0)
	w.Event(seatrial.Event{Kind: seatrial.KindMessage})
	var class *seatrial.Error
	if err := w.Err(); !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &class) || class.Hint == "" {
		t.Fatalf("Err is %v", err)
	}
	w.Event(seatrial.Event{Kind: seatrial.KindMessage})
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close says %v", err)
	}
}

func TestAnEventThatCannotBeEncodedIsAnError(t *testing.T) {
	w := New(&bytes.Buffer{})
	w.Event(seatrial.Event{Kind: seatrial.KindMessage, Data: func() {}})
	var unsupported *json.UnsupportedTypeError
	if err := w.Err(); !errors.As(err, &unsupported) {
		t.Errorf("Err is %v", err)
	}
}

func TestAWriterServesManyAtOnce(t *testing.T) {
	var out bytes.Buffer
	w := New(&out)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 100 {
				w.Interval(seatrial.Interval{Load: "l", Due: time.Duration(i) * seatrial.Width})
				w.Event(seatrial.Event{Kind: seatrial.KindMessage})
			}
		})
	}
	w.Zero(0, 0)
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range Read(&out) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1600 {
		t.Errorf("%d lines", n)
	}
}

func TestReadingGoesOnAfterADamagedLine(t *testing.T) {
	good := `{"at":1,"kind":"message"}`
	for name, test := range map[string]struct {
		journal string
		lines   int // good ones
		bad     int // number of the damaged one
		cause   error
	}{
		"not JSON":           {good + "\n}{\n" + good, 2, 2, nil},
		"no time":            {`{"kind":"message"}` + "\n" + good, 1, 1, nil},
		"no kind":            {good + "\n" + `{"at":1}` + "\n", 1, 2, nil},
		"time beyond a year": {`{"at":1e300,"kind":"x"}` + "\n" + good, 1, 1, nil},
		"cut off":            {good + "\n\n" + good[:9], 1, 3, ErrTruncated},
		"too long":           {good + "\n" + strings.Repeat("x", MaxLine+1) + "\n" + good + "\n", 2, 2, ErrTooLong},
		"too long and last":  {good + "\n" + strings.Repeat("x", MaxLine+1), 1, 2, ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad := 0, 0
			for _, err := range Read(strings.NewReader(test.journal)) {
				var damaged *LineError
				switch {
				case err == nil:
					lines++
				case errors.As(err, &damaged) && (test.cause == nil || errors.Is(err, test.cause)):
					bad = damaged.Number
				default:
					t.Errorf("unexpected: %v", err)
				}
			}
			if lines != test.lines || bad != test.bad {
				t.Errorf("%d good lines, damage in line %d", lines, bad)
			}
		})
	}
}

func TestAnErrorOfTheReaderEndsTheReading(t *testing.T) {
	broken := errors.New("the disk is on fire")
	var last error
	for _, err := range Read(failing{strings.NewReader("{\"at\":1,\"kind\":\"x\"}\n"), broken}) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Errorf("the last error is %v", last)
	}
}

type failing struct {
	good *strings.Reader
	err  error
}

func (f failing) Read(p []byte) (int, error) {
	if f.good.Len() > 0 {
		return f.good.Read(p)
	}
	return 0, f.err
}

func TestAnIntervalThatNoAgentCanHaveCountedIsRefused(t *testing.T) {
	for _, data := range []string{`{"planned":-1}`, `{"sent":1e18}`, `{"latency":{"999999":1}}`,
		`{"service":{"-1":1}}`, `{"latency":{"1":-5}}`, `7`, ``} {
		if iv, err := (Line{Kind: seatrial.KindLoad, Data: json.RawMessage(data)}).Interval(); err == nil {
			t.Errorf("%s became %+v", data, iv)
		}
	}
}

func TestAHeaderSaysAllThatTheScenarioDoes(t *testing.T) {
	spec := seatrial.Spec{
		Loads:       []seatrial.Load{{Name: "browse", Rate: 200, Users: 50, Connections: 1, Client: seatrial.Client{Timeout: 30 * time.Second}}},
		Timeline:    seatrial.Timeline{Warmup: 10 * time.Second, Trial: time.Minute, Recovery: time.Minute},
		SteadyState: seatrial.Objective{Availability: 0.999},
		SLO:         seatrial.Objective{Latency: seatrial.Quantiles{P99: 500 * time.Millisecond}},
		Hurt:        time.Second,
		Faults:      []seatrial.FaultSpec{{Name: "migrate", Kind: "liveMigration", At: 15 * time.Second, For: 8 * time.Second}},
		Clusters: []seatrial.ClusterSpec{{Name: "usual", Workers: 3, Timings: seatrial.DefaultTimings()},
			{Name: "own", Node: seatrial.NodeSize{CPU: 1500}, Timings: seatrial.Timings{NodeMonitorPeriod: 2 * time.Second}}},
	}
	h := HeaderOf(&seatrial.Scenario{Name: "s", Source: []byte("abc")}, seatrial.Trial{Variant: "v", Expect: seatrial.Failed, Spec: spec})
	got, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":1,"id":"","scenario":"s","variant":"v","backend":"","seed":0,"expect":"fail",` +
		`"timeline":{"warmup":10,"trial":60,"recovery":60},"hurt":1,"steady_state":{"availability":0.999},"slo":{"latency":{"p99":0.5}},` +
		`"loads":[{"name":"browse","target":"","rate":200,"users":50,"connections":"1","timeout":30}],` +
		`"faults":[{"name":"migrate","kind":"liveMigration","at":15,"for":8}],` +
		`"clusters":[{"name":"own","node":{"cpu":1.5},"timings":[{"name":"nodeMonitorPeriod","value":2,"default":5,"unit":"s"}]}],"versions":{},"source":"abc",` +
		`"source_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if b := h.SLO.Latency.Bounds(); len(b) != 1 || b[0] != (Bound{"p99", 0.99, 500 * time.Millisecond}) {
		t.Errorf("bounds %v", b)
	}
}

func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	w := New(&out)
	fill(w, func() { w.Zero(0, 0) })
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:out.Len()/2])
	f.Add([]byte("{\"at\":1e400,\"kind\":\"load\"}\n\n}{\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		last := 0
		for line, err := range Read(bytes.NewReader(text)) {
			if line.Number <= last {
				t.Fatalf("line %d came after line %d", line.Number, last)
			}
			last = line.Number
			if err == nil && (line.Kind == "" || line.At.Abs() > Span+time.Second) {
				t.Fatalf("accepted %+v", line)
			}
			if err == nil && line.Kind == seatrial.KindLoad {
				if iv, err := line.Interval(); err == nil && Count(iv.Latency) < 0 {
					t.Fatalf("accepted %+v", iv)
				}
			}
		}
	})
}
