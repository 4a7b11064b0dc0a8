package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/seatrial/seatrial/report"
)

// downtime is the seconds for which a load was unavailable.
func downtime(t *testing.T, s *report.Summary, load string) float64 {
	t.Helper()
	for _, l := range s.Impact.UnavailableByLoad {
		if l.Load == load {
			return l.Seconds
		}
	}
	t.Fatalf("%s says nothing of load %s: %+v", s.Variant, load, s.Impact.UnavailableByLoad)
	return 0
}

// found is when the front took its first cluster out, since the injection.
func found(t *testing.T, s *report.Summary) float64 {
	t.Helper()
	all := s.Front.Found
	if len(all) != 2 || all[0].Well || !all[1].Well || all[0].Cluster != "a" || all[1].Cluster != "a" {
		t.Fatalf("%s: the front found out %+v, want that cluster a is away, and that it is back", s.Variant, all)
	}
	return float64(all[0].At - *s.Faults[0].InjectedAt)
}

// What users lose when a cluster dies is arithmetic: how long the front takes to
// notice, between two and three intervals and a time-out; then, behind DNS, how
// long its last answer lives, at each client from when it asked.
func TestAClusterLossCostsWhatTheFrontsChecksAndTheClientsCachesSay(t *testing.T) {
	const interval, failures, checkTimeout, timeout, lost = 10, 3, 4, 2, 300
	// An interval of the report is a second, and a request may have been under way.
	const slack = timeout + 2
	overSeeds(t, "cluster-loss", func(t *testing.T, all map[string]*report.Summary) {
		for _, load := range []string{"fresh", "kept", "cached"} {
			if d := downtime(t, all["single"], load); d < lost {
				t.Errorf("one cluster, %s: down for %g s, want the %d s of the loss at least", load, d, lost)
			}
			noticed := found(t, all["balancer"])
			if noticed < (failures-1)*interval || noticed > failures*interval+checkTimeout+1 {
				t.Errorf("the front noticed after %g s, want between %d and %d", noticed, (failures-1)*interval, failures*interval+checkTimeout+1)
			}
			if d := downtime(t, all["balancer"], load); d > noticed+slack || d < noticed-slack {
				t.Errorf("behind a balancer, %s: down for %g s, want as long as the front took to notice, %g s", load, d, noticed)
			}
		}
		for variant, ttl := range map[string]float64{"dns-60": 60, "dns-300": 300} {
			s := all[variant]
			noticed := found(t, s)
			for _, load := range []string{"fresh", "kept"} {
				if d := downtime(t, s, load); d < noticed-slack || d > min(noticed+ttl, lost)+slack+checkTimeout {
					t.Errorf("%s, %s: down for %g s, want between %g s and a TTL more", variant, load, d, noticed)
				}
			}
			if d := downtime(t, s, "cached"); d < lost {
				t.Errorf("%s: who never asks again was down for %g s, want the %d s of the loss at least", variant, d, lost)
			}
		}
		short, long := all["dns-60"], all["dns-300"]
		for i, load := range []string{"fresh", "kept"} {
			if a, b := short.Loads[i].Availability, long.Loads[i].Availability; *a <= *b {
				t.Errorf("%s: a TTL of 60 s is no better than one of 300 s: %.3f and %.3f available", load, *a, *b)
			}
		}
	})
}

func TestALostControlPlaneIsNothingThatAFrontOrAClientSees(t *testing.T) {
	overSeeds(t, "control-plane-loss", func(t *testing.T, all map[string]*report.Summary) {
		alone, node := all["alone"], all["and-a-node"]
		if alone.Load.Failed != 0 || alone.Load.Hurt != 0 {
			t.Errorf("%d requests failed, %d were hurt; want none", alone.Load.Failed, alone.Load.Hurt)
		}
		if len(alone.Front.Found) != 0 {
			t.Errorf("the front found out %+v, want nothing", alone.Front.Found)
		}
		if *node.Availability >= *alone.Availability {
			t.Errorf("with a node lost beside it %.4f available, %.4f without", *node.Availability, *alone.Availability)
		}
	})
}

func TestAPlanNamesTheTargetsOfEachCluster(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"plan", "upgrade-both-at-once"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	for _, want := range []string{`upgrade-a .*a-worker`, `upgrade-b .*b-worker`, `front  shop.example: a load balancer`} {
		if !regexp.MustCompile(want).Match(stdout.Bytes()) {
			t.Errorf("no %q in:\n%s", want, &stdout)
		}
	}
	if regexp.MustCompile(`upgrade-a .*b-worker`).Match(stdout.Bytes()) {
		t.Errorf("a fault of cluster a strikes b:\n%s", &stdout)
	}
}

func TestWindowsThatOverlapCostMoreThanTwoThatDoNot(t *testing.T) {
	overSeeds(t, "upgrade-both-at-once", func(t *testing.T, all map[string]*report.Summary) {
		staggered, overlapping := all["staggered"], all["overlapping"]
		if a, b := staggered.Impact.UnavailableSeconds, overlapping.Impact.UnavailableSeconds; a*2 > b {
			t.Errorf("unavailable for %g s staggered, %g s overlapping; want less than half", a, b)
		}
		if *staggered.Availability <= *overlapping.Availability {
			t.Errorf("%.4f available staggered, %.4f overlapping", *staggered.Availability, *overlapping.Availability)
		}
	})
}
