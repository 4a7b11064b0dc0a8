package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestAFaultSaysHowOftenItOccurs(t *testing.T) {
	const fault = "  faults:\n  - name: migrate\n    at: 5s\n    for: 2s\n    occurs: OCCURS\n    liveMigration: {nodes: {running: app=app}}\n"
	for text, want := range map[string]seatrial.Occurs{
		"{every: 336h, per: node}": {Every: 336 * time.Hour, Per: "node"},
		"{every: 720h}":            {Every: 720 * time.Hour, Per: "cluster"},
	} {
		got := mustParse(t, small+strings.Replace(fault, "OCCURS", text, 1), nil)
		if f := got.Variants[0].Spec.Faults[0]; f.Occurs != want {
			t.Errorf("%s: %+v, want %+v", text, f.Occurs, want)
		}
	}
}
