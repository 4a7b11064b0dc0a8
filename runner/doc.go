// Package runner holds the one loop of a trial, the ledger of the actions in
// force, and the schedule of many trials.
//
// [Run] drives every backend with the same blocking code: open the site, reset
// and deploy, settle, trial, heal, judge. Whatever a fault does is written to
// the [Ledger] first; [Recover] undoes from it, and is the one way back for
// the runner, for the guardian process and for `seatrial recover`.
package runner
