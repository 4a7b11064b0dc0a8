package scenarios_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/scenarios"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestABrokenFileSaysWhereWhatAndWhatToDo(t *testing.T) {
	t.Chdir(filepath.Join("..", "testdata", "scenarios"))
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d broken files found", len(files))
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			_, err := scenarios.Load(file, faults.Catalog())
			var fail *seatrial.Error
			if !errors.As(err, &fail) || fail.Class != seatrial.BadInput {
				t.Fatalf("want a seatrial.Error of class BadInput, got %v", err)
			}
			compare(t, strings.TrimSuffix(file, ".yaml")+".golden", "error: "+fail.Error()+"\nhint: "+fail.Hint+"\n")
		})
	}
}

// compare holds got against a golden file, or writes it with -update.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and look at the difference.\ngot:\n%s\nwant:\n%s", golden, got, want)
	}
}
