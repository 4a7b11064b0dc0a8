package load_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
)

// wallClock is real time since it was made.
type wallClock struct{ zero time.Time }

func (c wallClock) Now() time.Duration { return time.Since(c.zero) }

func (c wallClock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c wallClock) Until(context.Context, func() bool) error { return errors.ErrUnsupported }

func (c wallClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (c wallClock) Go(ctx context.Context, _ string, f func(context.Context) error) seatrial.Task {
	task := make(running, 1)
	go func() { task <- f(ctx) }()
	return task
}

type running chan error

func (r running) Wait() error { return <-r }

// memory is a sink.
type memory struct {
	mu        sync.Mutex
	intervals []seatrial.Interval
	events    []seatrial.Event
}

func (m *memory) Interval(i seatrial.Interval) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.intervals = append(m.intervals, i)
}

func (m *memory) Event(e seatrial.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
}

// serve runs an agent until its attack is over and acknowledged; the test
// fails when that does not happen.
func serve(t *testing.T, name string) (e seatrial.Endpoint, kill func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- load.NewAgent("").Serve(ctx, listener) }()
	t.Cleanup(func() {
		defer kill()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("agent %s ended with %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("agent %s did not end", name)
		}
	})
	return seatrial.Endpoint{Name: name, URL: "http://" + listener.Addr().String()}, kill
}

// run connects, attacks and waits at most so long.
func run(t *testing.T, agents []seatrial.Endpoint, p seatrial.LoadPlan, atMost time.Duration) (*memory, error) {
	t.Helper()
	sink, clock := &memory{}, wallClock{time.Now()}
	attack, err := load.Connect(t.Context(), clock, agents, []seatrial.LoadPlan{p}, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := attack.Start(t.Context(), clock.Now()+100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	return sink, attack.Wait(ctx)
}

func shop(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(load.ServedBy, "shop-0") }))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTwoAgentsMakeOneAttack(t *testing.T) {
	a, _ := serve(t, "agent-0")
	b, _ := serve(t, "agent-1")
	sink, err := run(t, []seatrial.Endpoint{a, b}, planFor(shop(t), 200, 7, time.Second), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	byAgent := map[string]int64{}
	for _, i := range sink.intervals {
		byAgent[i.Agent] += i.Planned
	}
	total := sum(sink.intervals)
	if total.Planned != 200 || total.Failed != 0 || total.Succeeded < 100 && onTime(t, total) || byAgent["agent-0"] <= byAgent["agent-1"] || len(byAgent) != 2 {
		t.Errorf("planned %d, succeeded %d, by agent %v", total.Planned, total.Succeeded, byAgent)
	}
	if len(total.Attached) != 7 || total.Pods["shop-0"] != total.Succeeded {
		t.Errorf("attached %v, answered %v", total.Attached, total.Pods)
	}
	for _, e := range sink.events {
		report, ok := e.Data.(seatrial.AgentReport)
		if !ok || e.Kind != seatrial.KindAgent || report.Lost != "" || report.CPU <= 0 || report.Cores < 1 || report.Wall.Duration() < 900*time.Millisecond {
			t.Errorf("event %+v", e)
		}
		if report.ClockOffset.Duration().Abs() > report.OffsetBound.Duration()+time.Millisecond || report.OffsetBound > 0.1 {
			t.Errorf("on one machine, the clocks differ by %v ± %v", report.ClockOffset, report.OffsetBound)
		}
	}
	if len(sink.events) != 2 {
		t.Errorf("%d events of 2 agents", len(sink.events))
	}
}

// flaky cuts answers of /records anywhere, a cut-off line included, and is
// away between them.
type flaky struct {
	mu     sync.Mutex
	random *rand.Rand
	broken int
}

var errAway = errors.New("the API server is away")

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || r.URL.Path != "/records" {
		return resp, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.random.IntN(4) {
	case 0:
		f.broken++
		resp.Body.Close()
		return nil, errAway
	case 1:
		f.broken++
		resp.Body.Close()
		return &http.Response{StatusCode: 503, Status: "503", Body: io.NopCloser(strings.NewReader("away")), Request: r}, nil
	}
	resp.Body = &cutBody{resp.Body, f.random.IntN(3000)}
	f.broken++
	return resp, nil
}

type cutBody struct {
	io.ReadCloser
	left int
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errAway
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func TestRecordsSurviveAnAPIServerThatIsAway(t *testing.T) {
	t.Parallel()
	agent, _ := serve(t, "agent-0")
	way := &flaky{random: rand.New(rand.NewPCG(1, 1))}
	agent.Client = &http.Client{Transport: way}
	sink, err := run(t, []seatrial.Endpoint{agent}, planFor(shop(t), 300, 10, 1500*time.Millisecond), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if total := sum(sink.intervals); total.Planned != 450 || total.Planned != total.Sent+total.Dropped || journal.Count(total.Latency) != total.Sent {
		t.Errorf("planned %d, sent %d, dropped %d, want 450 in all", total.Planned, total.Sent, total.Dropped)
	}
	if way.broken < 4 {
		t.Errorf("the way broke %d times: this test shows nothing", way.broken)
	}
}

func TestADeadAgentIsReportedAsLost(t *testing.T) {
	agent, kill := serve(t, "agent-0")
	time.AfterFunc(500*time.Millisecond, kill)
	sink, err := run(t, []seatrial.Endpoint{agent}, planFor(shop(t), 100, 5, time.Minute), 1500*time.Millisecond)
	var failure *seatrial.Error
	if !errors.As(err, &failure) || failure.Class != seatrial.Infrastructure || !strings.Contains(err.Error(), "agent-0") {
		t.Errorf("error %v", err)
	}
	if len(sink.events) != 1 || sink.events[0].Data.(seatrial.AgentReport).Lost == "" {
		t.Errorf("events %+v", sink.events)
	}
}

func TestAStoppedAttackDeliversItsRecords(t *testing.T) {
	agent, _ := serve(t, "agent-0")
	sink, clock := &memory{}, wallClock{time.Now()}
	attack, err := load.Connect(t.Context(), clock, []seatrial.Endpoint{agent}, []seatrial.LoadPlan{planFor(shop(t), 100, 5, time.Hour)}, sink)
	if err != nil {
		t.Fatal(err)
	}
	trial, interrupt := context.WithCancel(t.Context())
	if err := attack.Start(trial, clock.Now()+50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-time.After(350 * time.Millisecond)
	interrupt() // as SIGINT does; healing goes on under another context
	if err := attack.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := attack.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if total := sum(sink.intervals); total.Planned < 20 || total.Planned > 200 || total.Failed != 0 || total.Planned != total.Sent+total.Dropped {
		t.Errorf("planned %d, succeeded %d, stopped after about 0.3 s at 100/s", total.Planned, total.Succeeded)
	}
}

func TestAnAgentRefusesWhatMakesNoSense(t *testing.T) {
	agent := httptest.NewServer(load.NewAgent("").Handler())
	defer agent.Close()
	good := `{"loads":[{"Name":"browse","Target":"http://shop","Rate":"1/s","Duration":1000000000}],"index":0,"of":1}`
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/records?from=0", "", 409},
		{"POST", "/start", `{"at":1}`, 409},
		{"POST", "/stop", "", 409},
		{"POST", "/prepare", "{", 400},
		{"POST", "/prepare", `{"loads":[{}],"of":1}`, 400},
		{"POST", "/prepare", good, 200},
		{"POST", "/prepare", good, 200},
		{"GET", "/records?from=-1", "", 400},
		{"GET", "/records?from=7", "", 410},
		{"POST", "/start", `{"at":1}`, 409}, // long ago
		{"POST", "/start", `{"at":4000000000000000000}`, 200},
		{"POST", "/start", `{"at":4000000000000000000}`, 200}, // the first answer was lost
		{"POST", "/start", `{"at":4000000000000000001}`, 409},
		{"POST", "/prepare", good, 409},
	} {
		req, err := http.NewRequestWithContext(t.Context(), step.method, agent.URL+step.path, bytes.NewReader([]byte(step.body)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != step.want || step.want >= 400 && !bytes.Contains(text, []byte(`"error"`)) {
			t.Errorf("%s %s %s: %d %s, want %d", step.method, step.path, step.body, resp.StatusCode, text, step.want)
		}
	}
}

func TestAnAgentTakesOrdersWithItsTokenOnly(t *testing.T) {
	agent := httptest.NewServer(load.NewAgent("the run's").Handler())
	defer agent.Close()
	for _, c := range []struct {
		method, path, token string
		want                int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/clock", "the run's", 200},
		{"GET", "/clock", "", 403},
		{"GET", "/clock", "the run", 403},
		{"POST", "/prepare", "another's", 403},
		{"POST", "/start", "", 403},
		{"POST", "/stop", "", 403},
		{"GET", "/records?from=0", "", 403},
		{"GET", "/nowhere", "", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, agent.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(seatrial.AgentTokenHeader, c.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s %s with token %q: %d, want %d", c.method, c.path, c.token, resp.StatusCode, c.want)
		}
	}
}

func TestConnectSaysWhichAgentRefusedWhat(t *testing.T) {
	agent := httptest.NewServer(load.NewAgent("").Handler())
	defer agent.Close()
	_, err := load.Connect(t.Context(), wallClock{time.Now()}, []seatrial.Endpoint{{Name: "agent-7", URL: agent.URL}},
		[]seatrial.LoadPlan{planFor("shop", 1, 1, time.Second)}, &memory{})
	var failure *seatrial.Error
	if !errors.As(err, &failure) || failure.Hint == "" || !strings.Contains(err.Error(), "agent-7") || !strings.Contains(err.Error(), "shop") {
		t.Errorf("error %v", err)
	}
}

func TestStoppingWhatIsOverIsNoError(t *testing.T) {
	agent, _ := serve(t, "agent-0")
	clock := wallClock{time.Now()}
	attack, err := load.Connect(t.Context(), clock, []seatrial.Endpoint{agent}, []seatrial.LoadPlan{planFor(shop(t), 100, 5, 200*time.Millisecond)}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(attack.Stop(t.Context()), attack.Wait(t.Context())); err != nil {
		t.Errorf("before the start: %v", err)
	}
	if err := attack.Start(t.Context(), clock.Now()+50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := attack.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := attack.Stop(t.Context()); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestAnAttackThatOneAgentRefusesDoesNotBegin(t *testing.T) {
	a, kill := serve(t, "agent-0")
	defer kill() // it has sent nothing that anybody would acknowledge
	clock := wallClock{time.Now()}
	attack, err := load.Connect(t.Context(), clock, []seatrial.Endpoint{a}, []seatrial.LoadPlan{planFor(shop(t), 100, 5, time.Hour)}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	if err := attack.Start(t.Context(), clock.Now()-time.Second); err == nil || !strings.Contains(err.Error(), "ago") {
		t.Errorf("a start in the past: %v", err)
	}
	if err := errors.Join(attack.Stop(t.Context()), attack.Wait(t.Context())); err != nil {
		t.Errorf("after a start that failed: %v", err)
	}
}
