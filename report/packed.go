package report

import (
	"slices"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/journal"
)

// packed is a histogram as a list: a tenth of the memory of a map, and quicker to
// add up. A bucket may be in it several times.
type packed []cell

// cell has a bucket's index in its lower bits and a count in the others.
type cell uint32

const (
	indexBits = 15 // [journal.Highest] is in bucket 27,000 or so
	mostCount = 1<<(32-indexBits) - 1
)

func (c cell) index() int32 { return int32(c & (1<<indexBits - 1)) }
func (c cell) count() int64 { return int64(c >> indexBits) }

// add appends a histogram whose buckets are those of [journal.Record].
func (p *packed) add(b seatrial.Buckets) {
	*p = slices.Grow(*p, len(b))
	for i, n := range b {
		for ; n > 0; n -= mostCount {
			*p = append(*p, cell(min(n, mostCount))<<indexBits|cell(i))
		}
	}
}

// count is [journal.Count].
func (p packed) count() int64 {
	total := int64(0)
	for _, c := range p {
		total += c.count()
	}
	return total
}

// above is [journal.CountAbove].
func (p packed) above(d time.Duration) int64 {
	total, limit := int64(0), journal.Index(d)
	for _, c := range p {
		if c.index() > limit {
			total += c.count()
		}
	}
	return total
}

// buckets is the histogram as others know it; nil where it is empty.
func (p packed) buckets() seatrial.Buckets {
	var t adder
	t.add(p)
	return t.take()
}

// adder adds up many packed histograms. Its zero value is ready for use.
type adder struct {
	counts []int64 // by bucket; zeros between uses
	used   []int32 // buckets with a count
}

func (t *adder) add(p packed) {
	if t.counts == nil && len(p) > 0 {
		t.counts = make([]int64, 1<<indexBits)
	}
	for _, c := range p {
		if t.counts[c.index()] == 0 {
			t.used = append(t.used, c.index())
		}
		t.counts[c.index()] += c.count()
	}
}

// take returns the sum, nil where it is empty, and begins anew.
func (t *adder) take() seatrial.Buckets {
	if len(t.used) == 0 {
		return nil
	}
	sum := make(seatrial.Buckets, len(t.used))
	for _, i := range t.used {
		sum[i], t.counts[i] = t.counts[i], 0
	}
	t.used = t.used[:0]
	return sum
}
