// Package backend runs planned trials where the user wants them: on the simulator
// or on real clusters. It is what the entry points share, the command line and
// seatrialtest: it joins runner, clusters, images and the load's client, and keeps
// the guardian that heals a cluster after a run that died.
//
//	b := backend.Backend{On: backend.Sim}
//	planned, err := runner.Schedule(scenario, nil, 1, 1, "runs/now")
//	summary, err := b.Trial(ctx, planned[0], false)
package backend
