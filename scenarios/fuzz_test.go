package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

// FuzzParse promises that no file makes Parse panic, and that what it refuses
// is bad input with at least one place.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", filepath.Join("..", "testdata", "scenarios", "*.yaml")} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	here := os.DirFS(".")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scenarios.Parse("fuzz.yaml", data, here, faults.Catalog())
		if err == nil {
			if len(s.Variants) == 0 || s.Variants[0].Spec.Timeline.Trial <= 0 {
				t.Errorf("accepted, but there is nothing to run: %+v", s)
			}
			return
		}
		var fail *seatrial.Error
		var problems scenarios.Problems
		if !errors.As(err, &fail) || fail.Class != seatrial.BadInput || !errors.As(err, &problems) || len(problems) == 0 {
			t.Errorf("not a list of problems: %v", err)
		}
	})
}
