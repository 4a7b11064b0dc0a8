// Package shop is an example: how a team that deploys a shop tries its manifests
// from go test. Copy this folder, and put your own manifests into testdata.
package shop

import (
	"testing"

	"github.com/seatrial/seatrial/seatrialtest"
)

// On every push: seconds, and nothing but Go.
func TestARolloutLosesNoRequest(t *testing.T) {
	seatrialtest.Run(t, "testdata/rollout.yaml")
}

// Ten seeds say more than one: whom a failure hits is left to chance.
func TestAFrozenNodeHurtsFewUsers(t *testing.T) {
	for _, s := range seatrialtest.Run(t, "testdata/frozen-node.yaml", seatrialtest.Repeats(10)) {
		if hurt := *s.Impact.UsersHurt; hurt > 0.5 {
			t.Errorf("%s, seed %d: %.0f %% of the users were hurt, want at most half", s.Variant, s.Seed, 100*hurt)
		}
	}
}

// Before a release, with SEATRIAL_REQUIRE=kind: minutes, and Docker. Without it
// the test skips, and says so.
func TestARolloutOnARealCluster(t *testing.T) {
	seatrialtest.Run(t, "testdata/rollout.yaml", seatrialtest.On("kind"))
}
