package core

// Two tiers of assertion: a broken invariant stops a simulation or a test on
// the spot, and in production it is a note and a counter while serving goes on.

// ensure appends a NoteBug, or panics under Strict, unless ok holds.
func (r *Router) ensure(ok bool, now Time, what string, out []Decision) []Decision {
	if ok {
		return out
	}
	if r.strict {
		panic("core: broken invariant: " + what)
	}
	r.counters.Bugs++
	d := note(NoteBug, 16, now)
	d.Cause = CauseInvariant
	return append(out, d)
}
