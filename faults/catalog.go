package faults

import "github.com/seatrial/seatrial"

// Catalog lists the faults that a scenario may name, sorted by name. Each New
// returns a pointer to a struct with its defaults set.
func Catalog() []seatrial.Builtin {
	return []seatrial.Builtin{
		clusterLoss,
		cniBroken,
		controlPlaneOutage,
		cpuHog,
		deschedule,
		dnsDown,
		dnsTerminated,
		drain,
		liveMigration,
		memoryHog,
		nodeNotReady,
		nodeUpgrade,
		podDelete,
		rollingUpdate,
		scaleIn,
		skew,
		volumeLost,
	}
}
