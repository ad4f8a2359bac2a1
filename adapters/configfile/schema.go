package configfile

import _ "embed" // for the schema

//go:embed native.schema.json
var nativeSchema string

// Schema returns the JSON Schema of the native form, for editors. Load does not
// run it: its own errors say more. A test holds both to the same answers.
func Schema() string { return nativeSchema }
