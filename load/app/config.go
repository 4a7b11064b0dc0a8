package app

import (
	"flag"
	"fmt"
	"io"
	"net/url"
	"path"
	"time"

	"github.com/seatrial/seatrial"
)

// Termination is what the application does on SIGTERM.
type Termination string

// The ways to go.
const (
	// Drain fails readiness, asks clients to close their connections, goes on
	// answering for the drain time, finishes what is in flight, and exits.
	Drain Termination = "drain"
	// Exit goes at once and takes requests in flight along.
	Exit Termination = "exit"
	// Ignore goes on as if nothing had happened, until it is killed.
	Ignore Termination = "ignore"
)

// UnmarshalText reads one of the three words.
func (t *Termination) UnmarshalText(text []byte) error {
	switch word := Termination(text); word {
	case Drain, Exit, Ignore:
		*t = word
		return nil
	}
	return fmt.Errorf("%q is not drain, exit or ignore", text)
}

// MarshalText is the inverse of [Termination.UnmarshalText].
func (t Termination) MarshalText() ([]byte, error) { return []byte(t), nil }

// Config is the sample application's flags.
type Config struct {
	Listen      string        // --listen: address to serve on
	ServiceTime Distribution  // --service-time: how long an answer takes
	Startup     time.Duration // --startup: before it listens
	ReadyDelay  time.Duration // --ready-delay: after that, before it is ready
	Terminate   Termination   // --on-sigterm
	DrainTime   time.Duration // --drain-time: answers go on after SIGTERM, with drain
	Upstream    string        // --upstream: URL that is asked before each answer; empty for none
	// UpstreamTimeout ends that call; the answer is then 502.
	UpstreamTimeout time.Duration // --upstream-timeout
	Seed            uint64        // --seed: of the service times, with the host's name
	// Concurrency is how many requests are served at once; further ones wait
	// in order of arrival. Zero means no limit.
	Concurrency int // --concurrency
	// Data is a file, on a volume, that every answer writes and reads back.
	// While that fails, answers are 500 and /readyz says no; empty for none.
	Data string // --data
	// Memory is what it takes when it starts, in bytes, and keeps; the rest of
	// it, some 10 MiB, comes on top.
	Memory int64 // --memory
}

// ParseFlags reads the arguments that follow the word "app".
func ParseFlags(args []string) (Config, error) {
	c := Config{Terminate: Drain}
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the error
	flags.StringVar(&c.Listen, "listen", ":8080", "`address` to serve on")
	flags.TextVar(&c.ServiceTime, "service-time", Constant(5*time.Millisecond), "`distribution` of the time an answer takes: 5ms, exponential:5ms, lognormal:5ms:0.5 (median, sigma), uniform:2ms:8ms")
	flags.DurationVar(&c.Startup, "startup", 0, "how long it takes to listen")
	flags.DurationVar(&c.ReadyDelay, "ready-delay", 0, "how long after that /readyz says no")
	flags.TextVar(&c.Terminate, "on-sigterm", Drain, "drain, exit or ignore")
	flags.DurationVar(&c.DrainTime, "drain-time", 5*time.Second, "with drain: how long it goes on answering")
	flags.StringVar(&c.Upstream, "upstream", "", "`URL` to ask before each answer")
	flags.DurationVar(&c.UpstreamTimeout, "upstream-timeout", time.Second, "how long to wait for it")
	flags.Uint64Var(&c.Seed, "seed", 1, "of the service times")
	memory := seatrial.Bytes(0)
	flags.TextVar(&memory, "memory", seatrial.Bytes(0), "`amount` of memory to take at the start and keep, such as 64Mi")
	flags.IntVar(&c.Concurrency, "concurrency", 0, "requests served at once; 0 means no limit")
	flags.StringVar(&c.Data, "data", "", "`file` that every answer writes and reads back; while that fails, answers are 500 and it is not ready")
	if err := flags.Parse(args); err != nil {
		return Config{}, fmt.Errorf("sample application: %w", err)
	}
	if flags.NArg() > 0 {
		return Config{}, fmt.Errorf("sample application: unexpected argument %q", flags.Arg(0))
	}
	c.Memory = int64(memory)
	return c, c.check()
}

func (c Config) check() error {
	if c.Startup < 0 || c.ReadyDelay < 0 || c.DrainTime < 0 || c.UpstreamTimeout <= 0 {
		return fmt.Errorf("sample application: a duration is below zero")
	}
	if c.Concurrency < 0 {
		return fmt.Errorf("sample application: --concurrency %d is below zero", c.Concurrency)
	}
	if c.Data != "" && !path.IsAbs(c.Data) {
		return fmt.Errorf("sample application: --data %q is not an absolute path", c.Data)
	}
	if u, err := url.Parse(c.Upstream); c.Upstream != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("sample application: --upstream %q is not a URL", c.Upstream)
	}
	return nil
}
