package traces

import "lockstep/core"

// owes works out whether requests that wait must be matched again before
// anything else happens (R12): after an adopt, and after a retry of a request
// that was matched under an earlier configuration.
func (v *Verifier) owes(f *Fact) {
	retried := false
	if n := len(v.out); n > 0 {
		retried = v.out[n-1].Kind == core.Retry
	}
	if v.owed || retried || f.Event.Kind == core.Adopt {
		v.stale = v.router.AppendStale(v.stale[:0])
		v.owed = len(v.stale) > 0
	}
}
