// Package seatrial holds the words of the project as Go types and small
// interfaces: the scenario that a user writes, the actions that a fault asks
// of a cluster, and the site where a trial runs. It imports the standard
// library only, so that every other package can speak these words.
//
// A fault says what goes wrong in straight-line code against [Env]; a backend
// says how, by implementing [Site], [Cluster] and [Actor]; the runner brings
// them together, and everything that happens becomes an [Event] or an
// [Interval] of the journal.
package seatrial
