package explore

import (
	"math/bits"

	"lockstep/core"
)

// sum is a 128-bit hash. At ten million states two of them meet by chance
// about once in 10^25 explorations, if the hash is as good as a random one.
type sum struct{ a, b uint64 }

func (h sum) word(w uint64) sum {
	return sum{mix(h.a + w + 0x9e3779b97f4a7c15), mix(bits.RotateLeft64(h.b, 23) ^ w ^ 0xd1b54a32d192ed03)}
}

// with joins parts whose order carries no meaning.
func (h sum) with(o sum) sum { return sum{h.a + o.a, h.b + o.b} }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// reduced is the identity of a state up to what changes nothing: times count
// from now, requests are alike once they are admitted, and so are the endpoints
// of one placement: their parts are summed, so that renaming them is the same sum.
func (w *world) reduced() sum {
	h := sum{}.word(flag(w.config > 0)<<16 | uint64(w.crashes)<<8 | uint64(w.left))
	for p := range w.placements {
		var all sum
		for e, id := range w.ids {
			if int(id.placement) == p {
				all = all.with(w.reducedEndpoint(e))
			}
		}
		h = h.word(all.a).word(all.b)
	}
	return h
}

func (w *world) reducedEndpoint(e int) sum {
	p := &w.endpoints[e]
	var h sum
	if p.number < 0 {
		return h.word(1)
	}
	if p.current {
		h = h.word(uint64(p.state)<<32 | uint64(p.failures)<<16 | uint64(p.successes)<<8 | flag(p.unhealthy)<<1 | flag(p.token != 0))
		if p.state == core.Open {
			h = h.word(uint64(max(0, p.until-w.now)))
		}
		if w.row(e).Breaker.Growth > 1_000_000 {
			h = h.word(uint64(p.reopened))
		}
		h = h.word(w.ahead(p.guard))
	}
	var all sum
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; int(a.endpoint) == e {
			// A retiring endpoint books no outcome: only the slot is left.
			counts := flag(p.current && a.ticket)
			all = all.with(sum{}.word(flag(a.guest) | flag(a.replied)<<1 | counts<<2 | 8).word(w.ahead(a.guard)))
		}
	}
	return h.word(all.a).word(all.b)
}

// ahead is a time as it is seen from now.
func (w *world) ahead(t core.Time) uint64 {
	if t == core.Never {
		return ^uint64(0)
	}
	return uint64(t - w.now)
}

// raw is the identity of a state as it is: the router's digest, absolute time,
// every request and handle by its own name, and what is left.
func (w *world) raw() sum {
	h := sum{}.word(w.router.Digest()).word(uint64(w.now)).word(uint64(w.config)<<16 | uint64(w.crashes)<<8 | uint64(w.left))
	var all sum
	for i := range w.attempts[:w.n] {
		a := &w.attempts[i]
		all = all.with(sum{}.word(a.request).word(uint64(a.handle.Slot)).word(uint64(a.endpoint)))
	}
	return h.word(all.a).word(all.b)
}
