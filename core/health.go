package core

// Active health of one endpoint (R8): probes in a row decide, one way or the
// other. Health says whom to prefer; it never blocks a request (R3).

type health struct {
	unhealthy bool
	streak    uint32 // probes in a row that contradict the present state
	token     uint32 // of the probe in flight, 0 for none
}

// observe books one probe result and reports whether the state changed.
func (h *health) observe(ok bool, s *HealthSpec) (changed bool) {
	if ok != h.unhealthy {
		h.streak = 0
		return false
	}
	need := s.Fall
	if h.unhealthy {
		need = s.Rise
	}
	if h.streak++; h.streak < need {
		return false
	}
	h.unhealthy = !h.unhealthy
	h.streak = 0
	return true
}

// nextProbe returns the first point after now of the endpoint's probe grid:
// phase + k x Every, each point moved back by a hashed jitter of up to a tenth
// of Every. It is a function of its arguments, so a late Step loses nothing.
func nextProbe(now Time, s *HealthSpec, seed, id uint64) Time {
	every := uint64(s.Every)
	phase := below(draw(seed, id, 0, purposePhase), every)
	k := uint64(0)
	if uint64(now) > phase {
		k = (uint64(now) - phase) / every
	}
	for {
		jitter := below(draw(seed, id, k, purposeProbeJitter), every/10)
		if at := Time(phase + k*every + jitter); at > now {
			return at
		}
		k++
	}
}

func (h *health) mix(d uint64) uint64 {
	return mixWord(d, uint64(h.streak)<<2|bit(h.unhealthy)<<1|bit(h.token != 0))
}
