package driver

import "lockstep/core"

// Target says what the numbers of a decision meant when it was made. The
// router reuses numbers once their endpoint has retired; a Target stays true.
// It is shared and must not be changed.
type Target struct {
	// Config is the configuration in force; nil before the first, and for an
	// endpoint or placement that was removed and waits for its last request.
	Config         *core.Config
	PlacementName  string // "" for no placement
	URL            string // the endpoint's; "" for no endpoint
	PlacementIndex int    // in Config; -1 for none
	EndpointIndex  int    // in Config; -1 for none
}

// targets are made once per adoption, so that a decision only points at one.
type targets struct {
	none       Target
	placements []Target // by number
	endpoints  []Target // by number
}

func newTargets(r *core.Router) *targets {
	c := r.Config()
	t := &targets{
		none:       Target{Config: c, PlacementIndex: -1, EndpointIndex: -1},
		placements: make([]Target, r.Placements()),
		endpoints:  make([]Target, r.Endpoints()),
	}
	for n := range t.placements {
		p := r.Placement(int32(n))
		t.placements[n] = Target{PlacementName: p.Name, PlacementIndex: p.Index, EndpointIndex: -1}
		if p.Index >= 0 {
			t.placements[n].Config = c
		}
	}
	for n := range t.endpoints {
		e := r.Endpoint(int32(n))
		if e.URL == "" {
			continue // a free number
		}
		t.endpoints[n] = t.placements[e.Placement]
		t.endpoints[n].URL, t.endpoints[n].EndpointIndex = e.URL, e.Index
		if e.Index < 0 {
			t.endpoints[n].Config, t.endpoints[n].PlacementIndex = nil, -1
		}
	}
	return t
}

// of resolves the numbers of a decision. The targets change only after an
// adoption's decisions are delivered: it may have freed a number and given it
// to another endpoint, but what it decided is about the one that had it before.
func (t *targets) of(d *core.Decision) *Target {
	switch {
	case d.Endpoint >= 0 && int(d.Endpoint) < len(t.endpoints):
		return &t.endpoints[d.Endpoint]
	case d.Placement >= 0 && int(d.Placement) < len(t.placements):
		return &t.placements[d.Placement]
	}
	return &t.none
}
