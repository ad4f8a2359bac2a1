package conform

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// valid draws a configuration that compiles.
func (s *specs) valid() (core.Spec, *core.Config) {
	for {
		spec := s.spec()
		if c, err := core.Compile(spec); err == nil {
			return spec, c
		}
	}
}

// next draws what a configuration becomes by a push: a change or a few, or
// another configuration altogether.
func (s *specs) next(from core.Spec) (core.Spec, *core.Config) {
	for range 20 {
		spec := clone(from)
		for n := s.between(1, 4); n > 0 && len(spec.Placements) > 0; n-- { // two of one name leave together
			s.change(&spec)
		}
		if s.oneIn(4) {
			spec.Version = s.label("v")
		}
		if c, err := core.Compile(spec); err == nil {
			return spec, c
		}
	}
	return s.valid()
}

// clone returns a copy whose lists are its own.
func clone(s core.Spec) core.Spec {
	s.Keys, s.Placements, s.Tables, s.Routes, s.Splits = slices.Clone(s.Keys), slices.Clone(s.Placements), slices.Clone(s.Tables), slices.Clone(s.Routes), slices.Clone(s.Splits)
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Endpoints, p.Fallback = slices.Clone(p.Endpoints), slices.Clone(p.Fallback)
	}
	for i := range s.Tables {
		s.Tables[i].Keys = slices.Clone(s.Tables[i].Keys)
	}
	for i := range s.Splits {
		s.Splits[i].Parts = slices.Clone(s.Splits[i].Parts)
	}
	return s
}

// change draws one change of a configuration.
func (s *specs) change(spec *core.Spec) {
	at := s.between(0, len(spec.Placements)-1)
	p := &spec.Placements[at]
	switch s.below(12) {
	case 0, 1:
		s.changeEndpoints(p)
	case 2:
		s.selection(p)
	case 3:
		p.Limit, p.Panic, p.PanicDo = core.LimitSpec{}, 0, core.PanicAll
		s.room(p)
	case 4:
		p.Breaker = s.breaker()
	case 5:
		p.Health = s.health()
	case 6:
		p.Retries = core.RetrySpec{}
		if s.oneIn(2) {
			p.Retries = s.retries()
		}
	case 7:
		s.fallbacks(spec, at)
	case 8:
		if len(spec.Placements) > 1 {
			*spec = sim.WithoutPlacement(*spec, p.Name)
		}
	case 9:
		spec.Placements = append(spec.Placements, s.placement(fmt.Sprint("new", s.between(0, 3))))
	case 10:
		spec.Splits, spec.Tables, spec.Routes, spec.Table = nil, nil, nil, ""
		s.routing(spec)
	case 11:
		if len(spec.Keys) > 0 {
			spec.Keys[s.between(0, len(spec.Keys)-1)].Placement = p.Name
		}
	}
}

// changeEndpoints makes endpoints of p leave, come, come back, or change.
func (s *specs) changeEndpoints(p *core.PlacementSpec) {
	i := s.between(0, len(p.Endpoints)-1)
	switch s.below(4) {
	case 0:
		if len(p.Endpoints) > 1 {
			p.Endpoints = slices.Delete(p.Endpoints, i, i+1)
		}
	case 1:
		p.Endpoints = append(p.Endpoints, s.endpoint(s.between(0, len(p.Endpoints)+1)))
	case 2:
		p.Endpoints[i].Weight, p.Endpoints[i].Limit = uint32(pick(s.dice, 0, 1, 100, 300)), uint32(s.between(0, 3))
	case 3:
		shuffle(s.dice, p.Endpoints)
	}
	if n := uint32(len(p.Endpoints)); p.Shards > n {
		p.Shards = n
	}
}
