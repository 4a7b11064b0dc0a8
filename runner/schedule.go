package runner

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seatrial/seatrial"
)

// Planned is one trial of a schedule.
type Planned struct {
	Scenario *seatrial.Scenario
	Trial    seatrial.Trial
	Seed     uint64
	// Folder is the trial's own: <out>/<scenario>/<run>/<variant>-<n>.
	Folder string
}

// Schedule lists the trials of a scenario: each variant once a round, so that
// a machine's drift hurts all variants alike. variants chooses some by name;
// none means all.
func Schedule(sc *seatrial.Scenario, variants []string, repeats int, seed uint64, folder string) ([]Planned, error) {
	chosen, err := choose(sc, variants)
	if err != nil {
		return nil, err
	}
	var planned []Planned
	for n := range repeats {
		for _, t := range chosen {
			planned = append(planned, Planned{Scenario: sc, Trial: t, Seed: seed + uint64(n),
				Folder: filepath.Join(folder, fmt.Sprintf("%s-%d", t.Variant, n+1))})
		}
	}
	return planned, nil
}

func choose(sc *seatrial.Scenario, variants []string) ([]seatrial.Trial, error) {
	var names []string
	var chosen []seatrial.Trial
	for _, t := range sc.Variants {
		names = append(names, t.Variant)
		if len(variants) == 0 || slices.Contains(variants, t.Variant) {
			chosen = append(chosen, t)
		}
	}
	for _, v := range variants {
		if !slices.Contains(names, v) {
			return nil, seatrial.Fail(seatrial.BadInput,
				fmt.Errorf("scenario %s has no variant %q", sc.Name, v),
				"its variants are: "+strings.Join(names, ", "))
		}
	}
	return chosen, nil
}
