package calibrate

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
)

// Measures are the figures by which a run is held against what was seen. What
// the edge refuses by itself, and what a router refuses because it drains or has no
// configuration, is in neither: no model can answer for it.
type Measures struct {
	Requests  uint64 // that ended
	OK        uint64 // complete answers below 500
	Refused   uint64 // by the router, without an answer of an endpoint
	GaveUp    uint64 // their clients did
	Failed    uint64 // the rest
	Failovers uint64 // left their home, served elsewhere or refused
	Apart     uint64 // in none of the above
	ByClass   [core.Classes]uint64
	Latency   sim.Histogram // of OK
	OKAt      Timeline      // by arrival
	Homes     map[string]*Home
}

// Home is what became of the requests of one placement's keys.
type Home struct{ Requests, OK, Failovers uint64 }

// NewMeasures returns empty measures.
func NewMeasures() *Measures { return &Measures{Homes: map[string]*Home{}} }

// apart reports whether a class says nothing about a model.
func apart(c core.Class) bool {
	return c.ByEdge() || c == core.NotReady || c == core.Draining
}

// Ended counts one request. It is part of Sink.
func (m *Measures) Ended(r *Request) {
	if apart(r.Class) {
		m.Apart++
		return
	}
	h := m.Homes[r.Home]
	if h == nil {
		h = &Home{}
		m.Homes[r.Home] = h
	}
	m.Requests++
	h.Requests++
	if r.Failover != core.FailoverNone {
		m.Failovers++
		h.Failovers++
	}
	switch {
	case r.Class == core.ClassNone:
		m.OK++
		h.OK++
		m.Latency.Add(r.End.Sub(r.At))
		m.OKAt.Add(r.At, 1)
		return
	case r.Class == core.ClientGone:
		m.GaveUp++
	case r.Refused:
		m.Refused++
	default:
		m.Failed++
	}
	m.ByClass[r.Class]++
}

// Arrived is part of Sink, as are those that follow: only ends are measured.
func (m *Measures) Arrived(*Request) {}

// Attempted is part of Sink.
func (m *Measures) Attempted(*Attempt) {}

// Probed is part of Sink.
func (m *Measures) Probed(core.Time, Endpoint, bool) {}

// Adopted is part of Sink.
func (m *Measures) Adopted(core.Time, int, *core.Event, *core.Decision) {}

// Draining is part of Sink.
func (m *Measures) Draining(core.Time, int) {}

// observe follows a router of a simulated run.
func (m *Measures) observe(router int, r *core.Router) loop.Observer {
	return NewWatch(m, router, r, 0)
}
