// Package e2e lets suites of sigs.k8s.io/e2e-framework run sea trials beside their
// own assessments, on a cluster of kind that asks for no command of kind.
//
//	func TestMain(m *testing.M) {
//		environment = env.New()
//		environment.Setup(envfuncs.CreateCluster(&e2e.Provider{Keep: true}, "shop"))
//		environment.Finish(envfuncs.DestroyCluster("shop"))
//		os.Exit(environment.Run(m))
//	}
//
//	func TestAFrozenNode(t *testing.T) {
//		environment.Test(t, e2e.Feature("live-migration", seatrialtest.On("kind")))
//	}
//
// It is a package of its own because the framework brings many others along.
package e2e
