package sim

import "lockstep/core"

// When the requests of a population come, where that is not a matter of its
// rate alone: the rate follows a curve, or what is sent is held for a time by
// what stands in front of the routers.

// share returns the share of the rate that is due at a time: from Low to all in
// half a period and back, by the smooth step 3u^2 - 2u^3.
func (r *Ramp) share(at core.Time) uint64 {
	u := uint64(portion(core.Duration(at)%r.Period, 2*million, uint64(r.Period)))
	u = min(u, 2*million-u)
	return uint64(r.Low) + u*u/million*(3*million-2*u)/million*(million-uint64(r.Low))/million
}

// rampSteps is how many steps of even rate stand for the curve of a period.
const rampSteps = 256

// after returns when as many requests are due as the full rate has in a gap;
// until when that is later.
func (r *Ramp) after(from core.Time, gap core.Duration, until core.Time) core.Time {
	step := r.Period / rampSteps
	for from < until {
		share := r.share(from)
		due := portion(step, share, million)
		if due > gap {
			return from.Add(portion(gap, million, share))
		}
		from, gap = from.Add(step), gap-due
	}
	return until
}

// pass returns when what is sent at a time gets through. The draws of root
// place what is held within its release.
func (h *Hold) pass(at core.Time, root uint64) core.Time {
	end := h.At.Add(h.For)
	if at < h.At || at >= end {
		return at
	}
	return end.Add(core.Duration(below(draw(root, drawRelease), uint64(h.Over)+1)))
}

// sendShaped is sendOpen for a client with a ramp or a hold.
func (w *world) sendShaped(id uint32) {
	s := &w.senders[id]
	root := fold(s.entity, s.count)
	c := &w.clients[s.client]
	gap := w.gap(c, root)
	next := w.now.Add(gap)
	if c.plan.Ramp.Period > 0 {
		next = c.plan.Ramp.after(w.now, gap, c.plan.Until)
	}
	w.sendAt(id, next)
	at := c.plan.Hold.pass(w.now, root)
	if at >= w.length {
		s.count++
		return
	}
	n := w.makeCall(id, s, root)
	if at > w.now {
		w.calls.slab[n].phase = callPending
		w.heap.push(at, evResend, n, 0)
		return
	}
	w.arrive(n)
}
