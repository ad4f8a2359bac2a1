package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectRarely makes a command that simulates or replays collect garbage four
// times as rarely as Go does by default, unless GOGC says otherwise: it keeps a few
// megabytes and is over soon. Fewer collections save about 5 % of a simulation's
// time and 15 % of a replay's.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// collectInBulk lets a router make 16 MiB of garbage between two collections,
// however little it keeps: Go would collect each 4 MiB, 40 times a second under
// load. Where a router keeps more, Go's own pace is as before. It lasts until
// release is called; what it holds is never touched, so it takes up addresses
// and no memory.
func collectInBulk() (release func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	ballast := make([]byte, 16<<20)
	return func() { runtime.KeepAlive(ballast) }
}
