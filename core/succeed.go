package core

// Succeed makes r the state that a successor begins with, when one process
// hands the router over to another: what was learnt stays (breakers, health,
// rotation, epoch), what belongs to the connections of the predecessor goes.
// Call it on a copy, or on what Restore returned: the predecessor goes on with
// its own attempts until they end. SPEC, "Succession".
//
// Each attempt ends as drained (R14), which is excluded: it frees its slot,
// hands a half-open probe back and changes nothing else (R7). Endpoints that
// waited for their last attempt retire. A probe that is out is forgotten and
// not counted; the next one comes when it was due.
func (r *Router) Succeed() {
	var out []Decision
	out = r.Step(r.now, &Event{Kind: Drain, Deadline: Never}, out) // nothing that waits is admitted in place of what ends
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if r.slots.at(n).state == slotWaiting { // first, or it would have its turn
			out = r.Step(r.now, &Event{Kind: Finish, Class: Draining, Handle: Handle{n, r.slots.at(n).gen}}, out[:0])
		}
	}
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		out = r.Step(r.now, &Event{Kind: Finish, Class: Draining, Handle: Handle{n, r.slots.at(n).gen}}, out[:0])
	}
	r.draining, r.abortFrom = false, 0
	r.timers.set(timerDrain, 0, Never)
	for n := range r.endpoints {
		if e := &r.endpoints[n]; e.health.token != 0 {
			e.health.token = 0
			r.timers.set(timerHealthGuard, int32(n), Never)
			r.touchEndpoint(int32(n))
		}
	}
	r.counters = Counters{}
}
