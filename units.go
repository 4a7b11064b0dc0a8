package seatrial

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of requests a second. Its text form needs the unit: "200/s"
// or "30/m".
type Rate float64

// slowest is one request in eleven days: what is slower would never come in a
// trial, and times between requests have to be counted in nanoseconds.
const slowest = 1e-6

// UnmarshalText reads "200/s", "1.5/s" or "90/m".
func (r *Rate) UnmarshalText(text []byte) error {
	number, unit, ok := strings.Cut(string(text), "/")
	per, known := map[string]float64{"s": 1, "m": 60}[unit]
	if !ok || !known {
		return fmt.Errorf("%q is not a rate: write requests and unit, such as 200/s or 90/m", text)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0 && n <= 1e9) {
		return fmt.Errorf("%q is not a rate: the number before / must be above 0", text)
	}
	if n/per < slowest {
		return fmt.Errorf("%q is too slow a rate: no request would come in a trial", text)
	}
	*r = Rate(n / per)
	return nil
}

// String is the rate a second, as in "200/s".
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s" }

// MarshalText is the inverse of [Rate.UnmarshalText].
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Ratio is a share between 0 and 1. Its text form is a percentage: "99.9%".
type Ratio float64

// UnmarshalText reads "99.9%"; a bare number is refused, because 0.5 could
// mean a half or half a per cent.
func (r *Ratio) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	if !ok {
		return fmt.Errorf("%q is not a percentage: write it with %%, such as 99.9%%", text)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return fmt.Errorf("%q is not a percentage between 0%% and 100%%", text)
	}
	*r = Ratio(n / 100)
	return nil
}

// String is the percentage with up to four decimals, as in "99.9%".
func (r Ratio) String() string {
	s := strconv.FormatFloat(float64(r)*100, 'f', 4, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "%"
}

// MarshalText is the inverse of [Ratio.UnmarshalText].
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Seconds is a time in seconds, the unit of every journal and summary.
type Seconds float64

// InSeconds converts d, rounded to a microsecond.
func InSeconds(d time.Duration) Seconds {
	return Seconds(float64(d.Round(time.Microsecond).Microseconds()) / 1e6)
}

// Duration converts back, rounded to a microsecond.
func (s Seconds) Duration() time.Duration {
	return time.Duration(float64(s)*1e6+half(s)) * time.Microsecond
}

func half(s Seconds) float64 {
	if s < 0 {
		return -0.5
	}
	return 0.5
}
