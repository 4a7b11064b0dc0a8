package report

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// TestPackedHistogramsAreTheSame holds sums, counts and quantiles to those of maps.
func TestPackedHistogramsAreTheSame(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 1))
	var sum adder
	for round := range 3 {
		want, one := seatrial.Buckets{}, packed{}
		for range 50 {
			b := seatrial.Buckets{}
			for range chance.IntN(40) {
				journal.Record(b, time.Duration(chance.ExpFloat64()*float64(20*time.Millisecond)))
			}
			journal.Merge(want, b)
			p := packed{}
			p.add(b)
			one.add(b)
			sum.add(p)
			if d := 30 * time.Millisecond; p.count() != journal.Count(b) || p.above(d) != journal.CountAbove(b, d) {
				t.Fatalf("%d and %d above", p.count(), p.above(d))
			}
		}
		if got := sum.take(); !maps.Equal(got, want) || !maps.Equal(one.buckets(), want) {
			t.Fatalf("round %d: %v, want %v", round, got, want)
		}
	}
	if sum.take() != nil || packed(nil).buckets() != nil {
		t.Error("something of nothing")
	}
}

func TestEveryBucketAndCountOfAJournalFits(t *testing.T) {
	last := journal.Index(journal.Highest)
	if last >= 1<<indexBits {
		t.Fatalf("bucket %d has no place in %d bits", last, indexBits)
	}
	var p packed
	b := seatrial.Buckets{0: mostCount, 1: mostCount + 1, last: 1 << 24, 5: 0}
	p.add(b)
	delete(b, 5)
	if got := p.buckets(); !maps.Equal(got, b) || p.count() != journal.Count(b) {
		t.Errorf("%v, want %v", got, b)
	}
}
