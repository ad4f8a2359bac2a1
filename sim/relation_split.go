package sim

import (
	"slices"

	"lockstep/core"
)

// splitPlacement splits one placement into two halves: the first half of its
// endpoints keeps the name, the rest follows it wherever it is a candidate.
//
// Under `first`, without limit, caps and health, the first endpoint
// that its breaker lets pass serves, and nothing else of a placement matters.
// A list of candidates is walked in the same way. So the same endpoint serves.
// In both versions the placement is made such; nothing is drawn by its name.
func splitPlacement(p *Plan, pick uint64) *pair {
	whole := divisible(p)
	if len(whole) == 0 {
		return nil
	}
	chosen := whole[pick%uint64(len(whole))]
	middle := len(chosen.Endpoints) / 2
	h := halves{chosen.Name, chosen.Name + "-rest", chosen.Endpoints[:middle], chosen.Endpoints[middle:]}
	for _, s := range p.specs() {
		if !h.split(s) {
			return nil
		}
	}
	one := *p
	one.respec(h.simplify)
	one.Faults, one.Backends = h.oneEnd(p.Faults), slices.DeleteFunc(slices.Clone(p.Backends), func(b BackendOverride) bool { return b.Placement == h.name })
	b := &pair{one: one, other: one, untold: h.name, original: func(name string) string {
		if name == h.rest {
			return h.name
		}
		return name
	}}
	b.other.Faults = slices.Clone(one.Faults)
	for i := range b.other.Faults {
		if f := &b.other.Faults[i]; f.Placement == h.name && !h.infront(f.Endpoint) {
			f.Placement = h.rest
		}
	}
	if !b.other.respec(h.divide) {
		return nil
	}
	return b
}

// divisible lists the placements of several endpoints: those that a fault names,
// if there are any, as a split matters most where something is wrong.
func divisible(p *Plan) (all []*core.PlacementSpec) {
	for i := range p.Spec.Placements {
		if q := &p.Spec.Placements[i]; len(q.Endpoints) > 1 {
			all = append(all, q)
		}
	}
	hit := slices.DeleteFunc(slices.Clone(all), func(q *core.PlacementSpec) bool {
		return !slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Placement == q.Name })
	})
	if len(hit) > 0 {
		return hit
	}
	return all
}

// halves is how a placement is split.
type halves struct {
	name, rest  string
	front, back []core.EndpointSpec // of the plan's own configuration
}

func placementOf(s *core.Spec, name string) *core.PlacementSpec {
	if i := slices.IndexFunc(s.Placements, func(p core.PlacementSpec) bool { return p.Name == name }); i >= 0 {
		return &s.Placements[i]
	}
	return nil
}

// infront reports whether an endpoint, by name or URL, belongs to the first half.
func (h *halves) infront(endpoint string) bool {
	return slices.ContainsFunc(h.front, func(e core.EndpointSpec) bool { return e.Name == endpoint || e.URL == endpoint })
}

// split reports whether a configuration can be split: the endpoints of the
// first half come before the rest, and neither half is empty.
func (h *halves) split(s *core.Spec) bool {
	p := placementOf(s, h.name)
	if p == nil || s.ChainFallbacks || placementOf(s, h.rest) != nil {
		return false
	}
	n := h.leading(p)
	return n > 0 && n < len(p.Endpoints) && !slices.ContainsFunc(p.Endpoints[n:], func(e core.EndpointSpec) bool { return h.infront(e.URL) })
}

// leading is how many endpoints of the first half a placement begins with.
func (h *halves) leading(p *core.PlacementSpec) (n int) {
	for n < len(p.Endpoints) && h.infront(p.Endpoints[n].URL) {
		n++
	}
	return n
}

// simplify takes away what the split would move.
func (h *halves) simplify(s *core.Spec) {
	p := placementOf(s, h.name)
	p.Select, p.Bound, p.Decay, p.SlowStart, p.Shards, p.Sticky = core.First, 0, 0, 0, 0, core.StickySpec{}
	p.Limit, p.Health = core.LimitSpec{}, core.HealthSpec{Off: true}
	p.Breaker.Jitter, p.Breaker.MaxOpenPercent = 0, 100
	p.Panic, p.PanicDo = 0, core.PanicAll
	s.Guards = core.GuardSpec{} // the endpoints of another placement are other endpoints
	for i := range p.Endpoints {
		p.Endpoints[i].Limit = 0
	}
}

// divide makes two placements of one.
func (h *halves) divide(s *core.Spec) {
	for i := range s.Placements {
		p := &s.Placements[i]
		if at := slices.Index(p.Fallback, h.name); at >= 0 {
			p.Fallback = slices.Insert(p.Fallback, at+1, h.rest)
		}
	}
	p := placementOf(s, h.name)
	n := h.leading(p)
	rest := *p
	rest.Name, rest.Endpoints, rest.Fallback = h.rest, p.Endpoints[n:], nil
	p.Endpoints = slices.Clip(p.Endpoints[:n])
	p.Fallback = slices.Insert(p.Fallback, 0, h.rest)
	s.Placements = append(s.Placements, rest)
}

// oneEnd makes every fault of the placement one of a single endpoint, of either
// half in turn. One fault of both halves would become two, which come in an
// order of their own; and an endpoint behind the first sees no traffic to fail.
func (h *halves) oneEnd(faults []Fault) []Fault {
	faults = slices.Clone(faults)
	ends := [...]string{h.front[0].URL, h.back[0].URL}
	for i, n := 0, 0; i < len(faults); i++ {
		if f := &faults[i]; f.Placement == h.name {
			f.Endpoint = ends[n%2]
			n++
		}
	}
	return faults
}
