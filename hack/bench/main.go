// Command bench holds the load engine against other load generators: it lets each
// of them send the same load to the same server, in turn, and says how far the
// latencies that they report are from the truth, which the server knows, and what
// a request costs them.
//
//	go run ./hack/bench                                  # all of it, three quarters of an hour
//	go run ./hack/bench -scenarios stall -tools seatrial,vegeta -repeats 2
//
// The peers are built from their Go modules, in pinned versions, into the user's
// cache folder; wrk has to be installed (Debian: apt-get install wrk). Those that
// are not to be had are left out, and the table says so. Everything stays on
// loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	scenarios string
	tools     string
	repeats   int
	duration  time.Duration
	beside    bool
	cache     string
	seatrial  string
	alone     string // run one engine alone, in this process: see engines
}

func main() {
	o := options{}
	flag.StringVar(&o.scenarios, "scenarios", "stall,lognormal,hang,cost,memory", "what to measure")
	flag.StringVar(&o.tools, "tools", "seatrial,vegeta,k6,fortio,wrk", "whom to measure")
	flag.IntVar(&o.repeats, "repeats", 5, "runs of each tool in each scenario")
	flag.DurationVar(&o.duration, "duration", 20*time.Second, "length of each run; stalls are a tenth of it")
	flag.BoolVar(&o.beside, "beside", false, "run the tools all at once instead of in turn, each with a server of its own: five times as quick, and fair only while they leave the machine idle; not for costs")
	flag.StringVar(&o.cache, "cache", "", "folder for the peers' binaries (default: in the user's cache folder)")
	flag.StringVar(&o.seatrial, "seatrial", "", "seatrial to run (default: built from this module)")
	flag.StringVar(&o.alone, "alone", "", "internal: send to the URL that follows with this engine, in this process, for the costs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	if o.alone != "" {
		return engines[o.alone](ctx, flag.Arg(0), o.duration)
	}
	if o.repeats < 1 || o.duration < time.Second {
		return fmt.Errorf("-repeats %d -duration %s: use at least 1 and 1s", o.repeats, o.duration)
	}
	if err := o.findCache(); err != nil {
		return err
	}
	tools, err := o.ready(ctx)
	if err != nil {
		return err
	}
	fmt.Println(circumstances())
	for _, name := range strings.Split(o.scenarios, ",") {
		switch s, ok := truths(o.duration)[name]; {
		case ok:
			err = o.truth(ctx, s, tools)
		case name == "cost":
			err = o.cost(ctx, tools)
		case name == "memory":
			err = o.memory(ctx, tools)
		default:
			err = fmt.Errorf("there is no scenario %q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *options) findCache() error {
	if o.cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("finding the cache folder (set -cache): %w", err)
		}
		o.cache = filepath.Join(base, "seatrial", "bench")
	}
	return os.MkdirAll(o.cache, 0o755)
}

// ready finds or builds the tools that were asked for.
func (o *options) ready(ctx context.Context) ([]tool, error) {
	var found []tool
	wanted := strings.Split(o.tools, ",")
	for _, t := range all() {
		if !slices.Contains(wanted, t.name) {
			continue
		}
		path, err := o.seatrial, error(nil)
		if t.name != "seatrial" || path == "" {
			path, err = t.get(ctx, o.cache)
		}
		if err != nil && (t.name == "seatrial" || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil {
			fmt.Printf("%s is left out: %v\n", t.name, err)
			continue
		}
		t.path = path
		found = append(found, t)
	}
	if len(found) == 0 {
		return nil, errors.New("no tool is left to be measured")
	}
	return found, nil
}
