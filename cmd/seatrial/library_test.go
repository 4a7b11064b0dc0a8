package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"

	"github.com/seatrial/seatrial/report"
	"github.com/seatrial/seatrial/scenarios"
)

// A simulated trial hands one baton from goroutine to goroutine: what the race
// detector does not find in one seed, it does not find in the fifth. It makes a
// trial about ten times as slow, so that sweeps try one seed under it, and `make
// test` runs them once more without it.

// seedsOf is how many seeds a sweep tries, of those that it is meant for.
func seedsOf(all int) int {
	if raceDetector {
		return 1
	}
	return all
}

// sweep skips a test of statistics, which is about many seeds or nothing.
func sweep(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("statistics over many seeds: `make test` runs them without the race detector")
	}
}

// librarySeeds are those of each variant, from 1. They are always the same, so
// this fails for all or for nobody.
const librarySeeds = 5

// libraryRun is one run of a scenario of the library, which several tests look at.
type libraryRun struct {
	code     int
	messages string
	seeds    []map[string]*report.Summary // by variant
}

var libraryRuns sync.Map // by the scenario's name, a func() libraryRun

// fromLibrary runs a scenario of the library on its seeds, once for all tests.
func fromLibrary(t *testing.T, name string) libraryRun {
	t.Helper()
	out := t.TempDir()
	once, _ := libraryRuns.LoadOrStore(name, sync.OnceValue(func() libraryRun { return runLibrary(name, out) }))
	return once.(func() libraryRun)()
}

func runLibrary(name, out string) libraryRun {
	seeds := seedsOf(librarySeeds)
	r := libraryRun{seeds: make([]map[string]*report.Summary, seeds)}
	for i := range r.seeds {
		r.seeds[i] = map[string]*report.Summary{}
	}
	var stdout, stderr bytes.Buffer
	r.code = run([]string{"run", name, "--repeats", strconv.Itoa(seeds), "--format", "json", "--out", out}, &stdout, &stderr)
	for in := json.NewDecoder(&stdout); ; {
		var s report.Summary
		err := in.Decode(&s)
		if err == nil && (s.Seed < 1 || s.Seed > uint64(seeds)) {
			err = fmt.Errorf("a summary of seed %d", s.Seed)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.code = -1
			fmt.Fprintln(&stderr, err)
			break
		}
		r.seeds[s.Seed-1][s.Variant] = &s
	}
	r.messages = stderr.String()
	return r
}

// overSeeds looks at a scenario of the library on each of its seeds.
func overSeeds(t *testing.T, name string, check func(t *testing.T, all map[string]*report.Summary)) {
	t.Helper()
	r := fromLibrary(t, name)
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.messages)
	}
	for i, all := range r.seeds {
		t.Run(fmt.Sprintf("seed %d", i+1), func(t *testing.T) { check(t, all) })
	}
}

func TestEveryScenarioOfTheLibraryEndsOnTheSimulatorAsItsAuthorExpects(t *testing.T) {
	for _, entry := range scenarios.Library() {
		t.Run(entry.Name, func(t *testing.T) {
			if r := fromLibrary(t, entry.Name); r.code != 0 {
				t.Errorf("exit code %d\n%s", r.code, r.messages)
			}
		})
	}
}
