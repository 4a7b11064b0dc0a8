// Package seatrialtest runs sea trials from go test.
//
//	func TestAFrozenNodeCostsUsersLittle(t *testing.T) {
//		seatrialtest.Run(t, "testdata/live-migration.yaml")
//	}
//
// Each variant of the scenario is a subtest. It fails where the verdict is not
// what the variant expects, with the reasons, what users felt, the path of the
// report, and the command that repeats it. A trial that proves nothing fails, too.
//
// The simulator is the default, and needs nothing. With [On] a test asks for
// clusters of kind, which are booted once and kept for later tests; where there
// is no Docker the test skips, and says why, unless $SEATRIAL_REQUIRE names the
// backend, as it should in CI. Such tests take minutes: -short skips them. Tests
// and packages that run at the same time wait for each other where they need the
// same cluster.
//
// Before go test's -timeout is over, a trial is interrupted, so that what it did
// to the cluster is undone; a guardian, which is this test's binary started once
// more, does that where the test dies all the same.
//
// Package seatrialtest/e2e has the same for suites of sigs.k8s.io/e2e-framework.
package seatrialtest
