package seatrial_test

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestOnlyWhatIsNotTheDefaultIsADeparture(t *testing.T) {
	if got := (seatrial.Timings{}).Departures(); len(got) != 0 {
		t.Errorf("nothing is set: %v", got)
	}
	if got := seatrial.DefaultTimings().Departures(); len(got) != 0 {
		t.Errorf("all is set to the default: %v", got)
	}
	none := 0
	got := seatrial.Timings{NodeMonitorGracePeriod: 20 * time.Second, NodeMonitorPeriod: 5 * time.Second, TolerationSeconds: &none,
		NodeEvictionRate: 1, LargeClusterSizeThreshold: &none}.Departures()
	want := []seatrial.Departure{
		{Name: "nodeMonitorGracePeriod", Value: 20, Default: 50, Unit: "s"},
		{Name: "tolerationSeconds", Value: 0, Default: 300, Unit: "s"},
		{Name: "nodeEvictionRate", Value: 1, Default: 0.1, Unit: "nodes/s"},
		{Name: "largeClusterSizeThreshold", Value: 0, Default: 50, Unit: "nodes"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}
