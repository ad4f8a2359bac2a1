package core

// The adaptive limit of a placement (R5) follows what its latency says: it grows
// while answers come as fast as when little was in flight, and falls as they take
// longer (gradient; see SPEC for what it owes to others). It moves only at the
// end of a window, with a note, so that a recording explains it.

// AdaptiveSpec says how the limit of a placement follows its latency.
type AdaptiveSpec struct {
	Min       int32    // the limit is never lower; 0 means 10
	Max       int32    // the limit is never higher; 0 means that there is no adaptive limit
	Start     int32    // the first limit, from Min to Max; 0 means Min
	Window    Duration // what is measured at a time, 10 ms to a minute; 0 means 1 s
	Tolerance uint32   // percent of the latency of a calm placement that is no overload, 110..190; 0 means 150
	Remeasure uint32   // windows after which a placement at its limit is calmed to measure it, 4..10000; 0 means 30
}

// On reports whether there is an adaptive limit.
func (s *AdaptiveSpec) On() bool { return s.Max != 0 }

type phase uint8

// Phases. To measure, the limit is halved for two windows: one in which what was
// admitted before ends, one that counts.
const (
	phaseSteady phase = iota
	phaseDraining
	phaseMeasuring
)

const (
	limitUnit  = 256  // parts of a slot in which the limit is kept
	gradUnit   = 1024 // parts of one in which the gradient is
	minSamples = 30   // fewer say too little: the window goes on
)

// adaptive is the state of one limit.
type adaptive struct {
	limit    int64 // in limitUnit
	base     Duration
	due      Time // end of the window, Never while nothing is in flight
	sum      uint64
	count    uint32
	since    uint32 // windows since base was measured
	peak     int32  // most in flight in the window
	phase    phase
	climbing bool // it doubles: no overload was met yet
	busy     bool // something was admitted in the window
}

func newAdaptive(s *AdaptiveSpec) *adaptive {
	return &adaptive{limit: int64(s.Start) * limitUnit, due: Never, climbing: true}
}

// atRest reports whether nothing was learnt yet.
func (a *adaptive) atRest(s *AdaptiveSpec) bool { return *a == *newAdaptive(s) }

// now returns the limit in force.
func (a *adaptive) now(s *AdaptiveSpec) int32 {
	if a.phase != phaseSteady {
		return max(int32(a.limit/limitUnit/2), s.Min)
	}
	return int32(a.limit / limitUnit)
}

// bounds returns how many a placement takes, and how many guests among them: the
// cap on guests shrinks with the limit, so that those at home keep their part.
func (a *adaptive) bounds(l *LimitSpec) (limit, guests int32) {
	most := l.Adaptive.Max
	if l.InFlight > 0 {
		most = min(most, l.InFlight)
	}
	limit = min(a.now(&l.Adaptive), most)
	return limit, int32(int64(max(l.Guests, 0)) * int64(limit) / int64(most))
}

// admitted counts one more in flight at a placement and begins a window if none is open.
func (r *Router) admitted(now Time, number int32, l *LimitSpec) {
	s := &r.placements[number]
	s.adaptive.peak, s.adaptive.busy = max(s.adaptive.peak, s.inFlight), true
	if s.adaptive.due == Never {
		s.adaptive.due = now.Add(l.Adaptive.Window)
		r.timers.set(timerLimit, number, s.adaptive.due)
	}
}

// sample enters what an attempt that began at a time took. An end that says
// nothing about the endpoint's speed is left out; a client that left counts when
// it waited longer than usual, or overload would be what nobody measures.
func (r *Router) sample(s *slot, class Class, took Duration, began Time) {
	p := &r.placements[r.endpoints[s.endpoint].placement]
	if p.adaptive == nil || began == 0 {
		return
	}
	a := p.adaptive
	switch class {
	case ClassNone, ResponseTimeout, ConnectTimeout:
	case ClientGone:
		if took <= a.base {
			return
		}
	default:
		return
	}
	l := &r.config.placements[p.config].limit
	if a.phase == phaseDraining || a.phase == phaseMeasuring && began-1 < a.due.Add(-l.Adaptive.Window) {
		return
	}
	a.sum += uint64(min(max(took, 1), MaxDuration))
	a.count++
	r.touchPlacement(r.endpoints[s.endpoint].placement)
}

// sampleReply enters an attempt whose headers came `settle` ago.
func (r *Router) sampleReply(now Time, s *slot, class Class) {
	p := &r.placements[r.endpoints[s.endpoint].placement]
	if p.adaptive != nil {
		r.sample(s, class, now.Sub(s.began-1)-r.config.placements[p.config].timeouts.Settle, s.began)
	}
}

// limitWindow ends the window that was due at `at`.
func (r *Router) limitWindow(at, now Time, number int32, out []Decision) []Decision {
	s := &r.placements[number]
	l := &r.config.placements[s.config].limit
	a := s.adaptive
	before := a.now(&l.Adaptive)
	r.touchPlacement(number)
	if s.inFlight == 0 && !a.busy {
		a.phase, a.due = phaseSteady, Never
		a.sum, a.count, a.peak = 0, 0, 0
	} else {
		a.turn(&l.Adaptive, s.inFlight)
		missed := now.Sub(at)/l.Adaptive.Window + 1
		a.due = at.Add(missed * l.Adaptive.Window)
	}
	r.timers.set(timerLimit, number, a.due)
	out = r.limitChanged(at, number, before, out)
	if s.queue.count > 0 && a.now(&l.Adaptive) > before {
		return r.turn(at, number, out) // a raised limit is room for those who wait
	}
	return out
}

// limitChanged notes the limit if it is another than before.
func (r *Router) limitChanged(at Time, number, before int32, out []Decision) []Decision {
	s := &r.placements[number]
	after := s.adaptive.now(&r.config.placements[s.config].limit.Adaptive)
	if after == before {
		return out
	}
	d := note(NoteLimitChanged, 5, at)
	d.Placement, d.Count = number, uint32(after)
	return append(out, d)
}

// turn decides at the end of a window.
func (a *adaptive) turn(s *AdaptiveSpec, inFlight int32) {
	a.busy = false
	switch a.phase {
	case phaseDraining:
		a.phase = phaseMeasuring
	case phaseMeasuring:
		if a.count > 0 {
			a.base = max(Duration(a.sum/uint64(a.count)), 1)
		}
		a.phase, a.since = phaseSteady, 0
	default:
		a.since = min(a.since+1, s.Remeasure)
		if a.count < minSamples {
			a.peak = max(a.peak, inFlight)
			return
		}
		a.follow(s)
	}
	a.sum, a.count, a.peak = 0, 0, inFlight
}

// follow moves the limit by the latency of a full window.
func (a *adaptive) follow(s *AdaptiveSpec) {
	limit, short := a.now(s), max(Duration(a.sum/uint64(a.count)), 1)
	switch {
	case a.base == 0:
		a.base = short
	case short < a.base:
		a.base -= (a.base - short) / 4
	case a.peak < limit:
		a.base += (short - a.base) / 16
	}
	head := int64(max(sqrt(uint64(limit)), 1)) * limitUnit
	gradient := min(max(int64(a.base)*int64(s.Tolerance)/100*gradUnit/int64(short), gradUnit/2), gradUnit)
	switch {
	case gradient < gradUnit:
		a.climbing = false
		a.limit += (a.limit*gradient/gradUnit + head - a.limit) / 2
	case int64(a.peak)*2 < int64(limit): // it was not the limit that kept it low
	case a.climbing:
		a.limit *= 2
	default:
		a.limit += head
	}
	a.clamp(s)
	if a.since < s.Remeasure {
		return
	}
	switch {
	case a.peak >= limit:
		a.phase = phaseDraining
	case int64(a.peak)*2 <= int64(limit):
		a.base, a.since = short, 0
	}
}

func (a *adaptive) clamp(s *AdaptiveSpec) {
	a.limit = min(max(a.limit, int64(s.Min)*limitUnit), int64(s.Max)*limitUnit)
}

// sqrt is the integer square root.
func sqrt(n uint64) uint64 {
	root, bit := uint64(0), uint64(1)<<62
	for bit > n {
		bit >>= 2
	}
	for ; bit > 0; bit >>= 2 {
		if n >= root+bit {
			n -= root + bit
			root = root>>1 + bit
		} else {
			root >>= 1
		}
	}
	return root
}

// readapt begins, ends and clamps adaptive limits under a new configuration.
func (r *Router) readapt(now Time, out []Decision) []Decision {
	for n := range r.placements {
		s := &r.placements[n]
		if s.config < 0 {
			continue
		}
		spec := &r.config.placements[s.config].limit.Adaptive
		before := int32(0)
		switch {
		case !spec.On():
			r.forgetLimit(int32(n))
			continue
		case s.adaptive == nil:
			s.adaptive = newAdaptive(spec)
		default:
			before = s.adaptive.now(spec)
			s.adaptive.clamp(spec)
			s.adaptive.since = min(s.adaptive.since, spec.Remeasure)
		}
		r.touchPlacement(int32(n))
		out = r.limitChanged(now, int32(n), before, out)
	}
	return out
}

// forgetLimit drops the adaptive limit of a placement, if it has one.
func (r *Router) forgetLimit(n int32) {
	if r.placements[n].adaptive != nil {
		r.placements[n].adaptive = nil
		r.timers.set(timerLimit, n, Never)
		r.touchPlacement(n)
	}
}

// mix is the part of the digest.
func (a *adaptive) mix(h uint64) uint64 {
	h = mixWord(h, uint64(a.limit)<<4|uint64(a.phase)<<2|bit(a.busy)<<1|bit(a.climbing))
	h = mixWord(h, uint64(a.base))
	h = mixWord(h, uint64(a.due))
	h = mixWord(h, a.sum)
	return mixWord(mixWord(h, uint64(a.count)<<32|uint64(a.since)), uint64(a.peak))
}
