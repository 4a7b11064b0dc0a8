package plan

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// CheckRate lists what is wrong with the rate of a filled load.
func CheckRate(l seatrial.Load) []Problem {
	s := l.Shape
	c := &shapeChecker{}
	switch forms := s.Forms(); {
	case len(forms) == 0:
		if !(l.Rate > 0) || math.IsInf(float64(l.Rate), 0) {
			c.bad("such as rate: 200/s", fmt.Sprintf("%v is not above 0", l.Rate))
		}
	case len(forms) > 1:
		c.bad("keep one; a variant takes away the other with "+forms[0]+": null", "has more than one shape: "+strings.Join(forms, ", "))
	case s.Ramp != nil:
		c.positive("ramp", "from", s.Ramp.From)
		c.positive("ramp", "to", s.Ramp.To)
		c.lasting("ramp", "over", s.Ramp.Over)
	case s.Sine != nil:
		c.positive("sine", "mean", s.Sine.Mean)
		c.positive("sine", "amplitude", s.Sine.Amplitude)
		c.lasting("sine", "period", s.Sine.Period)
		if s.Sine.Amplitude >= s.Sine.Mean {
			c.bad("the rate would fall to nothing and below", fmt.Sprintf("%v is not below the mean (%v)", s.Sine.Amplitude, s.Sine.Mean), "sine", "amplitude")
		}
	case s.Spike != nil:
		c.positive("spike", "base", s.Spike.Base)
		c.positive("spike", "peak", s.Spike.Peak)
		c.lasting("spike", "for", s.Spike.For)
	case s.Steps != nil:
		c.steps(s.Steps)
	case s.Replay != nil:
		c.points(s.Replay.Points)
	}
	return c.problems
}

type shapeChecker struct{ problems []Problem }

func (c *shapeChecker) bad(hint, text string, field ...string) {
	c.problems = append(c.problems, Problem{Field: append([]string{"rate"}, field...), Text: text, Hint: hint})
}

func (c *shapeChecker) positive(shape, field string, r seatrial.Rate) {
	if !(r > 0) {
		c.bad("such as "+field+": 100/s", "is required, above 0", shape, field)
	}
}

func (c *shapeChecker) lasting(shape, field string, d time.Duration) {
	if d <= 0 {
		c.bad("such as "+field+": 30s", "is required, above 0", shape, field)
	}
}

func (c *shapeChecker) steps(list []seatrial.Step) {
	const hint = "such as steps: [{rate: 100/s, for: 30s}, {rate: 300/s}]"
	if len(list) == 0 {
		c.bad(hint, "is empty", "steps")
	}
	for i, s := range list {
		if !(s.Rate > 0) || s.For < 0 || s.For == 0 && i < len(list)-1 {
			c.bad(hint, fmt.Sprintf("number %d needs a rate, and a time unless it is the last", i+1), "steps")
			return
		}
	}
}

func (c *shapeChecker) points(list []seatrial.Point) {
	const hint = "lines of seconds and requests a second, such as 0,120 and then 10,150"
	if len(list) == 0 || list[0].At != 0 || !(list[0].PerSecond > 0) {
		c.bad(hint, "does not begin at 0 with a rate above 0, which the warm-up has", "replay")
		return
	}
	for i, p := range list {
		if !(p.PerSecond >= 0) || math.IsInf(p.PerSecond, 0) || i > 0 && p.At <= list[i-1].At {
			c.bad(hint, fmt.Sprintf("point %d (%v, %v/s) has no rate, or is not after the one before it", i+1, p.At, p.PerSecond), "replay")
			return
		}
	}
}
