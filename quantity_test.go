package seatrial_test

import (
	"testing"

	"github.com/seatrial/seatrial"
)

func TestAQuantityIsReadAsKubernetesReadsIt(t *testing.T) {
	for text, want := range map[string]seatrial.MilliCPU{"2": 2000, "1.5": 1500, "500m": 500, "0.0005": 1} {
		var got seatrial.MilliCPU
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("CPU %s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]seatrial.Bytes{"4Gi": 4 << 30, "512Mi": 512 << 20, "1.5G": 1.5e9, "1000": 1000, "2k": 2000} {
		var got seatrial.Bytes
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("memory %s: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestWhatIsNoQuantityIsRefused(t *testing.T) {
	for _, text := range []string{"", "m", "two", "0", "-1", "1e3", "4Gi", "1.2.3", "9999999999999999999"} {
		var cpu seatrial.MilliCPU
		if cpu.UnmarshalText([]byte(text)) == nil {
			t.Errorf("CPU %q was accepted as %d", text, cpu)
		}
	}
	for _, text := range []string{"", "Gi", "0Gi", "-4Gi", "4GB", "4 Gi", "9999999Ti"} {
		var memory seatrial.Bytes
		if memory.UnmarshalText([]byte(text)) == nil {
			t.Errorf("memory %q was accepted as %d", text, memory)
		}
	}
}

func TestAQuantityIsWrittenAsItCanBeRead(t *testing.T) {
	for _, c := range []seatrial.MilliCPU{1, 500, 1500, 2000} {
		text, _ := c.MarshalText()
		var back seatrial.MilliCPU
		if err := back.UnmarshalText(text); err != nil || back != c {
			t.Errorf("%d was written as %s and read as %d, %v", c, text, back, err)
		}
	}
	for _, b := range []seatrial.Bytes{1, 1000, 1 << 20, 3 << 30} {
		text, _ := b.MarshalText()
		var back seatrial.Bytes
		if err := back.UnmarshalText(text); err != nil || back != b {
			t.Errorf("%d was written as %s and read as %d, %v", b, text, back, err)
		}
	}
}
