package main

import (
	"bytes"
	"testing"

	"github.com/seatrial/seatrial/scenarios"
)

// Seeds of each variant: they are always the same, so this fails for all or for
// nobody.
const librarySeeds = "5"

func TestEveryScenarioOfTheLibraryEndsOnTheSimulatorAsItsAuthorExpects(t *testing.T) {
	for _, entry := range scenarios.Library() {
		t.Run(entry.Name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", t.TempDir())
			var out, messages bytes.Buffer
			args := []string{"run", entry.Name, "--repeats", librarySeeds, "--out", t.TempDir()}
			if code := run(args, &out, &messages); code != 0 {
				t.Errorf("exit code %d\n%s\n%s", code, out.Bytes(), messages.Bytes())
			}
		})
	}
}
