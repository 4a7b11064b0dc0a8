package runner_test

import (
	"fmt"
	"testing"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/runner"
)

func TestARoundHasEveryVariantOnceInAnOrderOfItsSeed(t *testing.T) {
	sc := &seatrial.Scenario{Name: "s", Variants: []seatrial.Trial{{Variant: "a"}, {Variant: "b"}, {Variant: "c"}}}
	planned, err := runner.Blocks(sc, nil, 40, 7, "out")
	if err != nil || len(planned) != 120 {
		t.Fatalf("%d trials, %v", len(planned), err)
	}
	orders := map[string]bool{}
	for n := range 40 {
		order, seen := "", map[string]bool{}
		for _, p := range planned[3*n : 3*n+3] {
			order += p.Trial.Variant
			seen[p.Trial.Variant] = true
			if want := fmt.Sprintf("out/%s-%d", p.Trial.Variant, n+1); p.Seed != uint64(7+n) || p.Folder != want {
				t.Errorf("round %d: seed %d in %s", n, p.Seed, p.Folder)
			}
		}
		orders[order] = true
		if len(seen) != 3 {
			t.Errorf("round %d has %s", n, order)
		}
	}
	if len(orders) != 6 {
		t.Errorf("40 rounds had only these orders: %v", orders)
	}
	again, _ := runner.Blocks(sc, nil, 40, 7, "out")
	for i := range planned {
		if planned[i].Folder != again[i].Folder {
			t.Fatal("the same seed gave another order")
		}
	}
}
