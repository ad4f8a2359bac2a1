package main

import "lockstep/core"

// guardText says which push guard refused a configuration, and how far the push went.
func guardText(d *core.Decision) string {
	what := "of the limits in all would be taken away"
	switch d.Cause {
	case core.CauseKeysRerouted:
		what = "of the keys would be served elsewhere"
	case core.CauseKeysRemoved:
		what = "of the keys would be gone"
	case core.CauseEndpointsRemoved:
		what = "of the endpoints would be gone"
	}
	return "a push is refused by " + d.Cause.String() + ": " + core.Percent(d.Count) + " " + what + " (R13)"
}
