package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
)

// truth is what a Spec says by the rules, worked out without Compile: who may
// serve whom and where each key belongs (R1), and in which order endpoints
// stand (R10).
type truth struct {
	spec    *core.Spec
	names   []string      // of the placements, sorted: the place is the index
	reasons []core.Reason // parallel to names
	ways    []way         // by route
	keys    []string      // world.keys
	hashes  []uint64      // of keys, 0 until somebody asks
	rings   bool          // some placement has a ketama ring
	hashing hashing
}

// truth returns what is true of a configuration, working it out only once.
func (w *world) truth(c *core.Config) *truth {
	if w.truths == nil {
		w.truths = make([]*truth, len(w.configs))
	}
	i := slices.Index(w.configs, c)
	if w.truths[i] == nil {
		s := &w.plan.Spec
		if i > 0 {
			s = w.plan.Pushes[i-1].Spec
		}
		w.truths[i] = newTruth(s, w.keys)
	}
	return w.truths[i]
}

func newTruth(s *core.Spec, keys []string) *truth {
	t := &truth{spec: s, keys: keys, hashes: make([]uint64, len(keys))}
	for i := range s.Placements {
		t.names = append(t.names, s.Placements[i].Name)
		t.rings = t.rings || s.Placements[i].Select == core.Ketama
	}
	slices.Sort(t.names)
	for _, name := range t.names {
		t.reasons = append(t.reasons, kindOf(placementOf(s, name)))
	}
	t.ways = append(t.ways, t.way(s.Table, s.Default, keys))
	for _, r := range s.Routes {
		t.ways = append(t.ways, t.way(r.Table, r.Default, keys))
	}
	return t
}

// kindOf is why keys belong to a placement; without a word on it, its name decides.
func kindOf(p *core.PlacementSpec) core.Reason {
	if p.Kind == core.ReasonNone && slices.Contains([]string{"tier1", "tier2", "tier3"}, p.Name) {
		return core.ReasonTier
	}
	return cmp.Or(p.Kind, core.ReasonDedicated)
}

// candidates lists who may serve the keys of a placement.
func (t *truth) candidates(p *core.PlacementSpec) []string {
	list := append([]string{p.Name}, p.Fallback...)
	if !t.spec.ChainFallbacks {
		return list
	}
	list = list[:1]
	for len(list) < core.MaxCandidates && len(p.Fallback) > 0 && !slices.Contains(list, p.Fallback[0]) {
		list = append(list, p.Fallback[0])
		p = placementOf(t.spec, p.Fallback[0])
	}
	if t.spec.Default != "" && !slices.Contains(list, t.spec.Default) {
		list = append(list[:min(len(list), core.MaxCandidates-1)], t.spec.Default)
	}
	return list
}

// peers lists the endpoints of a placement, with their weights, in the order in
// which they are selected from.
func peers(p *core.PlacementSpec) (list []core.EndpointSpec) {
	for _, e := range p.Endpoints {
		list = append(list, core.EndpointSpec{URL: e.URL, Weight: cmp.Or(e.Weight, 100), Limit: e.Limit})
	}
	if p.Select != core.First {
		slices.SortFunc(list, func(a, b core.EndpointSpec) int { return cmp.Compare(a.URL, b.URL) })
	}
	return list
}

// checkConfig holds a configuration that was adopted against its Spec.
func (c *checker) checkConfig() {
	var names []string
	for i := range c.rows {
		names = append(names, c.rows[i].Name)
	}
	if !slices.Equal(names, c.truth.names) {
		c.fail("R1", -1, -1, "", fmt.Sprintf("the placements are %v, the configuration names %v", names, c.truth.names))
		return
	}
	for i := range c.rows {
		row, p := &c.rows[i], placementOf(c.truth.spec, c.rows[i].Name)
		var list []string
		var stand []core.EndpointSpec
		for _, at := range row.Candidates {
			list = append(list, names[at])
		}
		for e := row.FirstEP; e < row.EndEP; e++ {
			stand = append(stand, core.EndpointSpec{URL: c.config.Endpoint(e).URL, Weight: c.config.Endpoint(e).Weight, Limit: c.config.Endpoint(e).Limit})
		}
		if want := c.truth.candidates(p); !slices.Equal(list, want) {
			c.fail("R1", c.homes[i], -1, "fallback", fmt.Sprintf("its candidates are %v, by the rules %v", list, want))
		}
		if row.Panic != p.Panic || row.PanicDo != p.PanicDo {
			c.fail("R9", c.homes[i], -1, "panic_percent", "when it panics, or what it does then, is not as its configuration says")
		}
		if row.Limit.Adaptive.Max != p.Limit.Adaptive.Max || p.Limit.Adaptive.Min > 0 && row.Limit.Adaptive.Min != p.Limit.Adaptive.Min {
			c.fail("R5", c.homes[i], -1, "limit.adaptive", "its bounds are not as its configuration says")
		}
		if row.Limit.TenantShare != p.Limit.TenantShare || row.Limit.Priorities[0] != p.Limit.Priorities[0] {
			c.fail("R5", c.homes[i], -1, "limit", "its shares are not as its configuration says")
		}
		want := peers(p)
		if !slices.EqualFunc(stand, want, func(a, b core.EndpointSpec) bool { return a.Limit == b.Limit }) {
			c.fail("R2", c.homes[i], -1, "endpoints", "the caps of its endpoints are not those of the configuration")
			continue
		}
		if !slices.Equal(stand, want) {
			c.fail("R10", c.homes[i], -1, "endpoints", "its endpoints, or their weights, do not stand as the rules say")
		}
	}
}

// checkRoute holds where a request was sent on to against where its key
// belongs; key is its number in world.keys, -1 for none.
func (c *checker) checkRoute(ev *core.Event, key int32) {
	want, name := core.Route{Placement: -1, Refuse: core.NoKey}, ""
	if key >= 0 {
		want, name = c.truth.route(int(ev.Via), key, ev), c.w.keys[key]
	}
	if ev.Route != want {
		c.fail("R1", -1, -1, "", fmt.Sprintf("key %q by route %d is routed as %s, by the rules as %s", name, ev.Via, c.routeText(ev.Route), c.routeText(want)))
	}
}

func (c *checker) routeText(r core.Route) string {
	if r.Placement < 0 || int(r.Placement) >= len(c.rows) {
		return r.Refuse.String()
	}
	return fmt.Sprintf("%s (%s)", c.rows[r.Placement].Name, r.Reason)
}
