package scenarios_test

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestAComparisonHasItsMetricAndItsMargin(t *testing.T) {
	for text, want := range map[string]seatrial.CompareSpec{
		"":                                    {Metric: seatrial.RequestsHurt, Margin: seatrial.Margin{Share: 0.01}},
		"  compare:\n":                        {Metric: seatrial.RequestsHurt, Margin: seatrial.Margin{Share: 0.01}},
		"  compare: {}\n":                     {Metric: seatrial.RequestsHurt, Margin: seatrial.Margin{Share: 0.01}},
		"  compare: {margin: 0.5%}\n":         {Metric: seatrial.RequestsHurt, Margin: seatrial.Margin{Share: 0.005}},
		"  compare: {metric: availability}\n": {Metric: seatrial.Availability, Margin: seatrial.Margin{Share: 0.001}},
		"  compare: {metric: faultP99, margin: 250ms}\n": {Metric: seatrial.FaultP99, Margin: seatrial.Margin{Time: 250 * time.Millisecond}},
		"  compare: {metric: timeToRecover}\n":           {Metric: seatrial.TimeToRecover, Margin: seatrial.Margin{Time: time.Second}},
	} {
		if got := mustParse(t, small+text, nil).Compare; got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestEveryMetricHasAMarginOfItsOwnUnit(t *testing.T) {
	for _, m := range seatrial.Metrics() {
		margin := m.Margin()
		if margin.Value() <= 0 || m.Share() != (margin.Share > 0) {
			t.Errorf("%s: %+v", m, margin)
		}
		var back seatrial.Margin
		if err := back.UnmarshalText([]byte(margin.String())); err != nil || back != margin {
			t.Errorf("%s: %s came back as %+v, %v", m, margin, back, err)
		}
	}
}
