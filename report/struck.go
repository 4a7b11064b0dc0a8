package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Struck is how many of a workload's pods were on the nodes that a fault
// targeted, or were targets themselves, when it was injected. It points at the
// workload that the fault is about: the one that shows errors may be another,
// which depends on it.
type Struck struct {
	Workload string `json:"workload"` // "deployment/shop"
	Pods     int    `json:"pods"`
	Of       int    `json:"of"`
}

// strike fills in what each fault struck.
func (f *Fold) strike(faults []Fault) {
	for i := range faults {
		if at := faults[i].InjectedAt; at != nil {
			faults[i].Struck = f.struck(faults[i], at.Duration())
		}
	}
}

func (f *Fold) struck(fault Fault, injected time.Duration) []Struck {
	sums := map[string]*Struck{}
	for _, p := range f.podsAt(injected) {
		if p.System || p.Workload == "" || !p.Ready || p.Deleted {
			continue
		}
		s := sums[p.Workload]
		if s == nil {
			s = &Struck{Workload: p.Workload}
			sums[p.Workload] = s
		}
		s.Of++
		if hit([]Fault{fault}, p.name, p.Node) {
			s.Pods++
		}
	}
	var list []Struck
	for _, workload := range slices.Sorted(maps.Keys(sums)) {
		if sums[workload].Pods > 0 {
			list = append(list, *sums[workload])
		}
	}
	return list
}

// podsAt is the last that is known of each pod before a time.
func (f *Fold) podsAt(at time.Duration) map[string]podChange {
	changes := slices.Clone(f.changes)
	slices.SortStableFunc(changes, func(a, b podChange) int { return cmp.Compare(a.at, b.at) })
	last := map[string]podChange{}
	for _, c := range changes {
		if c.at < at {
			last[c.name] = c
		}
	}
	return last
}

// struckWords is such as "1 of 2 pods of deployment/stock"; empty for none.
func struckWords(faults []Fault) string {
	var list []string
	for _, f := range faults {
		for _, s := range f.Struck {
			words := fmt.Sprintf("%d of %s of %s", s.Pods, plural(int64(s.Of), "pod"), s.Workload)
			if !slices.Contains(list, words) {
				list = append(list, words)
			}
		}
	}
	return strings.Join(list, ", ")
}
