package seatrial_test

import (
	"testing"

	"github.com/seatrial/seatrial"
)

func TestCatchUpIsReadAndWritten(t *testing.T) {
	for text, want := range map[string]seatrial.CatchUp{"2x": 2, "1.5x": 1.5, "unlimited": 0} {
		var c seatrial.CatchUp
		if err := c.UnmarshalText([]byte(text)); err != nil || c != want || c.String() != text {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
	for _, text := range []string{"", "2", "x", "1x", "0x", "-2x", "NaNx", "Infx", "never"} {
		if err := new(seatrial.CatchUp).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
