package backend_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial/backend"
	"github.com/seatrial/seatrial/faults"
	"github.com/seatrial/seatrial/runner"
	"github.com/seatrial/seatrial/scenarios"
)

func Example() {
	scenario, err := scenarios.Load("live-migration", faults.Catalog())
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "run-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	planned, err := runner.Schedule(scenario, []string{"as-is"}, 1, 1, folder)
	if err != nil {
		log.Fatal(err)
	}
	b := backend.Backend{On: backend.Sim}
	summary, err := b.Trial(context.Background(), planned[0], false)
	if err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(planned[0].Folder, "report.html"))
	fmt.Println(summary.Verdict, err)
	// Output: fail <nil>
}
