package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"

	"github.com/seatrial/seatrial/seatrialtest"
)

// Label is on every feature of a sea trial; its value is the scenario's file without its
// folder and ending. The
// framework's --labels and --skip-labels choose by it.
const Label = "seatrial"

// Feature is a sea trial as a feature of a suite: see [seatrialtest.Run].
func Feature(scenario string, options ...seatrialtest.Option) features.Feature {
	name := strings.TrimSuffix(filepath.Base(scenario), ".yaml")
	return features.New("sea trial "+name).
		WithLabel(Label, name).
		Assess("variants end as expected", func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
			seatrialtest.Run(t, scenario, options...)
			return ctx
		}).Feature()
}
