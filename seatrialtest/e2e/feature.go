package e2e

import (
	"context"
	"testing"

	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"

	"github.com/seatrial/seatrial/seatrialtest"
)

// Label is on every feature of a sea trial; its value is the scenario. The
// framework's --labels and --skip-labels choose by it.
const Label = "seatrial"

// Feature is a sea trial as a feature of a suite: see [seatrialtest.Run].
func Feature(scenario string, options ...seatrialtest.Option) features.Feature {
	return features.New("sea trial "+scenario).
		WithLabel(Label, scenario).
		Assess("variants end as expected", func(ctx context.Context, t *testing.T, _ *envconf.Config) context.Context {
			seatrialtest.Run(t, scenario, options...)
			return ctx
		}).Feature()
}
