package seatrial_test

import (
	"encoding"
	"math"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// FuzzUnits promises of every unit that no text makes it panic, and that what it
// accepts is in its range and survives being written and read again.
func FuzzUnits(f *testing.F) {
	for _, text := range []string{"200/s", "90/m", "1e-9/s", "5e-324/m", "99.9%", "100%", "-0%", "NaN%", "2", "1.5", "500m", "4Gi", "1.5G",
		"0.1Ki", "9223372036854775807", "1e3", ".", "", "0x1p-3/s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rate, rateAgain seatrial.Rate
		if accepted(t, text, &rate) {
			if !(rate > 0 && rate <= 1e9) {
				t.Errorf("rate %q is %v", text, float64(rate))
			}
			if period := float64(time.Second) / float64(rate); period > math.MaxInt64/1e3 {
				t.Errorf("rate %q has a period of %g ns, which no clock counts", text, period)
			}
			again(t, &rate, &rateAgain)
			if rate != rateAgain {
				t.Errorf("rate %q became %v", text, rateAgain)
			}
		}
		var ratio, ratioAgain seatrial.Ratio
		if accepted(t, text, &ratio) {
			again(t, &ratio, &ratioAgain)
			if !(ratio >= 0 && ratio <= 1) || math.Abs(float64(ratio-ratioAgain)) > 1e-6 { // it shows four decimals
				t.Errorf("percentage %q is %v and became %v", text, float64(ratio), float64(ratioAgain))
			}
		}
		var cpu, cpuAgain seatrial.MilliCPU
		if accepted(t, text, &cpu) {
			again(t, &cpu, &cpuAgain)
			if cpu <= 0 || cpu != cpuAgain {
				t.Errorf("CPU %q is %d and became %d", text, cpu, cpuAgain)
			}
		}
		var bytes, bytesAgain seatrial.Bytes
		if accepted(t, text, &bytes) {
			again(t, &bytes, &bytesAgain)
			if bytes <= 0 || bytes != bytesAgain {
				t.Errorf("memory %q is %d and became %d", text, bytes, bytesAgain)
			}
		}
	})
}

func accepted(t *testing.T, text string, into encoding.TextUnmarshaler) bool {
	t.Helper()
	err := into.UnmarshalText([]byte(text))
	if err != nil && err.Error() == "" {
		t.Errorf("%q is refused without a word", text)
	}
	return err == nil
}

// again writes a value and reads it.
func again(t *testing.T, from encoding.TextMarshaler, into encoding.TextUnmarshaler) {
	t.Helper()
	text, err := from.MarshalText()
	if err == nil {
		err = into.UnmarshalText(text)
	}
	if err != nil {
		t.Errorf("%v, written as %q, cannot be read: %v", from, text, err)
	}
}
