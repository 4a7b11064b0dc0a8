package seatrialtest

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/backend"
)

// Option changes how a scenario is run.
type Option func(*run)

// run is what the options say.
type run struct {
	backend  backend.Backend
	variants []string
	repeats  int
	seed     uint64
	out      string
}

func chosen(options []Option) *run {
	o := &run{backend: backend.Backend{On: backend.Sim}, repeats: 1, seed: 1}
	for _, option := range options {
		option(o)
	}
	return o
}

// On asks for a backend: "sim", the default, or "kind".
func On(name string) Option { return func(o *run) { o.backend.On = name } }

// Variants runs these variants alone; none means all.
func Variants(names ...string) Option { return func(o *run) { o.variants = names } }

// Repeats runs each variant so often, the n-th time with the seed plus n - 1.
func Repeats(n int) Option { return func(o *run) { o.repeats = n } }

// Seed is what random choices start from; 1 without this option.
func Seed(seed uint64) Option { return func(o *run) { o.seed = seed } }

// Out is the folder in which reports are kept. Without it they are the test's
// artifacts, with go test's -artifacts, and else lie in a temporary folder, which
// stays where the test has failed.
func Out(folder string) Option { return func(o *run) { o.out = folder } }

// NodeImage is kind's node image; without this option it is the local
// seatrial/node, or else kindest/node.
func NodeImage(name string) Option { return func(o *run) { o.backend.NodeImage = name } }

// AgentImage is a seatrial-agent for Linux that was built before, such as a
// release's; without this option it is built from the module's source.
func AgentImage(path string) Option { return func(o *run) { o.backend.AgentImage = path } }

// Require is the environment variable that names the backends, separated by
// commas, without which tests are to fail rather than skip.
const Require = "SEATRIAL_REQUIRE"

// need skips the test where its backend is not to be had, and says why.
func (o *run) need(t *testing.T) {
	t.Helper()
	if err := o.backend.Check(); err != nil {
		t.Fatal(seatrial.Explain(err))
	}
	if o.repeats < 1 {
		t.Fatalf("Repeats(%d): use 1 or more", o.repeats)
	}
	if o.backend.On == backend.Sim {
		return
	}
	required := slices.Contains(strings.Split(os.Getenv(Require), ","), o.backend.On)
	if testing.Short() && !required {
		t.Skipf("a trial on %s takes minutes: run without -short", o.backend.On)
	}
	switch err := o.backend.Available(t.Context()); {
	case err == nil:
	case required:
		t.Fatalf("$%s asks for %s, and it is not there: %s", Require, o.backend.On, seatrial.Explain(err))
	default:
		t.Skipf("%s is not there (with %s=%s this fails): %s", o.backend.On, Require, o.backend.On, seatrial.Explain(err))
	}
}

// folder is where the runs of this test go.
func (o *run) folder(t *testing.T) string {
	t.Helper()
	name := backend.RunName(time.Now())
	if o.out != "" {
		return filepath.Join(o.out, strings.ReplaceAll(t.Name(), "/", "-"), name)
	}
	if keepsArtifacts() {
		return filepath.Join(t.ArtifactDir(), name)
	}
	dir, err := os.MkdirTemp("", "seatrial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	})
	return dir
}

// keepsArtifacts says whether go test was asked to keep them.
func keepsArtifacts() bool {
	f := flag.Lookup("test.artifacts")
	return f != nil && f.Value.String() == "true"
}

// until ends early enough before go test's -timeout for a trial to be undone.
func (o *run) until(t *testing.T) (context.Context, context.CancelFunc) {
	deadline, has := t.Deadline()
	if !has {
		return context.WithCancel(t.Context())
	}
	return context.WithDeadline(t.Context(), deadline.Add(-o.grace()))
}

// grace is what undoing may take: on a real cluster nodes come back.
func (o *run) grace() time.Duration {
	if o.backend.On == backend.Sim {
		return time.Second
	}
	return time.Minute
}
