package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/report"
)

// TestTheSameSeedGivesTheSameBytesOnOneCoreAndOnFour runs the command itself,
// since the number of cores belongs to a process.
func TestTheSameSeedGivesTheSameBytesOnOneCoreAndOnFour(t *testing.T) {
	var first map[string][]byte
	for _, cores := range []string{"1", "4"} {
		files := simulated(t, cores)
		if first == nil {
			first = files
			continue
		}
		for name, text := range files {
			if !bytes.Equal(text, first[name]) {
				t.Errorf("%s on %s cores differs from that on one: %d and %d bytes", name, cores, len(text), len(first[name]))
			}
		}
	}
}

// simulated returns the files of a run of both variants, by variant and name.
func simulated(t *testing.T, cores string) map[string][]byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary, out := filepath.Join(dir, "seatrial"), filepath.Join(dir, "runs")
	if err := os.Symlink(self, binary); err != nil { // TestMain makes the command of that name
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), binary, "run", "--on", backend.Sim, "scenarios/live-migration.yaml", "--variant", "as-is", "--variant", "packed", "--seed", "7", "--out", out)
	c.Dir = e2eDir(t)
	c.Env = append(os.Environ(), "GOMAXPROCS="+cores)
	if messages, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, messages)
	}
	files := map[string][]byte{}
	for _, variant := range []string{"as-is-1", "packed-1"} {
		for _, name := range []string{report.JournalFile, report.SummaryFile, report.PageFile} {
			paths := glob(t, out, "live-migration/*/"+variant+"/"+name)
			if len(paths) != 1 {
				t.Fatalf("%s of %s: %v, want one", name, variant, paths)
			}
			text, err := os.ReadFile(paths[0])
			if err != nil {
				t.Fatal(err)
			}
			files[variant+"/"+name] = text
		}
	}
	return files
}
