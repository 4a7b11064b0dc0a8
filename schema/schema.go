// Package schema holds the JSON Schema of scenario files, for editors and other
// tools. It is made of the Go types that scenarios are read into, and their
// comments, by the tests of package scenarios with -update.
//
//	os.Stdout.Write(schema.Scenario)
//
// An editor with yaml-language-server takes it from a file's first line:
//
//	# yaml-language-server: $schema=https://raw.githubusercontent.com/seatrial/seatrial/main/schema/scenario.json
package schema

import _ "embed"

// Scenario is the schema, in JSON Schema 2020-12. It knows fields, types, units
// and values; what has to fit together, such as a fault that has to end before
// the trial does, `seatrial validate` knows.
//
//go:embed scenario.json
var Scenario []byte
