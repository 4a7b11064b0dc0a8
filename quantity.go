package seatrial

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// NodeSize is what a node has for pods. Zero fields leave it to the backend.
type NodeSize struct {
	CPU    MilliCPU `yaml:"cpu"`
	Memory Bytes    `yaml:"memory"`
}

// MilliCPU is thousandths of a core. Its text form is a Kubernetes quantity:
// "2", "1.5" or "500m".
type MilliCPU int64

// Bytes is an amount of memory. Its text form is a Kubernetes quantity: "4Gi",
// "512Mi" or "1.5G".
type Bytes int64

// UnmarshalText reads "2", "1.5" or "500m".
func (c *MilliCPU) UnmarshalText(text []byte) error {
	n, err := quantity(string(text), map[string]float64{"": 1000, "m": 1})
	if err != nil {
		return fmt.Errorf("%q is not an amount of CPU: %w; write cores, such as 2 or 500m", text, err)
	}
	*c = MilliCPU(n)
	return nil
}

// UnmarshalText reads "4Gi", "512Mi", "1.5G" or plain bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := quantity(string(text), map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40})
	if err != nil {
		return fmt.Errorf("%q is not an amount of memory: %w; write it with a unit, such as 4Gi", text, err)
	}
	*b = Bytes(n)
	return nil
}

// quantity reads a number and a unit. What is left of a fraction is rounded up,
// as Kubernetes does.
func quantity(text string, units map[string]float64) (int64, error) {
	unit := strings.TrimLeft(text, "0123456789.")
	scale, known := units[unit]
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64)
	switch {
	case !known:
		return 0, fmt.Errorf("the unit %q is unknown", unit)
	case err != nil:
		return 0, fmt.Errorf("it does not begin with a number")
	case !(n > 0) || n*scale > 1<<60:
		return 0, fmt.Errorf("it must be above 0, and is no larger than a machine")
	}
	return int64(math.Ceil(n * scale)), nil
}

// String is cores, or thousandths where they do not add up: "2" or "1500m".
func (c MilliCPU) String() string {
	if c%1000 == 0 {
		return strconv.FormatInt(int64(c)/1000, 10)
	}
	return strconv.FormatInt(int64(c), 10) + "m"
}

// String uses the largest binary unit without a rest: "4Gi".
func (b Bytes) String() string {
	for _, unit := range []struct {
		name string
		size Bytes
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}} {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText is the inverse of [MilliCPU.UnmarshalText].
func (c MilliCPU) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalText is the inverse of [Bytes.UnmarshalText].
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
