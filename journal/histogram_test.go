package journal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/seatrial/seatrial"
)

func ExampleQuantile() {
	b := seatrial.Buckets{}
	for ms := range 100 {
		Record(b, time.Duration(ms+1)*10*time.Microsecond)
	}
	fmt.Println(Count(b), Quantile(b, 0.5), Quantile(b, 0.99), Max(b))
	// Output: 100 500µs 990µs 1ms
}

var quantiles = []float64{0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1}

// shapes are the distributions that real latencies resemble.
var shapes = map[string]func(*rand.Rand) time.Duration{
	"uniform to 2 ms": func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(2e6)) },
	"lognormal": func(r *rand.Rand) time.Duration {
		return time.Duration(math.Exp(r.NormFloat64()*1.5+16) * float64(time.Nanosecond))
	},
	"bimodal: 5 ms, and 8 s for one in fifty": func(r *rand.Rand) time.Duration {
		if r.IntN(50) == 0 {
			return 8*time.Second + time.Duration(r.Int64N(int64(time.Second)))
		}
		return 5*time.Millisecond + time.Duration(r.Int64N(int64(time.Millisecond)))
	},
	"hours": func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(Highest))) },
}

func TestAQuantileIsTheNearestRankWithinAThousandth(t *testing.T) {
	for name, draw := range shapes {
		t.Run(name, func(t *testing.T) {
			b, samples := sample(draw, 20_000)
			for _, q := range quantiles {
				exact := samples[Rank(q, int64(len(samples)))-1]
				got := Quantile(b, q)
				if got < exact || float64(got-exact) > Error*float64(exact) {
					t.Errorf("q %v: %v, the sorted samples say %v", q, got, exact)
				}
			}
			if Max(b) != Quantile(b, 1) {
				t.Errorf("Max %v, Quantile(1) %v", Max(b), Quantile(b, 1))
			}
		})
	}
}

func TestQuantilesAreThoseOfHdrHistogram(t *testing.T) {
	for name, draw := range shapes {
		t.Run(name, func(t *testing.T) {
			b, samples := sample(draw, 20_000)
			reference := hdrhistogram.New(1, int64(Highest/time.Microsecond), 3)
			for _, d := range samples {
				if err := reference.RecordValue(d.Microseconds()); err != nil {
					t.Fatal(err)
				}
			}
			for _, q := range quantiles[1:] {
				want := time.Duration(reference.ValueAtPercentile(q*100)) * time.Microsecond
				if got := Quantile(b, q); got != want {
					t.Errorf("q %v: %v, HdrHistogram says %v", q, got, want)
				}
			}
		})
	}
}

// sample draws n times of a whole number of microseconds and returns them
// sorted.
func sample(draw func(*rand.Rand) time.Duration, n int) (seatrial.Buckets, []time.Duration) {
	b, samples := seatrial.Buckets{}, make([]time.Duration, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range samples {
		samples[i] = draw(r).Truncate(time.Microsecond)
		Record(b, samples[i])
	}
	slices.Sort(samples)
	return b, samples
}

func TestBelow2048MicrosecondsEveryMicrosecondIsExact(t *testing.T) {
	for us := range 2048 {
		d := time.Duration(us) * time.Microsecond
		if got := Value(Index(d)); got != d {
			t.Fatalf("%v became %v", d, got)
		}
	}
}

func TestBucketsFollowEachOtherWithoutGapOrOverlap(t *testing.T) {
	for i := range lastIndex {
		longest := Value(i)
		if Index(longest) != i || Index(longest+time.Microsecond) != i+1 {
			t.Fatalf("bucket %d ends at %v, which is in %d; the next microsecond is in %d",
				i, longest, Index(longest), Index(longest+time.Microsecond))
		}
	}
}

func TestOddTimesAreClampedOrRounded(t *testing.T) {
	for _, test := range []struct{ in, want time.Duration }{
		{-time.Second, 0},
		{math.MinInt64, 0},
		{0, 0},
		{499 * time.Nanosecond, 0},
		{1500 * time.Nanosecond, 2 * time.Microsecond},
	} {
		if got := Value(Index(test.in)); got != test.want {
			t.Errorf("%v became %v, want %v", test.in, got, test.want)
		}
	}
	if Index(math.MaxInt64) != Index(Highest) {
		t.Error("a time beyond the highest is not counted as the highest")
	}
}

func TestCountAboveAgreesWithTheSamples(t *testing.T) {
	for name, draw := range shapes {
		b, samples := sample(draw, 5000)
		for _, at := range []int{0, 1, 2500, 4990, 4999} {
			limit := Value(Index(samples[at])) // a bucket's edge: no sample shares it from above
			want := int64(0)
			for _, d := range samples {
				if d > limit {
					want++
				}
			}
			if got := CountAbove(b, limit); got != want {
				t.Errorf("%s: %d above %v, want %d", name, got, limit, want)
			}
		}
	}
}

func TestAnEmptyHistogramIsZeroEverywhere(t *testing.T) {
	for _, b := range []seatrial.Buckets{nil, {}, {7: 0}} {
		if Count(b) != 0 || Quantile(b, 0.5) != 0 || Max(b) != 0 || CountAbove(b, 0) != 0 {
			t.Errorf("%v is not empty", b)
		}
	}
}

func TestRankIsNearestRankDespiteFloatingPoint(t *testing.T) {
	for _, test := range []struct {
		q    float64
		n    int64
		want int64
	}{
		{0.5, 0, 0}, {0, 10, 1}, {0.5, 1, 1}, {0.5, 2, 1}, {0.51, 2, 2}, {1, 10, 10},
		{0.999, 1000, 999}, {0.9999, 10_000, 9999}, {0.99, 1e9, 990_000_000}, {0.99, 101, 100},
	} {
		if got := Rank(test.q, test.n); got != test.want {
			t.Errorf("Rank(%v, %d) = %d, want %d", test.q, test.n, got, test.want)
		}
	}
}

func TestMergingIsPooling(t *testing.T) {
	pooled := func(a, b []int64) bool {
		merged, other, pool := seatrial.Buckets{}, seatrial.Buckets{}, seatrial.Buckets{}
		for _, v := range a {
			Record(merged, time.Duration(v))
			Record(pool, time.Duration(v))
		}
		for _, v := range b {
			Record(other, time.Duration(v))
			Record(pool, time.Duration(v))
		}
		Merge(merged, other)
		return fmt.Sprint(merged) == fmt.Sprint(pool)
	}
	if err := quick.Check(pooled, nil); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	times := make([]time.Duration, 4096)
	for i := range times {
		times[i] = shapes["lognormal"](r)
	}
	h := seatrial.Buckets{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		Record(h, times[i%len(times)])
	}
}
