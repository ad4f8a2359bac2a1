package traces

import (
	"embed"
	"io/fs"
)

// The golden vectors, so that a program can check another implementation wherever it is installed.
//
//go:embed */*.ndjson
var vectors embed.FS

// Vectors returns the golden vectors by family, such as routing/round-robin-is-smooth.ndjson.
func Vectors() fs.FS { return vectors }
