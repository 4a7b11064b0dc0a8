package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/report"
)

// tool is a load generator.
type tool struct {
	name   string
	module string // to build it from, with its version; empty: see get
	path   string // of the executable
	// command sends a load; what it prints, and what it leaves in the folder, is
	// for read.
	command func(t *tool, j job) []string
	read    func(output []byte, j job) (figures, error)
}

// job is one run of one tool.
type job struct {
	url      string
	rate     int
	duration time.Duration
	pool     int
	users    int
	timeout  time.Duration
	folder   string // for its files, empty at the start
}

// figures are what a tool says.
type figures struct {
	p95, p99 time.Duration
	sent     int64
	dropped  int64 // that it admits
	failed   int64
	invalid  bool // it says itself that the figures prove nothing
}

// all are the tools in the order of the tables. Each gets a pool of the same size.
func all() []tool {
	return []tool{
		{name: "seatrial", command: seatrialCommand, read: readSeatrial},
		{name: "vegeta", module: "github.com/tsenart/vegeta/v12@v12.13.0", command: vegetaCommand, read: readVegeta},
		{name: "k6", module: "go.k6.io/k6@v1.8.1", command: k6Command, read: readK6},
		{name: "fortio", module: "fortio.org/fortio@v1.66.5", command: fortioCommand, read: readFortio},
		{name: "wrk", command: wrkCommand, read: readWrk},
	}
}

// get finds the tool or builds it. Building k6 takes minutes, at a low priority.
func (t *tool) get(ctx context.Context, cache string) (string, error) {
	if t.name == "wrk" {
		return exec.LookPath("wrk")
	}
	if t.module == "" {
		path := filepath.Join(cache, t.name)
		return path, quietly(exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/seatrial"))
	}
	_, version, _ := strings.Cut(t.module, "@")
	folder := filepath.Join(cache, version)
	path := filepath.Join(folder, t.name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	fmt.Fprintf(os.Stderr, "building %s\n", t.module)
	install := exec.CommandContext(ctx, "nice", "-n", "19", "go", "install", t.module)
	install.Env = append(os.Environ(), "GOBIN="+folder)
	return path, quietly(install)
}

// quietly runs a command whose output matters only when it fails.
func quietly(c *exec.Cmd) error {
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, out)
	}
	return nil
}

func seatrialCommand(t *tool, j job) []string {
	c := []string{t.path, "load", "--target", j.url, "--rate", fmt.Sprintf("%d/s", j.rate), "--duration", j.duration.String(),
		"--users", strconv.Itoa(j.users), "--timeout", j.timeout.String(), "--out", j.folder, "--format", "json"}
	if j.pool > 0 {
		c = append(c, "--max-in-flight", strconv.Itoa(j.pool))
	}
	return c
}

// readSeatrial judges the run that is there.
func readSeatrial(_ []byte, j job) (figures, error) {
	found, err := filepath.Glob(filepath.Join(j.folder, "load", "*", "*", report.JournalFile))
	if err != nil || len(found) != 1 {
		return figures{}, fmt.Errorf("%d journals, want 1 (%v)", len(found), err)
	}
	s, err := report.ReadRun(filepath.Dir(found[0]))
	if err != nil {
		return figures{}, err
	}
	f := figures{sent: s.Load.Sent, dropped: s.Load.Dropped, failed: s.Load.Failed}
	if f.sent > 0 { // otherwise there are no quantiles
		f.p95, f.p99 = s.Latency.P95.Duration(), s.Latency.P99.Duration()
	}
	return f, nil
}

func vegetaCommand(t *tool, j job) []string {
	return []string{"sh", "-c", fmt.Sprintf("echo GET %s | %s attack -rate %d -duration %s -workers %d -max-workers %d -timeout %s | %s report -type json",
		j.url, t.path, j.rate, j.duration, j.pool, j.pool, j.timeout, t.path)}
}

func readVegeta(out []byte, _ job) (figures, error) {
	var r struct {
		Latencies struct {
			P95 time.Duration `json:"95th"`
			P99 time.Duration `json:"99th"`
		} `json:"latencies"`
		Requests int64          `json:"requests"`
		Codes    map[string]int `json:"status_codes"`
	}
	err := json.Unmarshal(out, &r)
	return figures{p95: r.Latencies.P95, p99: r.Latencies.P99, sent: r.Requests, failed: r.Requests - int64(r.Codes["200"])}, err
}

// k6Script is the executor that k6 has for an open model.
const k6Script = `import http from 'k6/http';
export const options = {
  scenarios: { load: { executor: 'constant-arrival-rate', rate: %d, timeUnit: '1s', duration: '%s', preAllocatedVUs: %d, maxVUs: %d, gracefulStop: '30s' } },
  summaryTrendStats: ['p(95)', 'p(99)'],
};
export default function () { http.get('%s', { timeout: '%s' }); }
export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics) }; }
`

func k6Command(t *tool, j job) []string {
	return []string{"sh", "-c", fmt.Sprintf("cat > %[1]s/load.js <<'END'\n"+k6Script+"END\nexec %[8]s run --quiet --no-usage-report --address '' %[1]s/load.js 2>%[1]s/log",
		j.folder, j.rate, j.duration, j.pool, j.pool, j.url, j.timeout, t.path)}
}

func readK6(out []byte, _ job) (figures, error) {
	var r map[string]struct {
		Values map[string]float64 `json:"values"`
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return figures{}, fmt.Errorf("%w in %q", err, out)
	}
	d := r["http_req_duration"].Values
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	return figures{p95: ms(d["p(95)"]), p99: ms(d["p(99)"]), sent: int64(r["http_reqs"].Values["count"]),
		dropped: int64(r["dropped_iterations"].Values["count"]), failed: int64(r["http_req_failed"].Values["passes"])}, nil
}

func fortioCommand(t *tool, j job) []string {
	return []string{t.path, "load", "-quiet", "-qps", strconv.Itoa(j.rate), "-t", j.duration.String(), "-c", strconv.Itoa(j.pool),
		"-timeout", j.timeout.String(), "-p", "95,99", "-r", "0.0001", "-allow-initial-errors", "-json", "-", j.url}
}

func readFortio(out []byte, _ job) (figures, error) {
	var r struct {
		DurationHistogram struct {
			Count       int64
			Percentiles []struct{ Percentile, Value float64 }
		}
		RetCodes map[string]int64
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return figures{}, err
	}
	f := figures{sent: r.DurationHistogram.Count, failed: r.DurationHistogram.Count - r.RetCodes["200"]}
	for _, p := range r.DurationHistogram.Percentiles {
		at := time.Duration(p.Value * float64(time.Second))
		switch p.Percentile {
		case 95:
			f.p95 = at
		case 99:
			f.p99 = at
		}
	}
	return f, nil
}

// wrkScript makes wrk say what its own table leaves out.
const wrkScript = `done = function(summary, latency)
  print(string.format("seatrial p95=%d p99=%d requests=%d failed=%d", latency:percentile(95), latency:percentile(99),
    summary.requests, summary.errors.timeout + summary.errors.status + summary.errors.read + summary.errors.connect))
end
`

func wrkCommand(t *tool, j job) []string {
	return []string{"sh", "-c", fmt.Sprintf("cat > %[1]s/wrk.lua <<'END'\n%[2]sEND\nexec %[3]s -t 2 -c %[4]d -d %.0[5]fs --timeout %.0[6]fs -s %[1]s/wrk.lua %[7]s",
		j.folder, wrkScript, t.path, j.pool, j.duration.Seconds(), j.timeout.Seconds(), j.url)}
}

var wrkLine = regexp.MustCompile(`seatrial p95=(\d+) p99=(\d+) requests=(\d+) failed=(\d+)`)

func readWrk(out []byte, _ job) (figures, error) {
	m := wrkLine.FindSubmatch(out)
	if m == nil {
		return figures{}, fmt.Errorf("no figures in %q", out)
	}
	var n [4]int64
	for i := range n {
		n[i], _ = strconv.ParseInt(string(m[i+1]), 10, 64) // the pattern has digits only
	}
	return figures{p95: time.Duration(n[0]) * time.Microsecond, p99: time.Duration(n[1]) * time.Microsecond, sent: n[2], failed: n[3]}, nil
}

// usage is what a run cost: the tool's processes alone, not the server.
type usage struct {
	cpu time.Duration
	rss int64 // bytes at the most
}

// do runs a tool once. That seatrial calls a run invalid (exit code 3) is a finding
// and no failure.
func (t *tool) do(ctx context.Context, j job) (figures, usage, error) {
	folder, err := os.MkdirTemp("", "seatrial-bench-")
	if err != nil {
		return figures{}, usage{}, err
	}
	defer os.RemoveAll(folder)
	j.folder = folder
	args := t.command(t, j)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var failed *exec.ExitError
	if err != nil && !(errors.As(err, &failed) && t.name == "seatrial" && failed.ExitCode() == 3) {
		return figures{}, usage{}, fmt.Errorf("%s: %w\n%s", t.name, err, stderr.Bytes())
	}
	f, err := t.read(stdout.Bytes(), j)
	if err != nil {
		return f, usage{}, fmt.Errorf("reading what %s says: %w", t.name, err)
	}
	f.invalid = failed != nil
	return f, used(cmd.ProcessState), nil
}
