// Package load is the load generator: it sends the requests of a plan with
// Vegeta, each on the connection of the user it belongs to, and counts what
// happened in intervals of 100 ms by due time.
//
// A user is one sequential client with one kept-alive connection (a load may
// give it more, or a fresh one for every request). While its request hangs,
// its next ones wait in line, as a person's would; what is still in line at
// the end was never sent and counts as dropped. Latency is measured from the
// time a request was due, not from when it could at last be sent, so that a
// system that stands still cannot hide it ("coordinated omission").
//
// [Engine] sends, in this process. [Agent] puts an engine behind a small HTTP
// API, for use in a pod; [Connect] makes one [seatrial.Attack] out of many
// agents. See the example of [Engine].
//
//	load/plan   which request is due when, and whose it is
//	user.go     one user: its pace, its line, its connection
//	exchange.go one request on the wire
//	insist.go   one request of a client with policies: retries, hedges
//	load/policy what such a client decides
//	load/tally  sums
package load
