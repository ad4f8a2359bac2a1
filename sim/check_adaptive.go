package sim

import (
	"fmt"
	"math"

	"lockstep/core"
)

// The adaptive limit (R5), from the specification: what a placement's latency
// makes of its limit at the end of each window.

// limitModel is what the rules say of one adaptive limit.
type limitModel struct {
	parts    int64 // of a slot, 256 make one
	base     int64 // ns
	total    int64 // ns, of the samples of the window
	samples  int64
	ends     core.Time // of the window, Never when none is open
	age      uint32    // windows since base was measured
	most     int32     // in flight in the window
	stage    int       // 0 steady, 1 draining, 2 measuring
	doubling bool
	active   bool // something was admitted in the window
}

func (m *limitModel) inForce(a *core.AdaptiveSpec) int32 {
	if m.stage > 0 {
		return max(a.Min, int32(m.parts/512))
	}
	return int32(m.parts / 256)
}

// limits is how many a placement takes, and how many guests among them.
func (c *checker) limits(row *core.PlacementInfo, p *placementModel) (limit, guests int32) {
	limit, guests = row.Limit.InFlight, max(row.Limit.Guests, 0)
	if p.limit == nil {
		return limit, guests
	}
	hard := row.Limit.Adaptive.Max
	if limit > 0 && limit < hard {
		hard = limit
	}
	limit = min(p.limit.inForce(&row.Limit.Adaptive), hard)
	return limit, int32(int64(guests) * int64(limit) / int64(hard))
}

// arrivedAt books an admission with its placement's limit.
func (c *checker) arrivedAt(number int32) {
	p := &c.placements[number]
	row := &c.rows[p.index]
	if m := p.limit; m != nil {
		m.most, m.active = max(m.most, p.inFlight), true
		if m.ends == core.Never {
			m.ends = c.now.Add(row.Limit.Adaptive.Window)
		}
	}
}

// sample books what an attempt took, less the time that its headers are old.
func (c *checker) sample(a *attemptModel, class core.Class, status uint16, old core.Duration) {
	since := a.admitted
	if !a.timed {
		return
	}
	p := &c.placements[c.endpoints[a.endpoint].placement]
	m := p.limit
	if m == nil || m.stage == 1 {
		return
	}
	row := &c.rows[p.index]
	if m.stage == 2 && since < m.ends.Add(-row.Limit.Adaptive.Window) {
		return
	}
	took := int64(c.now.Sub(since) - old)
	switch {
	case class == core.ClassNone && status < 500 && status >= 100, class == core.ResponseTimeout, class == core.ConnectTimeout:
	case class == core.ClientGone && took > m.base:
	default:
		return
	}
	m.total += min(max(took, 1), int64(core.MaxDuration))
	m.samples++
}

// endWindows ends the windows that are due, each as of its time.
func (c *checker) endWindows() {
	if !c.adaptive {
		return
	}
	for n := range c.placements {
		p := &c.placements[n]
		if p.limit == nil || p.limit.ends > c.now {
			continue
		}
		row, m := &c.rows[p.index], p.limit
		was, at := m.inForce(&row.Limit.Adaptive), m.ends
		if p.inFlight == 0 && !m.active {
			*m = limitModel{parts: m.parts, base: m.base, age: m.age, doubling: m.doubling, ends: core.Never}
		} else {
			m.turn(&row.Limit.Adaptive, p.inFlight)
			for m.ends <= c.now {
				m.ends = m.ends.Add(row.Limit.Adaptive.Window)
			}
		}
		if now := m.inForce(&row.Limit.Adaptive); now != was {
			c.moves = append(c.moves, limitNote{at, int32(n), uint32(now)})
		}
	}
}

func (m *limitModel) turn(a *core.AdaptiveSpec, inFlight int32) {
	m.active = false
	switch {
	case m.stage == 1:
		m.stage = 2
	case m.stage == 2:
		if m.samples > 0 {
			m.base = m.total / m.samples
		}
		m.stage, m.age = 0, 0
	default:
		m.age = min(m.age+1, a.Remeasure)
		if m.samples < 30 {
			return
		}
		m.move(a)
	}
	m.total, m.samples, m.most = 0, 0, inFlight
}

// move applies a full window: base first, then the limit, then whether to measure.
func (m *limitModel) move(a *core.AdaptiveSpec) {
	was, mean := int64(m.inForce(a)), m.total/m.samples
	if m.base == 0 {
		m.base = mean
	} else if mean < m.base {
		m.base -= (m.base - mean) / 4
	} else if int64(m.most) < was {
		m.base += (mean - m.base) / 16
	}
	step := 256 * int64(math.Sqrt(float64(was)))
	gradient := m.base * int64(a.Tolerance) / 100 * 1024 / mean
	if gradient < 1024 {
		m.doubling = false
		m.parts += (m.parts*max(gradient, 512)/1024 + step - m.parts) / 2
	} else if 2*int64(m.most) >= was {
		if m.doubling {
			step = m.parts
		}
		m.parts += step
	}
	m.parts = max(min(m.parts, 256*int64(a.Max)), 256*int64(a.Min))
	if m.age >= a.Remeasure {
		if int64(m.most) >= was {
			m.stage = 1
		} else if 2*int64(m.most) <= was {
			m.base, m.age = mean, 0
		}
	}
}

// limitNote is one note on an adaptive limit.
type limitNote struct {
	at        core.Time
	placement int32
	limit     uint32
}

// reLimit takes over what a new configuration says of adaptive limits.
func (c *checker) reLimit() {
	for n := range c.placements {
		p := &c.placements[n]
		if p.index < 0 || !c.rows[p.index].Limit.Adaptive.On() {
			p.limit = nil
			continue
		}
		a, was := &c.rows[p.index].Limit.Adaptive, int32(0)
		if p.limit == nil {
			c.adaptive = true
			p.limit = &limitModel{parts: 256 * int64(a.Start), doubling: true, ends: core.Never}
		} else {
			was = p.limit.inForce(a)
			p.limit.parts = max(min(p.limit.parts, 256*int64(a.Max)), 256*int64(a.Min))
			p.limit.age = min(p.limit.age, a.Remeasure)
		}
		if now := p.limit.inForce(a); now != was {
			c.moves = append(c.moves, limitNote{c.now, int32(n), uint32(now)})
		}
	}
}

// matchLimits holds the notes on limits that came against those expected, and
// every limit in force against its bounds.
func (c *checker) matchLimits(decisions []core.Decision) {
	next := 0
	for i := range decisions {
		d := &decisions[i]
		if d.Kind != core.NoteLimitChanged {
			continue
		}
		p := &c.placements[d.Placement]
		if a := &c.rows[p.index].Limit.Adaptive; d.Count < uint32(a.Min) || d.Count > uint32(a.Max) {
			c.fail("R5", d.Placement, -1, "limit.adaptive", fmt.Sprintf("its limit is %d, outside %d to %d", d.Count, a.Min, a.Max))
			break
		}
		if next == len(c.moves) || c.moves[next] != (limitNote{d.At, d.Placement, d.Count}) {
			c.fail("R5", d.Placement, -1, "limit.adaptive", fmt.Sprintf("its limit changed to %d, which the rules do not allow here", d.Count))
			break
		}
		c.saw(SawLimitChanged)
		next++
	}
	if next < len(c.moves) && c.w.result.Violated == 0 {
		x := c.moves[next]
		c.fail("R5", x.placement, -1, "limit.adaptive", fmt.Sprintf("its limit should have changed to %d", x.limit))
	}
	c.moves = c.moves[:0]
}
