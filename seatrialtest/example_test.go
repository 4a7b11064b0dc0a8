package seatrialtest_test

import (
	"testing"

	"github.com/seatrial/seatrial/seatrialtest"
)

// A test that runs every variant of a scenario on the simulator, and asserts
// something of its own on top.
func Example() {
	_ = func(t *testing.T) { // func TestAFrozenNode(t *testing.T)
		for _, s := range seatrialtest.Run(t, "live-migration") {
			if *s.Impact.UsersHurt > 0.5 {
				t.Errorf("%s: %.0f %% of the users were hurt", s.Variant, 100**s.Impact.UsersHurt)
			}
		}
	}
}

// A test on clusters of kind, which skips where there is no Docker.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestARolloutLosesNothing(t *testing.T)
		seatrialtest.Run(t, "testdata/rollout.yaml", seatrialtest.On("kind"), seatrialtest.Variants("readiness-prestop"))
	}
}
