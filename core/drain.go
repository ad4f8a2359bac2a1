package core

// Drain (R14): nothing new is admitted; at the deadline what is left is aborted.

// drainBatch bounds the aborts of one Step; the rest follow one nanosecond later.
const drainBatch = 256

func (r *Router) drain(now Time, ev *Event, out []Decision) []Decision {
	r.draining, r.abortFrom = true, 0
	r.timers.set(timerDrain, 0, max(ev.Deadline, now))
	d := note(NoteDraining, 14, now)
	d.Until = max(ev.Deadline, now)
	return append(out, d)
}

// abortBatch refuses what waits and tells the edge to cut attempts, lowest slot first. Each still ends
// with its Finish, so a slot that has been told is told again only if a second
// Drain comes.
func (r *Router) abortBatch(at, now Time, out []Decision) []Decision {
	count, done := uint32(0), 0
	n, ok := r.slots.next(r.abortFrom)
	for ; ok && done < drainBatch; n, ok = r.slots.next(n + 1) {
		done++
		if r.slots.at(n).state == slotWaiting {
			out = r.refuse(at, n, Draining, out)
			continue
		}
		d := r.about(Abort, 14, at, r.slots.at(n).endpoint)
		d.Handle, d.Class = Handle{n, r.slots.at(n).gen}, Draining
		out = append(out, d)
		count++
	}
	if ok {
		r.abortFrom = n
		r.timers.set(timerDrain, 0, now+1)
		return out
	}
	r.abortFrom = 0
	r.timers.set(timerDrain, 0, Never)
	d := note(NoteDrained, 14, at)
	d.Count = count
	return append(out, d)
}
