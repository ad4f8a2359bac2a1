package scenario

import _ "embed" // for the schema

//go:embed scenario.schema.json
var schema string

// Schema returns the JSON Schema of a scenario file, for editors and for people:
// every field with its unit, its range and what zero means. Decoding does not
// run it: its own errors say more. Tests hold both to the same fields.
func Schema() string { return schema }
