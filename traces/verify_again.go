package traces

import "lockstep/core"

// owes works out whether requests that wait must be matched again before
// anything else happens (R12): after an adopt, and after a retry of a request
// that was matched under an earlier configuration. Where there are several routes
// the loop cannot do so by itself, and the request waits until its edge has.
func (v *Verifier) owes(f *Fact) {
	retried := false
	if n := len(v.out); n > 0 {
		retried = v.out[n-1].Kind == core.Retry
	}
	c := v.router.Config()
	if c != nil && c.Routes() > 1 {
		v.several = true // whoever resolves routes matches them, when it can
	}
	if v.several {
		return
	}
	if v.owed || retried || f.Event.Kind == core.Adopt {
		v.stale = v.router.AppendStale(v.stale[:0])
		v.owed = len(v.stale) > 0
	}
}
