// Package virtual is virtual time: a heap of typed value events, and the
// blocking code of runner and faults under a baton, so that the one runner
// drives a simulated site unchanged.
//
// One goroutine at a time has the baton. Whoever has it and must wait, by
// [Clock.Sleep], [Clock.Until] or a task's Wait, passes it on: to the next task
// that can go on, or else it fires events itself until one can. Time jumps from
// event to event. Nothing here reads the wall clock but the watchdog, so equal
// input gives equal output whatever the machine does.
//
//	clock := virtual.NewClock()
//	clock.Do(time.Hour, func() { fmt.Println("an hour later") })
//	err := clock.Sleep(ctx, 2*time.Hour) // prints, and returns at once
package virtual
