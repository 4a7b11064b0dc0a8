// Package scenarios reads scenario files: strict YAML with positions, variants
// merged over the common spec, workload manifests rendered to bytes. It also
// carries the library of ready-made scenarios, which are the *.yaml files of
// this folder.
//
//	scenario, err := scenarios.Load("live-migration", faults.Catalog())
//
// Whatever is wrong with a file is reported together, one [Problem] a place,
// with file, line, column, the path of the field and a hint.
//
// # How a variant is merged
//
// A variant's spec is laid over the scenario's: maps merge key by key, lists
// whose elements all have a name merge by that name (new names are appended),
// every other value replaces what was there. null and an empty list remove.
// Every variant is then decoded and validated as a whole.
package scenarios
