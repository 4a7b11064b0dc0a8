package app

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Distribution is a named distribution of times. The zero Distribution is
// always zero.
type Distribution struct {
	// Name is constant, exponential, lognormal or uniform; empty is constant.
	Name string
	// First is the constant, the exponential's mean, the lognormal's median,
	// or the least of a uniform one; Last is the most of a uniform one.
	First, Last time.Duration
	// Sigma is the standard deviation of the lognormal's logarithm.
	Sigma float64
}

// Constant is always d.
func Constant(d time.Duration) Distribution { return Distribution{Name: "constant", First: d} }

// Sample draws one time.
func (d Distribution) Sample(r *rand.Rand) time.Duration {
	first := float64(d.First)
	switch d.Name {
	case "exponential":
		return time.Duration(first * r.ExpFloat64())
	case "lognormal":
		return time.Duration(first * math.Exp(d.Sigma*r.NormFloat64()))
	case "uniform":
		return d.First + time.Duration(r.Float64()*float64(d.Last-d.First))
	}
	return d.First
}

// Mean is the expected time.
func (d Distribution) Mean() time.Duration {
	switch d.Name {
	case "lognormal":
		return time.Duration(float64(d.First) * math.Exp(d.Sigma*d.Sigma/2))
	case "uniform":
		return (d.First + d.Last) / 2
	}
	return d.First
}

// UnmarshalText reads "5ms", "constant:5ms", "exponential:5ms",
// "lognormal:5ms:0.5" or "uniform:2ms:8ms".
func (d *Distribution) UnmarshalText(text []byte) error {
	name, rest, named := strings.Cut(string(text), ":")
	if !named {
		name, rest = "constant", name
	}
	parts := strings.Split(rest, ":")
	got, err := parse(name, parts)
	if err != nil {
		return fmt.Errorf("%q is not a distribution of times: %w", text, err)
	}
	*d = got
	return nil
}

func parse(name string, parts []string) (Distribution, error) {
	d := Distribution{Name: name}
	want, known := map[string]int{"constant": 1, "exponential": 1, "lognormal": 2, "uniform": 2}[name]
	if !known || len(parts) != want {
		return d, fmt.Errorf("write 5ms, constant:5ms, exponential:5ms, lognormal:5ms:0.5 (median, sigma) or uniform:2ms:8ms")
	}
	var err error
	if d.First, err = time.ParseDuration(parts[0]); err != nil {
		return d, err
	}
	switch name {
	case "lognormal":
		d.Sigma, err = strconv.ParseFloat(parts[1], 64)
	case "uniform":
		d.Last, err = time.ParseDuration(parts[1])
	}
	if err != nil {
		return d, err
	}
	if d.First < 0 || name == "uniform" && d.Last < d.First || !(d.Sigma >= 0 && d.Sigma <= 10) {
		return d, fmt.Errorf("times must not be below zero nor in falling order, sigma must be between 0 and 10")
	}
	return d, nil
}

// MarshalText is the inverse of [Distribution.UnmarshalText].
func (d Distribution) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the form that a flag takes.
func (d Distribution) String() string {
	switch d.Name {
	case "lognormal":
		return fmt.Sprintf("lognormal:%v:%v", d.First, d.Sigma)
	case "uniform":
		return fmt.Sprintf("uniform:%v:%v", d.First, d.Last)
	case "exponential":
		return fmt.Sprintf("exponential:%v", d.First)
	}
	return fmt.Sprintf("constant:%v", d.First)
}
