package seatrial

import (
	"fmt"
	"strings"
	"time"
)

// Shape is a rate that changes: one of its fields is set, or none, which is the
// constant [Load.Rate]. Times count from the trial's start, as those of faults
// do; during the warm-up the rate is the one that the shape begins with. What a
// shape ends with goes on.
type Shape struct {
	Ramp   *Ramp   `yaml:"ramp"`
	Sine   *Sine   `yaml:"sine"`
	Steps  []Step  `yaml:"steps"`
	Spike  *Spike  `yaml:"spike"`
	Replay *Replay `yaml:"replay"`
	// Lead is how long before the shape the first request is due: the warm-up.
	// The runner sets it.
	Lead time.Duration `yaml:"-"`
}

// Ramp goes evenly from one rate to another, up or down.
type Ramp struct {
	From Rate          `yaml:"from"`
	To   Rate          `yaml:"to"`
	Over time.Duration `yaml:"over"`
}

// Sine swings around a mean: it begins there, rising.
type Sine struct {
	Mean      Rate          `yaml:"mean"`
	Amplitude Rate          `yaml:"amplitude"` // below the mean
	Period    time.Duration `yaml:"period"`
}

// Step is a rate for some time. That of the last one does not matter.
type Step struct {
	Rate Rate          `yaml:"rate"`
	For  time.Duration `yaml:"for"`
}

// Spike is a base rate with a time at another one, which may be lower.
type Spike struct {
	Base Rate          `yaml:"base"`
	Peak Rate          `yaml:"peak"`
	At   time.Duration `yaml:"at"`
	For  time.Duration `yaml:"for"`
}

// Replay is a rate that was recorded, in YAML the name of a file beside the
// scenario: a CSV of seconds and requests a second. Each rate holds until the
// next.
type Replay struct {
	File   string
	Points []Point
}

// Point is the rate from some time on. Unlike a [Rate] it may be nothing.
type Point struct {
	At        time.Duration
	PerSecond float64
}

// Constant says that the load has no shape.
func (s Shape) Constant() bool { return s.Forms() == nil }

// Forms lists the fields that are set, by their names in YAML.
func (s Shape) Forms() []string {
	var forms []string
	for _, f := range []struct {
		name string
		set  bool
	}{{"ramp", s.Ramp != nil}, {"sine", s.Sine != nil}, {"steps", s.Steps != nil}, {"spike", s.Spike != nil}, {"replay", s.Replay != nil}} {
		if f.set {
			forms = append(forms, f.name)
		}
	}
	return forms
}

// String says the shape in words; it is empty for none.
func (s Shape) String() string {
	switch {
	case s.Ramp != nil:
		return fmt.Sprintf("%s to %s over %s", s.Ramp.From, s.Ramp.To, s.Ramp.Over)
	case s.Sine != nil:
		return fmt.Sprintf("%s ± %s in a sine of %s", s.Sine.Mean, s.Sine.Amplitude, s.Sine.Period)
	case s.Spike != nil:
		return fmt.Sprintf("%s, and %s from %s for %s", s.Spike.Base, s.Spike.Peak, s.Spike.At, s.Spike.For)
	case s.Replay != nil:
		return fmt.Sprintf("as recorded in %s", s.Replay.File)
	}
	var steps []string
	for _, step := range s.Steps {
		steps = append(steps, fmt.Sprintf("%s for %s", step.Rate, step.For))
	}
	return strings.Join(steps, ", then ")
}

// RateWords says the rate of a load, constant or not.
func (l Load) RateWords() string {
	if l.Shape.Constant() {
		return l.Rate.String()
	}
	return l.Shape.String()
}
