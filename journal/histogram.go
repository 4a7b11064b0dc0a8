package journal

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// The layout of [seatrial.Buckets] is that of an HDR histogram with three
// significant digits, counted in microseconds (http://hdrhistogram.org): up to
// 2047 µs a bucket for each microsecond, above that 1024 buckets for each
// doubling. A bucket is therefore at most 1/1024 as wide as the values in it.
const (
	// Highest is the largest time that is told apart; longer ones are recorded
	// as this.
	Highest = 24 * time.Hour

	// Error is the largest relative error of a quantile: it is never below the
	// true one, and at most this share above.
	Error = 1.0 / subBuckets

	subBucketBits = 10
	subBuckets    = 1 << subBucketBits
)

// Record counts d once. Negative times count as zero, times are rounded to a
// microsecond.
func Record(b seatrial.Buckets, d time.Duration) { b[Index(d)]++ }

// Merge adds src to dst. Merging is exact: the result is the histogram of the
// pooled samples.
func Merge(dst, src seatrial.Buckets) {
	for i, n := range src {
		dst[i] += n
	}
}

// Count is the number of samples.
func Count(b seatrial.Buckets) int64 {
	var total int64
	for _, n := range b {
		total += n
	}
	return total
}

// CountAbove is the number of samples that are longer than d. Samples that
// share d's bucket, and so are within 0.1 % of it, count as not longer.
func CountAbove(b seatrial.Buckets, d time.Duration) int64 {
	var above int64
	limit := Index(d)
	for i, n := range b {
		if i > limit {
			above += n
		}
	}
	return above
}

// Max is the longest sample, at most 0.1 % too long; zero where there is none.
func Max(b seatrial.Buckets) time.Duration {
	longest := time.Duration(0)
	for i, n := range b {
		if n > 0 {
			longest = max(longest, Value(i))
		}
	}
	return longest
}

// Quantile is the nearest-rank quantile: the smallest sample that at least the
// share q of all samples does not exceed, so that q = 0.99 of 100 samples is
// the 99th smallest. It is exact below 2048 µs and at most 0.1 % too long
// above, never too short; zero where there is no sample.
func Quantile(b seatrial.Buckets, q float64) time.Duration {
	return AtRank(b, Rank(q, Count(b)))
}

// AtRank is the sample at a place in ascending order, counted from 1; zero
// where there is no such sample.
func AtRank(b seatrial.Buckets, rank int64) time.Duration {
	seen := int64(0)
	for _, i := range slices.Sorted(maps.Keys(b)) {
		if seen += b[i]; seen >= rank && seen > 0 {
			return Value(i)
		}
	}
	return 0
}

// Rank is the place, counted from 1, that the q-quantile of n samples has in
// ascending order. It is zero for no samples.
func Rank(q float64, n int64) int64 {
	// 0.999 × 1000 is a little above 999 in floating point and would round up
	// to the next sample; the share that is taken off is below any real one.
	exact := q*float64(n) - 1e-12*float64(n)
	return min(max(int64(math.Ceil(exact)), 1), n)
}

// Index is the bucket that counts d.
func Index(d time.Duration) int32 {
	us := uint64(min(max(d, 0), Highest).Round(time.Microsecond) / time.Microsecond)
	shift := max(bits.Len64(us)-subBucketBits-1, 0)
	return int32(shift<<subBucketBits) + int32(us>>shift)
}

// Value is the longest time that bucket i counts.
func Value(i int32) time.Duration {
	i = min(max(i, 0), lastIndex)
	shift := max(i>>subBucketBits-1, 0)
	mantissa := int64(i - shift<<subBucketBits)
	return time.Duration((mantissa+1)<<shift-1) * time.Microsecond
}

// lastIndex is the bucket of [Highest].
var lastIndex = Index(Highest)
