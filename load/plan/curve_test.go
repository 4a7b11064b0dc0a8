package plan_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

const second = time.Second

// shapes are of every form, each with its rate at t seconds in plain words.
var shapes = map[string]struct {
	shape seatrial.Shape
	rate  func(t float64) float64
}{
	"up": {seatrial.Shape{Ramp: &seatrial.Ramp{From: 50, To: 400, Over: 60 * second}},
		func(t float64) float64 { return 50 + 350*min(t, 60)/60 }},
	"down": {seatrial.Shape{Ramp: &seatrial.Ramp{From: 300, To: 0.5, Over: 10 * second}},
		func(t float64) float64 { return 300 - 299.5*min(t, 10)/10 }},
	"sine": {seatrial.Shape{Sine: &seatrial.Sine{Mean: 200, Amplitude: 199.9, Period: 17 * second}},
		func(t float64) float64 { return 200 + 199.9*math.Sin(2*math.Pi*t/17) }},
	"steps": {seatrial.Shape{Steps: []seatrial.Step{{Rate: 10, For: 3 * second}, {Rate: 333, For: 1500 * time.Millisecond}, {Rate: 7}}},
		func(t float64) float64 { return when(t < 3, 10, when(t < 4.5, 333, 7)) }},
	"spike": {seatrial.Shape{Spike: &seatrial.Spike{Base: 100, Peak: 1000, At: 20 * second, For: 5 * second}},
		func(t float64) float64 { return when(t >= 20 && t < 25, 1000, 100) }},
	"replay": {seatrial.Shape{Replay: &seatrial.Replay{Points: []seatrial.Point{{PerSecond: 80}, {At: 10 * second}, {At: 30 * second, PerSecond: 40}}}},
		func(t float64) float64 { return when(t < 10, 80, when(t < 30, 0, 40)) }},
}

func when(is bool, then, otherwise float64) float64 {
	if is {
		return then
	}
	return otherwise
}

// The integral of the rate, added up in steps of 20 ms, is what was to
// be sent: at any time, after an hour too, to within one request.
func TestAShapeNeverDriftsFromItsIntegral(t *testing.T) {
	for name, s := range shapes {
		p := plan.New(seatrial.Load{Shape: s.shape})
		sum := 0.0
		for step := range 180_000 {
			at := time.Duration(step) * 20 * time.Millisecond
			if step%251 == 0 && math.Abs(float64(p.Count(at))-sum) > 1.001 {
				t.Errorf("%s: %v requests after %v, the integral is %v", name, p.Count(at), at, sum)
				break
			}
			sum += s.rate(at.Seconds()+0.01) * 0.02
		}
	}
}

func TestRequestsOfAShapeAreInOrderAndAsFarApartAsTheRateSays(t *testing.T) {
	for name, s := range shapes {
		p := plan.New(seatrial.Load{Shape: s.shape})
		if p.Due(0) != 0 {
			t.Errorf("%s: the first is due at %v", name, p.Due(0))
		}
		for i := range int64(8000) {
			a, b := p.Due(i), p.Due(i+1)
			if b <= a {
				t.Fatalf("%s: request %d is due at %v, the next at %v", name, i, a, b)
			}
			middle := s.rate((a + b).Seconds() / 2)
			ends := []float64{s.rate(a.Seconds()), middle, s.rate(b.Seconds())}
			gap := (b - a).Seconds()
			if smooth := math.Abs(ends[0]-ends[2]) < 0.02*middle; smooth && math.Abs(gap*middle-1) > 0.01 {
				t.Fatalf("%s: requests %d and %d are %v apart at %v/s", name, i, i+1, b-a, middle)
			}
		}
	}
}

func TestCountsOfShapes(t *testing.T) {
	for _, tc := range []struct {
		shape string
		at    time.Duration
		want  int64
	}{
		{"up", 60 * second, 13_500}, {"up", 120 * second, 37_500},
		{"sine", 17 * second, 3400}, {"sine", 34 * second, 6800},
		{"sine", 8500 * time.Millisecond, 2782}, // 1700 and a half-wave: 199.9·17/π
		{"steps", 3 * second, 30}, {"steps", 4500 * time.Millisecond, 530}, {"steps", 14500 * time.Millisecond, 600},
		{"spike", 20 * second, 2000}, {"spike", 25 * second, 7000}, {"spike", 35 * second, 8000},
		{"replay", 10 * second, 800}, {"replay", 30 * second, 801}, {"replay", 40 * second, 1200},
	} {
		if got := plan.New(seatrial.Load{Shape: shapes[tc.shape].shape}).Count(tc.at); got != tc.want {
			t.Errorf("%s: %d requests before %v, want %d", tc.shape, got, tc.at, tc.want)
		}
	}
}

func TestAReplayThatEndsWithNothingIsOver(t *testing.T) {
	p := plan.New(seatrial.Load{Shape: seatrial.Shape{Replay: &seatrial.Replay{Points: []seatrial.Point{{PerSecond: 10}, {At: second}}}}})
	if got := p.Count(1000 * time.Hour); got != 11 { // the eleventh is due when the rate ends
		t.Errorf("%d requests, want 11", got)
	}
}

// Before the shape, in the warm-up, its first rate holds.
func TestAShapeBeginsAfterItsLead(t *testing.T) {
	for name, s := range shapes {
		late := s.shape
		late.Lead = 10 * second
		now, then := plan.New(seatrial.Load{Shape: s.shape}), plan.New(seatrial.Load{Shape: late})
		first := int64(10 * s.rate(0))
		if got := then.Count(10 * second); got != first {
			t.Errorf("%s: %d requests in a warm-up of 10 s, want %d", name, got, first)
		}
		for _, at := range []time.Duration{3 * second, 22 * second, 100 * second} {
			if got, want := then.Count(10*second+at)-first, now.Count(at); got < want-1 || got > want+1 {
				t.Errorf("%s: %d requests in %v after the warm-up, want %d", name, got, at, want)
			}
		}
	}
}

func FuzzAShapeCountsWhatIsDueBefore(f *testing.F) {
	f.Add(100.0, 50.0, int64(10*second), int64(25*second), byte(0))
	f.Add(200.0, 199.0, int64(3*second), int64(70*second), byte(1))
	f.Add(5.0, 1e4, int64(2*second), int64(2*second), byte(2))
	f.Add(0.01, 1e5, int64(1), int64(second), byte(3))
	f.Fuzz(func(t *testing.T, a, b float64, span, d int64, form byte) {
		if !(a > 1e-3 && a < 1e6 && b > 1e-3 && b < 1e6) || span <= 0 || span > int64(10*time.Hour) || d < 0 || d > int64(100*time.Hour) {
			t.Skip("not a load")
		}
		ra, rb, over := seatrial.Rate(a), seatrial.Rate(b), time.Duration(span)
		shape := []seatrial.Shape{
			{Ramp: &seatrial.Ramp{From: ra, To: rb, Over: over}},
			{Sine: &seatrial.Sine{Mean: ra, Amplitude: min(rb, ra*0.999), Period: over}},
			{Spike: &seatrial.Spike{Base: ra, Peak: rb, At: over, For: over}},
			{Steps: []seatrial.Step{{Rate: ra, For: over}, {Rate: rb}}, Lead: over},
		}[form%4]
		l := plan.Fill(seatrial.Load{Shape: shape})
		if problems := plan.CheckRate(l); len(problems) > 0 {
			t.Skip(problems)
		}
		p := plan.New(l)
		n := p.Count(time.Duration(d))
		if n > 0 && p.Due(n-1) >= time.Duration(d) || p.Due(n) < time.Duration(d) {
			t.Errorf("%v: %d requests before %v, but they are due at %v and %v", shape, n, time.Duration(d), p.Due(n-1), p.Due(n))
		}
	})
}

func TestAShapeThatCannotBeIsRefusedWithAHint(t *testing.T) {
	for want, s := range map[string]seatrial.Shape{
		"rate has more than one shape: ramp, sine: keep one":                   {Ramp: &seatrial.Ramp{}, Sine: &seatrial.Sine{}},
		"rate.ramp.from is required":                                           {Ramp: &seatrial.Ramp{To: 1, Over: second}},
		"rate.ramp.over is required":                                           {Ramp: &seatrial.Ramp{From: 1, To: 1}},
		"rate.sine.amplitude 5/s is not below the mean (5/s)":                  {Sine: &seatrial.Sine{Mean: 5, Amplitude: 5, Period: second}},
		"rate.sine.period is required":                                         {Sine: &seatrial.Sine{Mean: 5, Amplitude: 4}},
		"rate.steps number 1 needs a rate, and a time unless it is the last":   {Steps: []seatrial.Step{{Rate: 1}, {Rate: 2}}},
		"rate.steps number 2 needs a rate":                                     {Steps: []seatrial.Step{{Rate: 1, For: second}, {For: second}}},
		"rate.steps is empty":                                                  {Steps: []seatrial.Step{}},
		"rate.spike.for is required":                                           {Spike: &seatrial.Spike{Base: 1, Peak: 2}},
		"rate.replay does not begin at 0 with a rate above 0":                  {Replay: &seatrial.Replay{Points: []seatrial.Point{{}, {At: second, PerSecond: 1}}}},
		"rate.replay point 2 (0s, 1/s) has no rate, or is not after the one b": {Replay: &seatrial.Replay{Points: []seatrial.Point{{PerSecond: 1}, {PerSecond: 1}}}},
	} {
		l := plan.Fill(seatrial.Load{Name: "l", Target: "http://shop/", Shape: s})
		if err := plan.Check(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	for name, s := range shapes {
		l := plan.Fill(seatrial.Load{Name: "l", Target: "http://shop/", Shape: s.shape})
		if err := plan.Check(l); err != nil || l.Rate < seatrial.Rate(s.rate(0)) {
			t.Errorf("%s: %v, %v at most", name, err, l.Rate)
		}
	}
}
