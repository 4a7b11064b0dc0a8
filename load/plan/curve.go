package plan

import (
	"math"
	"sort"
	"time"

	"github.com/seatrial/seatrial"
)

// curve is a rate over time by its integral: how many requests, whole or not,
// are due up to a time. Both directions are closed forms or solved to the last
// digits, so that nothing adds up over the hours.
type curve interface {
	at(seconds float64) float64
	when(n float64) float64 // the first time at which at is n; +Inf for never
}

// even is a constant rate, a second.
type even float64

func (e even) at(t float64) float64   { return t * float64(e) }
func (e even) when(n float64) float64 { return n / float64(e) }

// pieces are rates that change evenly, one after the other; the last one goes
// on for ever.
type pieces []piece

// piece begins at a time, with so many requests due before it.
type piece struct{ begin, before, rate, slope float64 }

// add ends the last piece at a time and begins another one.
func (p pieces) add(begin, rate, slope float64) pieces {
	before := 0.0
	if len(p) > 0 {
		before = p[len(p)-1].at(begin)
	}
	return append(p, piece{begin, before, rate, slope})
}

func (p piece) at(t float64) float64 {
	d := t - p.begin
	return p.before + d*(p.rate+p.slope*d/2)
}

func (p pieces) at(t float64) float64 {
	i := sort.Search(len(p), func(i int) bool { return p[i].begin > t })
	return p[max(0, i-1)].at(t)
}

// when solves slope/2·d² + rate·d = n − before for the smaller d, in the form
// that stays exact for small slopes.
func (p pieces) when(n float64) float64 {
	i := max(0, sort.Search(len(p), func(i int) bool { return p[i].before >= n })-1)
	q := p[i]
	left := n - q.before
	if left <= 0 {
		return q.begin
	}
	d := 2 * left / (q.rate + math.Sqrt(max(0, q.rate*q.rate+2*q.slope*left)))
	if i+1 < len(p) {
		return min(q.begin+d, p[i+1].begin)
	}
	return q.begin + d
}

// wave is a sine around a mean, which it leaves upwards at zero.
type wave struct{ mean, amplitude, period float64 }

func (w wave) at(t float64) float64 {
	turn := 2 * math.Pi * math.Mod(t/w.period, 1)
	return w.mean*t + w.amplitude*w.period/(2*math.Pi)*(1-math.Cos(turn))
}

func (w wave) rate(t float64) float64 {
	return w.mean + w.amplitude*math.Sin(2*math.Pi*math.Mod(t/w.period, 1))
}

// when is Newton's method within bounds that halve where it would leave them.
// The integral is never below that of the mean, and above it by at most one
// half-wave.
func (w wave) when(n float64) float64 {
	low, high := (n-w.amplitude*w.period/math.Pi)/w.mean, n/w.mean
	low = max(0, low)
	for t := (low + high) / 2; ; {
		over := w.at(t) - n
		if over > 0 {
			high = t
		} else {
			low = t
		}
		next := t - over/w.rate(t)
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-t) < 1e-11 || next == t || high-low < 1e-11 {
			return next
		}
		t = next
	}
}

// led is a curve that begins later; until then its first rate holds.
type led struct {
	curve
	lead, rate float64
}

func (l led) at(t float64) float64 {
	if t <= l.lead {
		return t * l.rate
	}
	return l.lead*l.rate + l.curve.at(t-l.lead)
}

func (l led) when(n float64) float64 {
	if n <= l.lead*l.rate {
		return n / l.rate
	}
	return l.lead + l.curve.when(n-l.lead*l.rate)
}

// curveOf is that of a load which was checked.
func curveOf(l seatrial.Load) curve {
	var c curve
	first := 0.0
	switch s := l.Shape; {
	case s.Ramp != nil:
		c, first = ramp(s.Ramp), float64(s.Ramp.From)
	case s.Sine != nil:
		c, first = wave{float64(s.Sine.Mean), float64(s.Sine.Amplitude), s.Sine.Period.Seconds()}, float64(s.Sine.Mean)
	case s.Steps != nil:
		c, first = steps(s.Steps), float64(s.Steps[0].Rate)
	case s.Spike != nil:
		c, first = spike(s.Spike), spike(s.Spike)[0].rate
	case s.Replay != nil:
		c, first = replay(s.Replay.Points), s.Replay.Points[0].PerSecond
	default:
		return even(l.Rate)
	}
	if l.Shape.Lead == 0 {
		return c
	}
	return led{c, l.Shape.Lead.Seconds(), first}
}

func ramp(r *seatrial.Ramp) pieces {
	over := r.Over.Seconds()
	return pieces{}.add(0, float64(r.From), float64(r.To-r.From)/over).add(over, float64(r.To), 0)
}

func steps(list []seatrial.Step) pieces {
	var p pieces
	at := time.Duration(0)
	for _, s := range list {
		p = p.add(at.Seconds(), float64(s.Rate), 0)
		at += s.For
	}
	return p
}

func spike(s *seatrial.Spike) pieces {
	var p pieces
	if s.At > 0 {
		p = p.add(0, float64(s.Base), 0)
	}
	return p.add(s.At.Seconds(), float64(s.Peak), 0).add((s.At + s.For).Seconds(), float64(s.Base), 0)
}

func replay(points []seatrial.Point) pieces {
	var p pieces
	for _, x := range points {
		p = p.add(x.At.Seconds(), x.PerSecond, 0)
	}
	return p
}

// highest is the highest rate of a shape; zero for none.
func highest(s seatrial.Shape) seatrial.Rate {
	most := seatrial.Rate(0)
	switch {
	case s.Ramp != nil:
		most = max(s.Ramp.From, s.Ramp.To)
	case s.Sine != nil:
		most = s.Sine.Mean + s.Sine.Amplitude
	case s.Spike != nil:
		most = max(s.Spike.Base, s.Spike.Peak)
	case s.Replay != nil:
		for _, p := range s.Replay.Points {
			most = max(most, seatrial.Rate(p.PerSecond))
		}
	}
	for _, step := range s.Steps {
		most = max(most, step.Rate)
	}
	return most
}
