package seatrial

import (
	"context"
	"math/rand/v2"
	"time"
)

// Fault is something that goes wrong. Its exported fields are its parameters
// in YAML. Run is straight-line code in this order: choose the targets, arm,
// begin, act, prove, hold, revert. It leaves its own fields alone: trials that
// run side by side share them.
type Fault interface {
	Run(ctx context.Context, env Env) error
}

// Env is what a running fault may use.
type Env interface {
	Clock() Clock
	Cluster() Cluster
	// Rand is seeded by the trial's seed and the fault's name.
	Rand() *rand.Rand
	// Span is the fault's `for`; zero when the scenario leaves it open.
	Span() time.Duration
	// Arm observes what the actions would change and writes that to the
	// ledger, so that Act is one quick step. Call it before Begin: a dry run
	// ends at Begin and has then seen every target.
	Arm(ctx context.Context, actions ...Action) (Effect, error)
	// Begin waits for the time that the scenario plans.
	Begin(ctx context.Context) error
	// Note writes an event to the journal; its time is now unless it has one.
	Note(e Event)
}

// Effect is a set of armed actions that belong together. Its steps go to the
// journal.
type Effect interface {
	// Act does all actions side by side.
	Act(ctx context.Context) error
	// Prove waits for the proof of each; without it the trial is invalid.
	Prove(ctx context.Context) error
	// Revert undoes them. It runs to its end even when ctx is cancelled.
	Revert(ctx context.Context) error
}

// Checker is a fault that can tell before a trial that its parameters, or its
// `for`, make no sense.
type Checker interface {
	Check(span time.Duration) error
}

// Grower is a fault that lets nodes join on top of those that a cluster has.
// Where nodes cannot be made at will, that many more are booted with the
// cluster, and held back.
type Grower interface {
	// Spares is the most of them at a time, for a cluster of so many workers.
	Spares(workers int) int
}

// Maintainer is a fault that somebody plans: it keeps to the maintenance windows
// of its cluster.
type Maintainer interface {
	Maintenance()
}

// Imager is a fault that runs something of its own in a cluster. Where images
// have to be made and brought to the nodes, that is done before the trial.
type Imager interface {
	Images() []string // of [ImageDescheduler]
}

// ImageDescheduler is the image of the descheduler.
const ImageDescheduler = "descheduler"

// Builtin describes a fault of the catalog.
type Builtin struct {
	Name    string       // the YAML key
	Summary string       // one line
	New     func() Fault // with its defaults set
	Proof   string       // how it proves itself, in words
	Example string       // YAML
}
