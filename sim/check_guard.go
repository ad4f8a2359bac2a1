package sim

import (
	"cmp"
	"math/big"
	"slices"

	"lockstep/core"
)

// Push guards (R13), from SPEC: counted on the two Specs, with maps, where core
// merges sorted lists of its own.

// guarded returns the guard that refuses a push that is in order otherwise, and
// by how much it is beyond.
func (c *checker) guarded(ev *core.Event) (core.Cause, uint32) {
	if c.config == nil || ev.Origin != core.OriginControl || ev.Deliberate {
		return core.CauseNone, 0
	}
	now, then := c.truth, c.w.truth(ev.Config)
	g := now.spec.Guards
	if g == (core.GuardSpec{}) {
		return core.CauseNone, 0
	}
	keys, rerouted, removed := keysMoved(now, then)
	endpoints, gone := endpointsGone(now.spec, then.spec)
	limit, lowered := limitLowered(now.spec, then.spec)
	for _, x := range []struct {
		cause             core.Cause
		part, of, percent uint64
	}{
		{core.CauseKeysRerouted, rerouted, keys, uint64(g.KeysRerouted)},
		{core.CauseKeysRemoved, removed, keys, uint64(g.KeysRemoved)},
		{core.CauseEndpointsRemoved, gone, endpoints, uint64(g.EndpointsRemoved)},
		{core.CauseLimitLowered, lowered, limit, uint64(g.LimitLowered)},
	} {
		if x.percent == 0 || x.of == 0 {
			continue
		}
		// part/of > percent/100, as fractions; the share is rounded up.
		share := big.NewRat(int64(x.part), int64(x.of))
		if share.Cmp(big.NewRat(int64(x.percent), 100)) <= 0 {
			continue
		}
		share.Mul(share, big.NewRat(million, 1))
		up := new(big.Int).Add(share.Num(), new(big.Int).Sub(share.Denom(), big.NewInt(1)))
		return x.cause, uint32(up.Div(up, share.Denom()).Uint64())
	}
	return core.CauseNone, 0
}

// tablesOf lists the keys of a Spec by the name of their table, the first table under "".
func tablesOf(s *core.Spec) map[string]map[string]string {
	all := map[string]map[string]string{}
	add := func(table string, keys []core.KeySpec) {
		all[table] = map[string]string{}
		for _, k := range keys {
			all[table][k.Key] = k.Placement
		}
	}
	add("", s.Keys)
	for _, t := range s.Tables {
		add(t.Name, t.Keys)
	}
	return all
}

// keysMoved counts in millionths of a key, of which a whole one has a million: all of them, those that go elsewhere, and those that are gone.
func keysMoved(now, then *truth) (keys, rerouted, removed uint64) {
	later := tablesOf(then.spec)
	for table, list := range tablesOf(now.spec) {
		for key, home := range list {
			keys += million
			next, there := later[table][key]
			if !there {
				removed += million
				continue
			}
			rerouted += apart(now, then, home, next)
		}
	}
	return keys, rerouted, removed
}

// apart returns how many millionths of a key with one home now and another then
// have other candidates: of each point between two borders, those on both sides.
func apart(now, then *truth, home, next string) (n uint64) {
	a, b := now.borders(home), then.borders(next)
	points := []uint64{0}
	for _, x := range append(slices.Clone(a), b...) {
		points = append(points, x.end)
	}
	slices.Sort(points)
	points = slices.Compact(points)
	for i := 1; i < len(points); i++ {
		p, q := at(a, points[i-1]), at(b, points[i-1])
		if !slices.Equal(now.candidates(placementOf(now.spec, p)), then.candidates(placementOf(then.spec, q))) {
			n += points[i] - points[i-1]
		}
	}
	return n
}

// border is where the part of a placement ends.
type border struct {
	end       uint64
	placement string
}

// borders lists the parts of a home by name, which is the order of their sums.
func (t *truth) borders(home string) []border {
	if slices.Contains(t.names, home) {
		return []border{{million, home}}
	}
	i := slices.IndexFunc(t.spec.Splits, func(s core.SplitSpec) bool { return s.Name == home })
	parts := slices.Clone(t.spec.Splits[i].Parts)
	slices.SortFunc(parts, func(a, b core.PartSpec) int { return cmp.Compare(a.Placement, b.Placement) })
	var list []border
	sum := uint64(0)
	for _, p := range parts {
		sum += uint64(p.Share)
		list = append(list, border{sum, p.Placement})
	}
	return list
}

// at returns the placement whose part holds the point u.
func at(list []border, u uint64) string {
	for _, b := range list {
		if u < b.end {
			return b.placement
		}
	}
	return ""
}

// endpointsGone counts endpoints by placement and URL.
func endpointsGone(now, then *core.Spec) (all, gone uint64) {
	type identity struct{ placement, url string }
	left := map[identity]bool{}
	for _, p := range then.Placements {
		for _, e := range p.Endpoints {
			left[identity{p.Name, e.URL}] = true
		}
	}
	for _, p := range now.Placements {
		for _, e := range p.Endpoints {
			all++
			if !left[identity{p.Name, e.URL}] {
				gone++
			}
		}
	}
	return all, gone
}

// limitLowered adds up limits, and what each placement loses of its own.
func limitLowered(now, then *core.Spec) (all, lowered uint64) {
	later := map[string]uint64{}
	for i := range then.Placements {
		later[then.Placements[i].Name] = mostOf(&then.Placements[i].Limit)
	}
	for i := range now.Placements {
		p := &now.Placements[i]
		was := mostOf(&p.Limit)
		if was == 0 {
			continue // no limit, so none to lower
		}
		all += was
		is, there := later[p.Name]
		switch {
		case !there:
			lowered += was
		case is > 0:
			lowered += was - min(was, is)
		}
	}
	return all, lowered
}

// mostOf is the smaller of in_flight and the adaptive limit's max, 0 for neither.
func mostOf(l *core.LimitSpec) uint64 {
	var bounds []uint64
	for _, b := range []int32{l.InFlight, l.Adaptive.Max} {
		if b > 0 {
			bounds = append(bounds, uint64(b))
		}
	}
	if len(bounds) == 0 {
		return 0
	}
	return slices.Min(bounds)
}
