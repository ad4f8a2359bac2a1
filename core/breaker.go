package core

// The breaker of one endpoint (R6). It answers one question, "is this endpoint
// worth a request?", from the outcomes of real requests only.

// breaker is the state; its settings are the placement's BreakerSpec.
type breaker struct {
	state     Circuit
	probes    uint8  // half_open: probes out, each with a guard
	gen       uint32 // grows with every change of state: the ticket's generation
	failures  uint32 // closed: failures in a row
	successes uint32 // half_open: good probes so far
	reopened  uint32 // open times in a row that ended in another: the n of growth^n, at most maxReopened
	until     Time   // open: ready for a probe from here on
	guards    [MaxProbes]guard
}

// guard is the time at which a probe that has not answered counts as failed.
type guard struct {
	at   Time
	slot uint32
}

// maxReopened bounds the work of openTime; 2^64 times any open time is past every cap.
const maxReopened = 64

type breakerInput uint8

const (
	breakerTrip    breakerInput = iota // too many failures in closed
	breakerAdmit                       // a probe is admitted in open
	breakerRecover                     // enough good probes in half_open
	breakerRelapse                     // a failed or silent probe in half_open
	breakerInputs
)

// next is the transition table; CircuitNone marks what cannot happen.
func (s Circuit) next(in breakerInput) Circuit {
	switch {
	case s == Closed && in == breakerTrip:
		return Open
	case s == Open && in == breakerAdmit:
		return HalfOpen
	case s == HalfOpen && in == breakerRecover:
		return Closed
	case s == HalfOpen && in == breakerRelapse:
		return Open
	}
	return CircuitNone
}

// move takes the transition and starts a new generation with clean counters.
// It reports false when the table has no such transition.
func (b *breaker) move(in breakerInput) bool {
	to := b.state.next(in)
	if to == CircuitNone {
		return false
	}
	b.state = to
	b.gen++
	b.failures, b.successes, b.probes = 0, 0, 0
	return true
}

// admits reports whether a request may go through, as a probe or not.
func (b *breaker) admits(now Time, s *BreakerSpec) bool {
	switch b.state {
	case Open:
		return now >= b.until
	case HalfOpen:
		return uint32(b.probes) < s.Probes
	}
	return true
}

// openTime is min(Open x Growth^n, OpenMax) plus hashed jitter, in integers that saturate at OpenMax.
func (b *breaker) openTime(s *BreakerSpec, seed, id uint64) Duration {
	d := s.Open
	for range b.reopened {
		if s.Growth == 1e6 || d >= s.OpenMax {
			break
		}
		d = scale(d, s.Growth)
	}
	d = min(d, s.OpenMax)
	spread := uint64(scale(d, s.Jitter))
	return d + Duration(below(draw(seed, id, uint64(b.gen), purposeJitter), spread))
}

// scale returns d x ppm / 1e6, rounded down; d is at most MaxDuration, so the product of its parts fits.
func scale(d Duration, ppm uint32) Duration {
	whole, rest := d/1e6, d%1e6
	return whole*Duration(ppm) + rest*Duration(ppm)/1e6
}

// addProbe counts a probe out and returns the earliest guard.
func (b *breaker) addProbe(slot uint32, at Time) Time {
	b.guards[b.probes] = guard{at, slot}
	b.probes++
	return b.firstGuard()
}

// dropProbe forgets the probe in slot and returns the earliest guard left.
func (b *breaker) dropProbe(slot uint32) Time {
	for i := range b.probes {
		if b.guards[i].slot == slot {
			b.probes--
			b.guards[i] = b.guards[b.probes]
			break
		}
	}
	return b.firstGuard()
}

func (b *breaker) firstGuard() Time {
	first := Never
	for i := range b.probes {
		first = min(first, b.guards[i].at)
	}
	return first
}

// mix folds the breaker into its endpoint's part of the digest. The order of
// guards carries no meaning, so they are summed.
func (b *breaker) mix(h uint64) uint64 {
	h = mixWord(h, uint64(b.state)<<32|uint64(b.gen))
	h = mixWord(h, uint64(b.failures)<<32|uint64(b.successes))
	h = mixWord(h, uint64(b.reopened)<<8|uint64(b.probes))
	h = mixWord(h, uint64(b.until))
	var sum uint64
	for i := range b.probes {
		sum += finalise(uint64(b.guards[i].at) + golden)
	}
	return mixWord(h, sum)
}
