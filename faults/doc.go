// Package faults holds everything that can go wrong in a trial, one file a
// fault, and [Catalog], the one list of them.
//
// A fault is a struct whose exported fields are its parameters in YAML, and a
// Run method of straight-line code: choose the targets, arm, begin, act, prove,
// hold, revert. A new fault is one file and one line of the catalog.
//
//	faults:
//	- name: migrate
//	  at: 15s
//	  for: 8s
//	  liveMigration: {mode: blackout, nodes: {running: app=shop, count: 1}}
//
// Field tags: `yaml` names the parameter, `enum` lists its values, `doc` says
// what it means, in [Doc].
package faults
