package statistics

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/aclements/go-moremath/stats"
)

// TestMannWhitneyAgreesWithAnotherImplementation holds U and its exact p to those
// of go-moremath, for samples without ties.
func TestMannWhitneyAgreesWithAnotherImplementation(t *testing.T) {
	chance := rand.New(rand.NewPCG(15, 15))
	for range 100 {
		a, b := make([]float64, 3+chance.IntN(12)), make([]float64, 3+chance.IntN(12))
		for i := range a {
			a[i] = chance.NormFloat64()
		}
		for i := range b {
			b[i] = chance.NormFloat64() + chance.Float64()
		}
		want, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
		if err != nil {
			t.Fatal(err)
		}
		if got := MannWhitney(a, b); got.Statistic != want.U || math.Abs(got.P-want.P) > 1e-9 {
			t.Errorf("%v, %v: %+v, want U = %g, p = %g", a, b, got, want.U, want.P)
		}
	}
}
