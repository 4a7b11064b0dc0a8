package main

import (
	"testing"

	"github.com/seatrial/seatrial/report"
)

// Pods that end badly, and those that end well.

const unevenTermination = "../../scenarios/uneven-termination.yaml"

// loadOf is what became of one load.
func loadOf(t *testing.T, s *report.Summary, name string) report.Counts {
	t.Helper()
	for _, l := range s.Loads {
		if l.Name == name {
			return l.Load
		}
	}
	t.Fatalf("%s has no load %s", s.Variant, name)
	return report.Counts{}
}

// wantUneven holds what the variants of uneven-termination promise, wherever
// they ran.
func wantUneven(t *testing.T, all map[string]*report.Summary) {
	t.Helper()
	asIs, drain := all["as-is"], all["drain"]
	attached := 0
	for _, p := range asIs.Exposure {
		if p.Hit {
			attached = p.Users
		}
	}
	// Each of them has a request a second.
	if lasted, failed := asIs.Impact.UnavailableSeconds, asIs.Errors["http-502"]; lasted < 25 || lasted > 32 || attached == 0 || failed < int64(25*attached) {
		t.Errorf("as-is: unavailable for %g s, %d requests of %d attached users failed; want the 30 s of the grace period, and all of theirs", lasted, failed, attached)
	}
	if drain.Load.Failed == 0 || drain.Load.Failed > asIs.Load.Failed/5 || drain.Impact.UnavailableSeconds > 10 {
		t.Errorf("drain: %d failed in %g s, of %d as-is; want far fewer, and some", drain.Load.Failed, drain.Impact.UnavailableSeconds, asIs.Load.Failed)
	}
	for _, name := range []string{"prestop", "native-sidecar"} {
		if s := all[name]; s.Load.Failed+s.Load.Dropped != 0 {
			t.Errorf("%s: %d requests failed: %v, want none", name, s.Load.Failed, s.Errors)
		}
	}
}

func TestAnUnevenPodFailsItsUsersForItsGracePeriodAndARemedyNone(t *testing.T) {
	overSeeds(t, "uneven-termination", wantUneven)
}

func TestTenRolloutsWithReadinessPreStopAndDrainLoseNoGET(t *testing.T) {
	for _, s := range tried(t, scenario(t, "ten-rollouts.yaml", "rolling-update-prestop.yaml")) {
		wantNoGETLost(t, s)
	}
	overSeeds(t, "rolling-update", func(t *testing.T, all map[string]*report.Summary) {
		wantNoGETLost(t, all["readiness-prestop"])
	})
}

// wantNoGETLost holds that every rollout of the trial came about, and that none
// of its GETs was lost.
func wantNoGETLost(t *testing.T, s *report.Summary) {
	t.Helper()
	for _, f := range s.Faults {
		if f.ProvenAt == nil || f.RevertedAt == nil {
			t.Errorf("%s did not come about", f.Name)
		}
	}
	browse, order := loadOf(t, s, "browse"), loadOf(t, s, "order")
	t.Logf("%d rollouts: %d GETs in %d attempts; %d of %d POSTs failed", len(s.Faults), browse.Sent, browse.Attempts, order.Failed, order.Sent)
	if browse.Sent == 0 || browse.Failed+browse.Dropped != 0 {
		t.Errorf("%d of %d GETs failed, %d were dropped", browse.Failed, browse.Planned, browse.Dropped)
	}
}

func TestARolloutWithoutReadinessLosesRequests(t *testing.T) {
	overSeeds(t, "rolling-update", func(t *testing.T, all map[string]*report.Summary) {
		if n := loadOf(t, all["no-readiness"], "browse").Failed; n < 100 {
			t.Errorf("without readiness %d GETs failed, want those of 3 s at every pod", n)
		}
		browse, order := loadOf(t, all["readiness"], "browse"), loadOf(t, all["readiness"], "order")
		if order.Failed <= browse.Failed || browse.Attempts <= browse.Sent {
			t.Errorf("with readiness %d POSTs and %d GETs failed, in %d attempts for %d; want more POSTs, as Go sends GETs again",
				order.Failed, browse.Failed, browse.Attempts, browse.Sent)
		}
	})
}

func TestAllTenRolloutsLoseNoGET(t *testing.T) {
	e := wholeE2E(t)
	for _, s := range e.trial(t, scenario(t, "ten-rollouts.yaml", "rolling-update-prestop.yaml")) {
		wantNoGETLost(t, &s)
	}
	wantAllWell(t)
}

func TestAllAnUnevenPodFailsItsUsersForItsGracePeriodAndARemedyNone(t *testing.T) {
	e := wholeE2E(t)
	all := map[string]*report.Summary{}
	for _, s := range e.trial(t, unevenTermination) {
		all[s.Variant] = &s
	}
	wantUneven(t, all)
	wantAllWell(t)
}
