package app_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seatrial/seatrial/load/app"
)

func ExampleParseFlags() {
	config, err := app.ParseFlags([]string{"--service-time=lognormal:5ms:0.5", "--startup=2s", "--on-sigterm=exit"})
	if err != nil {
		panic(err)
	}
	fmt.Println(config.ServiceTime, "with a mean of", config.ServiceTime.Mean().Round(time.Microsecond))
	fmt.Println(config.Startup, config.Terminate)
	// Output:
	// lognormal:5ms:0.5 with a mean of 5.666ms
	// 2s exit
}

// instance is an application that runs on loopback.
type instance struct {
	url    string
	signal chan os.Signal
	ended  chan error
}

func start(t *testing.T, args ...string) *instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	config, err := app.ParseFlags(append(args, "--listen="+address))
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{url: "http://" + address, signal: make(chan os.Signal, 1), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { i.ended <- app.Run(ctx, config, i.signal) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return i
}

// get asks until somebody listens, and at most two seconds.
func (i *instance) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Second); ; {
		resp, err := http.Get(i.url + path)
		if err == nil {
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp, string(text)
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (i *instance) waitEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-i.ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(3 * time.Second):
		t.Fatal("it did not end")
	}
}

func TestAnAnswerNamesItsPodAndNode(t *testing.T) {
	t.Setenv("NODE_NAME", "worker2")
	i := start(t, "--service-time=10ms")
	began := time.Now()
	resp, text := i.get(t, "/items")
	host, _ := os.Hostname()
	if resp.Header.Get("X-Served-By") != host || resp.Header.Get("X-Served-On") != "worker2" || !strings.Contains(text, `"path":"/items"`) {
		t.Errorf("answer %v %s", resp.Header, text)
	}
	if time.Since(began) < 10*time.Millisecond {
		t.Errorf("it took %v, less than the service time", time.Since(began))
	}
}

func TestItIsReadyAfterStartupAndDelay(t *testing.T) {
	i := start(t, "--startup=150ms", "--ready-delay=250ms")
	began := time.Now()
	resp, _ := i.get(t, "/livez")
	if since := time.Since(began); since < 140*time.Millisecond || resp.StatusCode != 200 {
		t.Errorf("alive after %v with %s", since, resp.Status)
	}
	if resp, _ := i.get(t, "/readyz"); resp.StatusCode != 503 {
		t.Errorf("ready at once: %s", resp.Status)
	}
	<-time.After(time.Until(began.Add(450 * time.Millisecond)))
	if resp, _ := i.get(t, "/readyz"); resp.StatusCode != 200 {
		t.Errorf("not ready after startup and delay: %s", resp.Status)
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	i := start(t, "--service-time=300ms", "--drain-time=100ms", "--on-sigterm=drain")
	i.get(t, "/readyz")
	answers := make(chan string, 1)
	go func() {
		resp, err := http.Get(i.url + "/slow")
		if err != nil {
			answers <- err.Error()
			return
		}
		resp.Body.Close()
		answers <- resp.Status
	}()
	<-time.After(100 * time.Millisecond)
	i.signal <- syscall.SIGTERM
	<-time.After(30 * time.Millisecond)
	if resp, _ := i.get(t, "/readyz"); resp.StatusCode != 503 || !resp.Close {
		t.Errorf("while draining: %s, closes its connection: %v", resp.Status, resp.Close)
	}
	if got := <-answers; got != "200 OK" {
		t.Errorf("the request in flight got %s", got)
	}
	i.waitEnd(t)
}

func TestExitTakesRequestsInFlightAlong(t *testing.T) {
	i := start(t, "--service-time=10s", "--on-sigterm=exit")
	i.get(t, "/readyz")
	failed := make(chan bool, 1)
	go func() {
		resp, err := http.Get(i.url + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		failed <- err != nil
	}()
	<-time.After(50 * time.Millisecond)
	i.signal <- syscall.SIGTERM
	i.waitEnd(t)
	if !<-failed {
		t.Error("the request in flight was answered")
	}
}

func TestIgnoreGoesOn(t *testing.T) {
	i := start(t, "--on-sigterm=ignore")
	i.get(t, "/readyz")
	i.signal <- syscall.SIGTERM
	<-time.After(50 * time.Millisecond)
	if resp, _ := i.get(t, "/items"); resp.StatusCode != 200 {
		t.Errorf("after SIGTERM: %s", resp.Status)
	}
}

func TestASignalDuringStartupIsHeard(t *testing.T) {
	i := start(t, "--startup=1h")
	i.signal <- syscall.SIGTERM
	i.waitEnd(t)
}

func TestTheUpstreamIsAskedFirst(t *testing.T) {
	status := http.StatusOK
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer sidecar.Close()
	i := start(t, "--upstream="+sidecar.URL)
	if resp, _ := i.get(t, "/items"); resp.StatusCode != 200 {
		t.Errorf("with a healthy upstream: %s", resp.Status)
	}
	status = http.StatusServiceUnavailable
	if resp, text := i.get(t, "/items"); resp.StatusCode != 502 || !strings.Contains(text, "503") {
		t.Errorf("with a sick upstream: %s %s", resp.Status, text)
	}
}

// The volume comes back: no restart is needed.
func TestWithoutItsDataItIsAliveNotReadyAndAnswers500(t *testing.T) {
	volume := t.TempDir()
	i := start(t, "--data="+volume+"/file")
	for _, lost := range []bool{false, true, false} {
		want := [3]int{200, 200, 200}
		if lost {
			want = [3]int{500, 503, 200}
			if err := os.Rename(volume, volume+"-lost"); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Rename(volume+"-lost", volume); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		var got [3]int
		for at, path := range []string{"/items", "/readyz", "/livez"} {
			resp, _ := i.get(t, path)
			got[at] = resp.StatusCode
		}
		if got != want {
			t.Errorf("lost %t: /items, /readyz and /livez got %v, want %v", lost, got, want)
		}
	}
}

func TestConcurrencyMakesRequestsWait(t *testing.T) {
	i := start(t, "--service-time=50ms", "--concurrency=2")
	i.get(t, "/readyz")
	began := time.Now()
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() { i.get(t, "/items") })
	}
	clients.Wait()
	if took := time.Since(began); took < 150*time.Millisecond || took > 600*time.Millisecond {
		t.Errorf("6 requests of 50 ms, two at once, took %v", took)
	}
}

func TestSamplesHaveTheMeanOfTheirDistribution(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5ms":               5 * time.Millisecond,
		"constant:5ms":      5 * time.Millisecond,
		"exponential:5ms":   5 * time.Millisecond,
		"lognormal:5ms:0.5": 5665742, // 5 ms · e^(0.5²/2)
		"uniform:2ms:8ms":   5 * time.Millisecond,
	} {
		var d app.Distribution
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		random, sum := rand.New(rand.NewPCG(1, 1)), 0.0
		const n = 200_000
		for range n {
			sum += float64(d.Sample(random))
		}
		if mean := sum / n; math.Abs(mean/float64(want)-1) > 0.01 || (d.Mean()-want).Abs() > time.Microsecond {
			t.Errorf("%s: samples have the mean %v, it says %v, want %v", text, time.Duration(mean), d.Mean(), want)
		}
	}
}

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, arg := range []string{
		"--service-time=5", "--service-time=gamma:5ms", "--service-time=uniform:8ms:2ms", "--service-time=lognormal:5ms:NaN",
		"--on-sigterm=later", "--startup=-1s", "--concurrency=-1", "--upstream=sidecar", "--data=file", "--unknown", "extra",
	} {
		if _, err := app.ParseFlags([]string{arg}); err == nil {
			t.Errorf("%s was accepted", arg)
		}
	}
}

func FuzzADistributionSurvivesItsText(f *testing.F) {
	for _, text := range []string{"5ms", "exponential:1s", "lognormal:5ms:0.5", "uniform:2ms:8ms"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again app.Distribution
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%q is %v, and that is %v, %v", text, d, again, err)
		}
	})
}
