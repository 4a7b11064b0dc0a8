package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/envfuncs"
	"sigs.k8s.io/e2e-framework/pkg/features"

	"github.com/seatrial/seatrial/internal/fixture"
	"github.com/seatrial/seatrial/seatrialtest"
	"github.com/seatrial/seatrial/seatrialtest/e2e"
)

// A suite whose cluster stays for the next run, with an assessment of its own
// beside a sea trial.
func Example() {
	_ = func(m *testing.M) env.Environment { // func TestMain(m *testing.M)
		environment := env.New()
		environment.Setup(envfuncs.CreateCluster(&e2e.Provider{Keep: true}, "shop"))
		environment.Finish(envfuncs.DestroyCluster("shop"))
		return environment // os.Exit(environment.Run(m))
	}
	_ = func(t *testing.T, environment env.Environment) { // func TestAFrozenNode(t *testing.T)
		environment.Test(t, e2e.Feature("live-migration", seatrialtest.On("kind")))
	}
}

// scenario copies a scenario beside the library's workload, where its manifests
// have to be.
func scenario(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := fixture.Lay(dir, from, "../../scenarios/shop.yaml"); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, filepath.Base(from))
}

func TestATrialIsAFeatureOfASuite(t *testing.T) {
	assessed := false
	env.NewWithConfig(envconf.New()).Test(t,
		e2e.Feature(scenario(t, "../testdata/hasty.yaml"), seatrialtest.Variants("as-is")),
		features.New("beside it").Assess("is assessed", func(ctx context.Context, _ *testing.T, _ *envconf.Config) context.Context {
			assessed = true
			return ctx
		}).Feature())
	if !assessed {
		t.Error("the suite's own feature was not assessed")
	}
}

func TestAProviderWithoutACluster(t *testing.T) {
	p := &e2e.Provider{}
	if p.KubernetesRestConfig() != nil || p.GetKubeconfig() != "" {
		t.Error("it has a configuration before there is a cluster")
	}
	if _, err := p.GenerateKubeconfig(); err == nil || !strings.Contains(err.Error(), "not created yet") {
		t.Errorf("a kubeconfig of nothing: %v", err)
	}
	if _, err := p.CreateWithConfig(t.Context(), "kind.yaml"); err == nil {
		t.Error("a configuration of kind was taken")
	}
	if err := p.Destroy(t.Context()); err != nil {
		t.Errorf("destroying nothing: %v", err)
	}
	p.SetDefaults().WithName("n").WithPath("p").WithVersion("v1.37.1")
	if p.Cluster.Kubernetes != "v1.37.1" {
		t.Errorf("version %q", p.Cluster.Kubernetes)
	}
}

func TestE2EASuiteHasItsTrialsOnItsOwnCluster(t *testing.T) {
	if os.Getenv("SEATRIAL_E2E") == "" {
		t.Skip("needs Docker and minutes: `make e2e` runs it")
	}
	p := &e2e.Provider{Keep: true, Log: t.Logf}
	create := envfuncs.CreateCluster(p, "suite")
	config := envconf.New()
	ctx, err := create(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(seatrialtest.Require, "kind")
	environment := env.NewWithConfig(config)
	environment.Test(t,
		features.New("the suite's cluster").Assess("has its nodes", func(ctx context.Context, t *testing.T, c *envconf.Config) context.Context {
			var nodes corev1.NodeList
			if err := c.Client().Resources().List(ctx, &nodes); err != nil {
				t.Fatal(err)
			}
			if len(nodes.Items) != 5 { // a control plane, 3 workers, the agents' node
				t.Errorf("%d nodes, want 5", len(nodes.Items))
			}
			for _, n := range nodes.Items {
				if !strings.HasPrefix(n.Name, strings.TrimPrefix(p.GetKubectlContext(), "kind-")) {
					t.Errorf("node %s is none of %s", n.Name, p.GetKubectlContext())
				}
			}
			return ctx
		}).Feature(),
		e2e.Feature(scenario(t, "../../testdata/e2e/short.yaml"), seatrialtest.On("kind")))
	logs := t.TempDir()
	if err := p.ExportLogs(ctx, logs); err != nil {
		t.Error(err)
	}
	if found, err := filepath.Glob(filepath.Join(logs, "*", "kubelet.log")); err != nil || len(found) != 5 {
		t.Errorf("the logs of %d kubelets, %v; want 5", len(found), err)
	}
	kubeconfig := p.GetKubeconfig()
	if _, err := envfuncs.DestroyCluster("suite")(ctx, config); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(kubeconfig); err == nil {
		t.Errorf("%s is left", kubeconfig)
	}
}
