package main

import (
	"os"
	"runtime/debug"
)

// collectRarely makes a command that simulates collect garbage four times as
// rarely as Go does by default, unless GOGC says otherwise: a run keeps a few
// megabytes and is over soon, so fewer collections save about 5 % of its time.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
