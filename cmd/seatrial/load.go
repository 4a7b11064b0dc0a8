package main

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/journal"
	"github.com/seatrial/seatrial/load"
	"github.com/seatrial/seatrial/load/plan"
	"github.com/seatrial/seatrial/report"
)

const (
	// loadName is that of the one load which `seatrial load` sends.
	loadName = "load"
	// lead is how long before its first request a load is begun, so that none
	// of the first is late.
	lead = 50 * time.Millisecond
	// interruptPatience is how long after an interrupt answers are still waited
	// for: whoever interrupts does not want to wait for a timeout.
	interruptPatience = 2 * time.Second
)

// loadFlags are the flags of `seatrial load`.
type loadFlags struct {
	runFlags
	load     seatrial.Load
	duration time.Duration
}

func loadCommand() *cobra.Command {
	f := &loadFlags{load: seatrial.Load{Name: loadName}}
	c := &cobra.Command{
		Use:   "load --target URL --rate RATE --duration TIME",
		Short: "Send a load to any URL, without a cluster, and report what its users felt",
		Long: `Send a load to any URL, without a cluster, and report what its users felt.

The load engine of a trial runs in this process. Requests are due at fixed times,
whatever the target does, and latency counts from when a request was due: a
target that stands still cannot hide it, however few requests may be under way.
Each user is one sequential client with one kept-alive connection.

--max-in-flight is a pool: what is due beyond it waits, the oldest first.

The report is made of a journal, as that of a trial; it lies in a folder of its
own below --out. Nothing is promised, so nothing can be missed.

Exit codes: 0 the load was sent, 2 wrong input, 3 the figures prove nothing,
such as when the generator was the bottleneck, 4 the infrastructure failed,
130 interrupted (with a report of what was sent until then).`,
		Example: `  seatrial load --target http://localhost:8080/ --rate 1000/s --duration 20s
  seatrial load --target http://localhost:8080/ --rate 1000/s --duration 20s --format json | jq .latency.p99`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.StringVar(&f.load.Target, "target", "", "URL to send requests to (required)")
	flags.Var(&textFlag{&f.load.Rate, "rate"}, "rate", "requests that are due, such as 1000/s or 90/m (required)")
	flags.DurationVar(&f.duration, "duration", 0, "time from the first due request to the last (required)")
	flags.IntVar(&f.load.Users, "users", plan.DefaultUsers, "independent clients that the requests are dealt to, in turn")
	flags.IntVar(&f.load.InFlight, "max-in-flight", 0, "most requests under way at once, over all users; 0: as many as users")
	flags.Var(&textFlag{&f.load.CatchUp, "factor"}, "catch-up", "how fast what had to wait is sent afterwards, such as 2x the rate")
	flags.DurationVar(&f.load.Client.Timeout, "timeout", plan.DefaultTimeout, "how long a request may take from when it is sent")
	flags.StringVar(&f.out, "out", "runs", "folder for the run folders")
	flags.StringVar(&f.format, "format", "text", "text or json (one object)")
	flags.Lookup("rate").DefValue = "" // there is none
	return c
}

// textFlag is a flag whose text a word of the scenario reads.
type textFlag struct {
	value interface {
		encoding.TextUnmarshaler
		fmt.Stringer
	}
	kind string
}

func (t *textFlag) Set(text string) error { return t.value.UnmarshalText([]byte(text)) }

func (t *textFlag) String() string { return t.value.String() }

func (t *textFlag) Type() string { return t.kind }

func (f *loadFlags) run(c *cobra.Command) error {
	if err := errors.Join(format(f.format, "text", "json"), f.checkLoad()); err != nil {
		return err
	}
	folder := filepath.Join(f.out, loadName, backend.RunName(time.Now()), "default-1")
	summary, err := f.send(c, folder)
	if summary == nil {
		return err
	}
	switch err = errors.Join(err, f.print(c, summary, folder)); {
	case err != nil:
		return seatrial.Fail(seatrial.Infrastructure, err, "")
	case c.Context().Err() != nil:
		return &missedError{code: int(seatrial.Interrupted), message: "interrupted: the report is of what was sent until then"}
	case summary.Verdict == seatrial.Invalid:
		return &missedError{code: int(seatrial.InvalidTrial), message: "invalid: " + strings.Join(summary.Reasons, "; ")}
	}
	return nil
}

// checkLoad refuses what cannot be sent, before there is a folder for it.
func (f *loadFlags) checkLoad() error {
	err := plan.Check(plan.Fill(f.load))
	if f.duration <= 0 {
		err = errors.Join(err, fmt.Errorf("its duration %s is not above 0", f.duration))
	}
	return seatrial.Fail(seatrial.BadInput, err, "such as: seatrial load --target http://localhost:8080/ --rate 1000/s --duration 20s")
}

// send sends the load, and folds its journal into a report.
func (f *loadFlags) send(c *cobra.Command, folder string) (*report.Summary, error) {
	if err := backend.MakeFolder(folder); err != nil {
		return nil, err
	}
	w, err := journal.Create(filepath.Join(folder, report.JournalFile))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.attack(c, w, folder), w.Close()); err != nil {
		return nil, err
	}
	return report.WriteRun(folder)
}

// attack sends the load and writes its journal. An interrupt ends the sending
// and is no error: the journal says so.
func (f *loadFlags) attack(c *cobra.Command, w *journal.Writer, folder string) error {
	watch := newLive(c.ErrOrStderr(), report.NewLive(loadName, seatrial.Timeline{Trial: f.duration}))
	sent := seatrial.LoadPlan{Load: f.load, Duration: f.duration}
	engine, err := load.NewEngine([]seatrial.LoadPlan{sent}, 0, 1, func(i seatrial.Interval) {
		w.Interval(i)
		watch.Interval(i)
	})
	if err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "see `seatrial load --help`")
	}
	start := time.Now().Add(lead) // what takes time is done
	w.Zero(0, 0)
	w.Event(seatrial.Event{Kind: seatrial.KindTrial, Subject: loadName, Edge: seatrial.Begin, Data: f.header(c, start, folder)})
	watch.Begin(func() time.Duration { return time.Since(start) })
	usage, interrupted := runUntil(c.Context(), engine, start)
	watch.End()
	at := time.Since(start)
	w.Event(seatrial.Event{At: at, Kind: seatrial.KindAgent, Subject: "seatrial", Data: usage})
	w.Event(seatrial.Event{At: at, Kind: seatrial.KindTrial, Edge: seatrial.End, Data: journal.Trailer{Interrupted: interrupted}})
	return nil
}

// runUntil runs the engine until it is through, or until a little after ctx
// ended: the sending ends at once then.
func runUntil(ctx context.Context, engine *load.Engine, start time.Time) (usage seatrial.AgentReport, interrupted bool) {
	running, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stopped := context.AfterFunc(ctx, func() {
		engine.Stop()
		time.AfterFunc(interruptPatience, giveUp)
	})
	defer stopped()
	usage, _ = engine.Run(running, start) // its error says no more than that it was given up
	return usage, ctx.Err() != nil
}

// header is what the journal says before anything is sent.
func (f *loadFlags) header(c *cobra.Command, start time.Time, folder string) journal.Header {
	t := seatrial.Trial{Variant: "default", Expect: seatrial.Pass, Spec: seatrial.Spec{
		Loads: []seatrial.Load{plan.Fill(f.load)}, Timeline: seatrial.Timeline{Trial: f.duration}, Hurt: plan.DefaultHurt}}
	h := journal.HeaderOf(&seatrial.Scenario{Name: loadName, Description: f.describe()}, t)
	h.Backend = journal.Alone
	h.ID = filepath.Base(filepath.Dir(folder)) + "/" + filepath.Base(folder)
	h.Started = start.UTC().Format(time.RFC3339)
	h.Versions = journal.Versions{Seatrial: backend.Release(), Go: goruntime.Version()}
	h.Command = commandLine(c)
	if isLoopback(f.load.Target) {
		h.Warnings = append(h.Warnings, fmt.Sprintf(
			"load generator and target share the %d cores of one machine: each may have slowed down the other", goruntime.NumCPU()))
	}
	return h
}

// describe is the title of the report.
func (f *loadFlags) describe() string {
	text := fmt.Sprintf("%s to %s for %s, by %d users", f.load.Rate, f.load.TargetWords(), f.duration, f.load.Users)
	if f.load.InFlight > 0 {
		text += fmt.Sprintf(", at most %d requests at once", f.load.InFlight)
	}
	if f.load.CatchUp > 0 {
		text += fmt.Sprintf(", catching up at %s", f.load.CatchUp)
	}
	return text
}

// commandLine repeats a command, with the flags that were set.
func commandLine(c *cobra.Command) string {
	words := []string{c.CommandPath()}
	c.Flags().Visit(func(f *pflag.Flag) {
		words = append(words, "--"+f.Name, backend.Quoted(seatrial.WithoutPassword(f.Value.String())))
	})
	return strings.Join(words, " ")
}

// isLoopback says whether a URL is known, without asking anyone, to lead to this
// machine.
func isLoopback(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}
