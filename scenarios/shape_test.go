package scenarios_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func withRate(rate string) string { return strings.Replace(small, "rate: 10/s", "rate: "+rate, 1) }

func TestAShapeIsReadAsItIsWritten(t *testing.T) {
	second := time.Second
	for text, want := range map[string]struct {
		shape seatrial.Shape
		most  seatrial.Rate
		words string
	}{
		"20/s": {seatrial.Shape{}, 20, "20/s"},
		"{ramp: {from: 10/s, to: 90/s, over: 20s}}": {seatrial.Shape{Ramp: &seatrial.Ramp{From: 10, To: 90, Over: 20 * second}}, 90,
			"10/s to 90/s over 20s"},
		"{sine: {mean: 20/s, amplitude: 5/s, period: 10s}}": {seatrial.Shape{Sine: &seatrial.Sine{Mean: 20, Amplitude: 5, Period: 10 * second}}, 25,
			"20/s ± 5/s in a sine of 10s"},
		"{steps: [{rate: 10/s, for: 5s}, {rate: 30/s, for: 2s}]}": {seatrial.Shape{Steps: []seatrial.Step{{Rate: 10, For: 5 * second}, {Rate: 30, For: 2 * second}}}, 30,
			"10/s for 5s, then 30/s for 2s"},
		"{spike: {base: 10/s, peak: 100/s, at: 5s, for: 2s}}": {seatrial.Shape{Spike: &seatrial.Spike{Base: 10, Peak: 100, At: 5 * second, For: 2 * second}}, 100,
			"10/s, and 100/s from 5s for 2s"},
		"{replay: day.csv}": {seatrial.Shape{Replay: &seatrial.Replay{File: "day.csv", Points: []seatrial.Point{{PerSecond: 10}, {At: 1500 * time.Millisecond, PerSecond: 42.5}, {At: 9 * second}}}}, 42.5,
			"as recorded in day.csv"},
	} {
		s := mustParse(t, withRate(text), map[string]string{"day.csv": "seconds,rate\n# from Prometheus\n0,10\n1.5, 42.5\n9,0\n"})
		l := s.Variants[0].Spec.Loads[0]
		if !reflect.DeepEqual(l.Shape, want.shape) || l.Rate != want.most || l.RateWords() != want.words || l.Name == "" || l.Target == "" {
			t.Errorf("%s:\n got %+v, %v, %q\nwant %+v", text, l.Shape, l.Rate, l.RateWords(), want)
		}
	}
}

func TestAShapeThatCannotBeIsRefusedAtItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                             "loads[0].rate: has neither a rate nor a shape",
		"{square: {}}":                   "loads[0].rate.square: unknown field",
		"{ramp: {from: 10/s, to: 20/s}}": "loads[0].rate.ramp.over: is required",
		"{ramp: {from: 0/s, to: 20/s, over: 1s}}":                   "loads[0].rate.ramp.from: \"0/s\" is not a rate",
		"{ramp: {from: 10/s, to: 3000000/s, over: 1s}}":             "loads[0].rate: must be above 0 and at most 1000000/s",
		"{sine: {mean: 10/s, amplitude: 20/s, period: 1s}}":         "loads[0].rate.sine.amplitude: 20/s is not below the mean",
		"{spike: {base: 10/s, peak: 20/s, at: 10m, for: 1s}}":       "loads[0].rate.spike.at: 10m lies beyond the trial",
		"{steps: [{rate: 10/s, for: 10m}, {rate: 20/s}]}":           "loads[0].rate.steps[1]: 10m lies beyond the trial",
		"{replay: none.csv}":                                        "loads[0].rate.replay: there is no file none.csv",
		"{replay: ../day.csv}":                                      "loads[0].rate.replay: \"../day.csv\" does not lie beside the scenario",
		"{replay: words.csv}":                                       "loads[0].rate.replay: words.csv: line 2: \"soon\" is no time",
		"{replay: columns.csv}":                                     "wrong number of fields",
		"{replay: back.csv}":                                        "loads[0].rate.replay: point 3",
		"{ramp: {from: 10/s, to: 20/s, over: 1s}, replay: day.csv}": "loads[0].rate: has more than one shape: ramp, replay",
	} {
		_, err := parse(t, withRate(text), map[string]string{"day.csv": "0,10\n", "words.csv": "at,rate\nsoon,10\n",
			"columns.csv": "0,1,2\n", "back.csv": "0,10\n5,10\n5,20\n"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestAVariantChangesTheShape(t *testing.T) {
	s := mustParse(t, withRate("{ramp: {from: 10/s, to: 90/s, over: 20s}}")+`  variants:
  - {name: steeper, spec: {loads: [{name: browse, rate: {ramp: {over: 5s}}}]}}
  - {name: even, spec: {loads: [{name: browse, rate: 30/s}]}}
  - {name: other, spec: {loads: [{name: browse, rate: {ramp: null, spike: {base: 1/s, peak: 2/s, at: 1s, for: 1s}}}]}}
`, nil)
	var got []string
	for _, v := range s.Variants {
		got = append(got, v.Spec.Loads[0].RateWords())
	}
	if want := []string{"10/s to 90/s over 5s", "30/s", "1/s, and 2/s from 1s for 1s"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBoundsOfALoadAreReadAndRefusedAtTheirPlace(t *testing.T) {
	l := mustParse(t, withRate("10/s, inFlight: 40, catchUp: 2x"), nil).Variants[0].Spec.Loads[0]
	if l.InFlight != 40 || l.CatchUp != 2 {
		t.Errorf("inFlight %d, catchUp %v", l.InFlight, l.CatchUp)
	}
	for text, want := range map[string]string{
		"10/s, inFlight: -1": "loads[0].inFlight: is below zero",
		"10/s, catchUp: 1x":  "loads[0].catchUp: \"1x\" is no bound of catching up",
	} {
		if _, err := parse(t, withRate(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestTargetsAreReadAndRefusedAtTheirPlace(t *testing.T) {
	l := mustParse(t, withRate("10/s, expect: {status: 200}, targets: [{weight: 3}, {url: /cart, method: POST, expect: {matches: '^ok'}}]"), nil).Variants[0].Spec.Loads[0]
	list := l.Requests()
	if len(list) != 2 || list[0].Weight != 3 || list[0].Expect.Status != 200 || list[1].Method != "POST" || list[1].Expect.Matches != "^ok" ||
		!strings.HasSuffix(list[1].URL, "/cart") || !strings.HasPrefix(list[1].URL, "http") {
		t.Errorf("%+v", list)
	}
	for text, want := range map[string]string{
		"10/s, targets: [{weight: 3}, {url: 'ftp://x/'}]": "loads[0].targets[1].url: \"ftp://x/\" is not an absolute",
		"10/s, targets: [{weight: -3}]":                   "loads[0].targets[0].weight: -3 is not between",
		"10/s, targets: [{expect: {status: 7}}]":          "loads[0].targets[0].expect.status: 7 is not",
		"10/s, expect: {status: 7}":                       "loads[0].expect.status: 7 is not",
		"10/s, targets: [{expect: {matches: '('}}]":       "loads[0].targets[0].expect.matches: \"(\" is no regular expression",
		"10/s, targets: [{path: /cart}]":                  "loads[0].targets[0].path: unknown field",
	} {
		if _, err := parse(t, withRate(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestConnectionsAreReadAndRefusedAtTheirPlace(t *testing.T) {
	l := mustParse(t, withRate("10/s, connectionAge: 30s, dns: {cache: forever}, tcpUserTimeout: 5s, tls: {insecure: true}"), nil).Variants[0].Spec.Loads[0]
	if l.Connection.Age != 30*time.Second || l.DNS.Cache != seatrial.Forever || l.UserTimeout != 5*time.Second || !l.TLS.Insecure || l.HTTP2 != nil {
		t.Errorf("%+v", l.Connection)
	}
	if l = mustParse(t, withRate("10/s, http2: {}, dns: {cache: 5s}"), nil).Variants[0].Spec.Loads[0]; l.HTTP2 == nil || l.DNS.Cache != seatrial.CacheTime(5*time.Second) {
		t.Errorf("%+v", l.Connection)
	}
	for text, want := range map[string]string{
		"10/s, dns: {cache: always}":                       "loads[0].dns.cache: \"always\" is no time to remember",
		"10/s, connections: perRequest, connectionAge: 5s": "loads[0].connectionAge: means nothing",
		"10/s, http2: {pingTimeout: 1s}":                   "loads[0].http2.pingTimeout: asks for no ping",
		"10/s, tls: {ca: x}":                               "loads[0].tls.ca: unknown field",
	} {
		if _, err := parse(t, withRate(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
