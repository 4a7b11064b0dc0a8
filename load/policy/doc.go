// Package policy decides what a client does about failures: when it tries
// again, hedges, or does not send at all. It is pure: it knows neither
// connections nor clocks, is told what happened and when, and says what to do.
// The load engine and the simulator both ask it, so that a policy means the
// same in both.
//
//	c := policy.New(client)       // one for each user
//	var r policy.Request
//	switch next := c.Begin(&r, now); next.Do {
//	case policy.Send: // an attempt, and ask c.Hedge after next.After if next.Hedge
//	case policy.Over: // not sent: next.Class says why
//	}
//	next := c.Ended(&r, now, class, took, rand.Float64)
//
// failsafe-go (v0.9.8) has policies of these names. They are not used, because
// its hedge is won by the first result whatever it is, its retry budget limits
// the share of executions in flight and has a floor, and its timers are real:
// the simulator would have needed a second version of each.
//
//	request.go  one request: tries, hedges, deadline
//	budget.go   how many retries may be sent
//	breaker.go  whether to send at all
//	latest.go   the running percentile
package policy
