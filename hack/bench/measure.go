package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/seatrial/seatrial"
)

// said is one run of one tool beside the truth of that run.
type said struct {
	figures
	true95, true99 time.Duration
}

// truth prints what each tool says of a scenario.
func (o *options) truth(ctx context.Context, t truth, tools []tool) error {
	runs := make(map[string][]said)
	for range o.repeats {
		some, err := o.round(ctx, t, tools)
		if err != nil {
			return err
		}
		for name, s := range some {
			runs[name] = append(runs[name], s)
		}
	}
	fmt.Printf("\n%s: %s; %d/s for %s, a pool of %d, %d runs of each; medians, worst error of any run\n",
		t.name, t.words, rate, t.duration, pool, o.repeats)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tp95\ttruth\terror\tworst\tp99\ttruth\terror\tworst\tsent\tdropped\tfailed\tinvalid\t")
	for _, tool := range tools {
		all := runs[tool.name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%.0f\t%.0f\t%.0f\t%d of %d\t\n", tool.name,
			errorCells(all, func(s said) (time.Duration, time.Duration) { return s.p95, s.true95 }),
			errorCells(all, func(s said) (time.Duration, time.Duration) { return s.p99, s.true99 }),
			median(all, func(s said) float64 { return float64(s.sent) }),
			median(all, func(s said) float64 { return float64(s.dropped) }),
			median(all, func(s said) float64 { return float64(s.failed) }), invalid(all), len(all))
	}
	return table.Flush()
}

// invalid counts the runs that the tool itself does not trust.
func invalid(all []said) int {
	n := 0
	for _, s := range all {
		if s.invalid {
			n++
		}
	}
	return n
}

// errorCells are four cells of the table, about one quantile.
func errorCells(all []said, of func(said) (is, truth time.Duration)) string {
	ms := func(pick int) float64 {
		return median(all, func(s said) float64 {
			is, truth := of(s)
			return []time.Duration{is, truth}[pick].Seconds() * 1e3
		})
	}
	off := func(s said) float64 {
		is, truth := of(s)
		return 100 * (is.Seconds() - truth.Seconds()) / max(truth.Seconds(), 1e-3) // below 1 ms, in per cent of that
	}
	worst := slices.MaxFunc(all, func(a, b said) int { return cmp.Compare(max(off(a), -off(a)), max(off(b), -off(b))) })
	return fmt.Sprintf("%.1f ms\t%.1f ms\t%+.1f %%\t%+.1f %%", ms(0), ms(1), median(all, off), off(worst))
}

func median[T any](all []T, of func(T) float64) float64 {
	var values []float64
	for _, v := range all {
		values = append(values, of(v))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// round runs every tool once, in turn or side by side, each with a server of its
// own.
func (o *options) round(ctx context.Context, t truth, tools []tool) (map[string]said, error) {
	var mu sync.Mutex
	var running sync.WaitGroup
	var errs []error
	runs := map[string]said{}
	for _, tool := range tools {
		one := func() {
			s, err := tool.against(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			runs[tool.name], errs = s, append(errs, err)
		}
		if o.beside {
			running.Go(one)
		} else {
			one()
		}
	}
	running.Wait()
	return runs, errors.Join(errs...)
}

// against runs a tool once on a server that knows the truth.
func (t *tool) against(ctx context.Context, what truth) (said, error) {
	s, err := serve(what)
	if err != nil {
		return said{}, err
	}
	f, _, err := t.do(ctx, job{url: s.url, rate: rate, duration: what.duration, pool: pool, users: what.users, timeout: what.timeout})
	p95, p99 := s.result()
	return said{figures: f, true95: p95, true99: p99}, errors.Join(err, s.close())
}

// costRate is how many requests a second are sent to see what one costs.
const costRate = 5000

// cost prints the CPU time of a request: of the whole process, start and report
// included.
func (o *options) cost(ctx context.Context, tools []tool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	alone := func(name, engine string) tool {
		return tool{name: name, path: self,
			command: func(t *tool, j job) []string {
				return []string{t.path, "-alone", engine, "-duration", j.duration.String(), j.url}
			},
			read: func(out []byte, _ job) (f figures, err error) {
				f.sent, err = strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
				return f, err
			}}
	}
	floor := alone("vegeta's library", "vegeta")
	tools = append([]tool{floor, alone("seatrial's engine", "seatrial")}, tools...)
	costs := map[string][]float64{}
	rss := map[string][]float64{}
	sent := map[string][]float64{}
	s, err := serve(truth{hold: func(int, time.Duration) time.Duration { return 0 }})
	if err != nil {
		return err
	}
	defer s.close()
	for range o.repeats {
		for _, t := range tools {
			if t.name == "wrk" {
				continue // it has no rate
			}
			f, u, err := t.do(ctx, job{url: s.url, rate: costRate, duration: o.duration, pool: pool, users: pool, timeout: 30 * time.Second})
			if err != nil {
				return err
			}
			costs[t.name] = append(costs[t.name], u.cpu.Seconds()/float64(f.sent)*1e6)
			rss[t.name] = append(rss[t.name], float64(u.rss)/1e6)
			sent[t.name] = append(sent[t.name], float64(f.sent))
		}
	}
	fmt.Printf("\ncost: %d/s for %s, %d runs of each in turn; of the whole process, median (least to most)\n", costRate, o.duration, o.repeats)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tCPU s a million\tleast\tmost\ttimes the library\tMB\tsent\t")
	same := func(v float64) float64 { return v }
	for _, t := range tools {
		if c := costs[t.name]; len(c) > 0 {
			fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.2f\t%.0f\t%.0f\t\n", t.name, median(c, same), slices.Min(c), slices.Max(c),
				median(c, same)/median(costs[floor.name], same), median(rss[t.name], same), median(sent[t.name], same))
		}
	}
	return table.Flush()
}

// used is what a process and those that it waited for took.
func used(p *os.ProcessState) usage {
	u := usage{cpu: p.UserTime() + p.SystemTime()}
	if r, ok := p.SysUsage().(*syscall.Rusage); ok {
		u.rss = r.Maxrss * 1024
	}
	return u
}

// memory prints how the size of `seatrial load` grows: with time (it should not)
// and with requests that are not answered.
func (o *options) memory(ctx context.Context, tools []tool) error {
	i := slices.IndexFunc(tools, func(t tool) bool { return t.name == "seatrial" })
	if i < 0 {
		return nil
	}
	quick, err := serve(truth{hold: func(int, time.Duration) time.Duration { return 0 }})
	if err != nil {
		return err
	}
	defer quick.close()
	span := 30 * o.duration // ten minutes, by default
	sizes, f, err := tools[i].sizes(ctx, job{url: quick.url, rate: rate, duration: span, users: 200, timeout: time.Second}, span/5, span*9/10)
	if err != nil {
		return err
	}
	fmt.Printf("\nmemory: %d/s for %s: %.1f MB after %s, %.1f MB after %s: %+.1f %%; %d requests sent\n", rate, span,
		sizes[0]/1e6, span/5, sizes[1]/1e6, span*9/10, 100*(sizes[1]/sizes[0]-1), f.sent)

	hangs, err := serve(truth{hold: func(int, time.Duration) time.Duration { return forever }})
	if err != nil {
		return err
	}
	defer hangs.close()
	const waiting = 8000
	job := job{url: hangs.url, rate: rate, duration: waiting / rate * time.Second, users: waiting, timeout: time.Minute}
	sizes, f, err = tools[i].sizes(ctx, job, job.duration+2*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("memory: %d requests that hang: %.1f MB, the process itself included: %.1f kB for each of them\n",
		f.sent, sizes[0]/1e6, sizes[0]/float64(f.sent)/1e3)
	return nil
}

// sizes runs a tool, takes the size of its process at some times, in bytes, and then
// interrupts it.
func (t *tool) sizes(ctx context.Context, j job, at ...time.Duration) ([]float64, figures, error) {
	folder, err := os.MkdirTemp("", "seatrial-bench-")
	if err != nil {
		return nil, figures{}, err
	}
	defer os.RemoveAll(folder)
	j.folder = folder
	args := t.command(t, j)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		return nil, figures{}, err
	}
	begun := time.Now()
	var sizes []float64
	for _, when := range at {
		select {
		case <-time.After(time.Until(begun.Add(when))):
		case <-ctx.Done(): // which has killed it
			return nil, figures{}, errors.Join(ctx.Err(), cmd.Wait())
		}
		size, err := resident(cmd.Process.Pid)
		if err != nil {
			return nil, figures{}, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
		}
		sizes = append(sizes, size)
	}
	// What is to be known is known; an interrupt ends it with a report, which may
	// say that the figures prove nothing: its sizes do.
	err = cmd.Process.Signal(os.Interrupt)
	if ended := cmd.Wait(); !slices.Contains([]int{0, int(seatrial.Interrupted), int(seatrial.InvalidTrial)}, cmd.ProcessState.ExitCode()) {
		err = errors.Join(err, ended)
	}
	f, readErr := t.read(nil, j)
	return sizes, f, errors.Join(err, readErr)
}

// resident is the memory that a process has now (Linux).
func resident(pid int) (float64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0, fmt.Errorf("reading the size of a process (Linux only): %w", err)
	}
	fields := strings.Fields(string(status))
	if len(fields) < 2 {
		return 0, fmt.Errorf("%q has no resident size", status)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err == nil && pages == 0 {
		err = errors.New("the process has ended")
	}
	return pages * float64(os.Getpagesize()), err
}

// circumstances are what figures of time depend on.
func circumstances() string {
	text := fmt.Sprintf("%s, %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		text += ", load average " + strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return text + "; server and generator share the machine"
}
