package traces

import (
	"slices"

	"lockstep/core"
)

// SpecOf returns a Spec that Compile turns into a Config with c's digest. It is
// canonical: sorted, candidates written out in place of chained fallbacks, and
// every value that is the default left at zero. A recorder needs no more of a
// configuration than the Config that it sees adopted.
func SpecOf(c *core.Config) core.Spec {
	s := core.Spec{Version: c.Version(), Edge: c.Edge(), Guards: c.Guards()}
	home, status := c.Unknown()
	if home >= 0 {
		s.Default = c.Placement(home).Name
	}
	if s.UnknownStatus = status; status == core.UnknownKey.Row().Status {
		s.UnknownStatus = 0
	}
	names := make([]string, c.Placements())
	for i := range names {
		names[i] = c.Placement(i).Name
	}
	homes := names
	if n := c.Splits(); n > 0 {
		homes = slices.Clone(names)
		for i := range n {
			homes = append(homes, c.HomeName(^i))
			s.Splits = append(s.Splits, splitOf(c, i, names))
		}
	}
	s.Keys = keysOf(c, 0, homes)
	for i := 1; i < c.Tables(); i++ {
		s.Tables = append(s.Tables, core.TableSpec{Name: c.TableName(i), Keys: keysOf(c, i, homes)})
	}
	s.Table = c.TableName(c.RouteInfo(0).Table)
	for i := 1; i < c.Routes(); i++ {
		s.Routes = append(s.Routes, routeOf(c, i, names))
	}
	if s.NoRouteStatus = c.NoRouteStatus(); s.NoRouteStatus == core.NoRoute.Row().Status {
		s.NoRouteStatus = 0
	}
	plain := defaults()
	for i := range names {
		s.Placements = append(s.Placements, placementOf(c, i, names, &plain))
	}
	return s
}

// keysOf lists the keys of a table; homes are the names of placements, then of splits.
func keysOf(c *core.Config, table int, homes []string) []core.KeySpec {
	keys := make([]core.KeySpec, c.TableKeys(table))
	for i := range keys {
		key, home := c.TableKey(table, i)
		if home < 0 {
			home = c.Placements() + ^home
		}
		keys[i] = core.KeySpec{Key: key, Placement: homes[home]}
	}
	return keys
}

func splitOf(c *core.Config, i int, names []string) core.SplitSpec {
	s := core.SplitSpec{Name: c.HomeName(^i)}
	for _, p := range c.Split(i) {
		s.Parts = append(s.Parts, core.PartSpec{Placement: names[p.Placement], Share: p.Share})
	}
	return s
}

func routeOf(c *core.Config, i int, names []string) core.RouteSpec {
	r := c.RouteInfo(i)
	s := core.RouteSpec{Table: c.TableName(r.Table)}
	if r.Unknown >= 0 {
		s.Default = names[r.Unknown]
	}
	if r.Status != core.UnknownKey.Row().Status {
		s.UnknownStatus = r.Status
	}
	return s
}

// defaults returns a placement that leaves everything to Compile.
func defaults() core.PlacementInfo {
	c, err := core.Compile(core.Spec{Version: "-", Placements: []core.PlacementSpec{{
		Name: "-", Endpoints: []core.EndpointSpec{{URL: "http://-"}},
	}}})
	if err != nil {
		panic("traces: the plainest configuration does not compile: " + err.Error())
	}
	return c.Placement(0)
}

func placementOf(c *core.Config, i int, names []string, plain *core.PlacementInfo) core.PlacementSpec {
	p := c.Placement(i)
	s := core.PlacementSpec{
		Name: p.Name, Kind: p.Kind, LastResort: p.LastResort, Select: p.Select, Limit: p.Limit,
		Edge: c.PlacementEdge(i), BodyMax: p.BodyMax, Breaker: p.Breaker, Health: p.Health, Timeouts: p.Timeouts,
		Bound: p.Bound, Decay: p.Decay, SlowStart: p.SlowStart, Sticky: p.Sticky, Shards: p.Shards,
		Retries: retriesWithoutDefaults(p.Retries),
		Panic:   p.Panic, PanicDo: p.PanicDo,
	}
	for _, f := range p.Candidates[1:] {
		s.Fallback = append(s.Fallback, names[f])
	}
	for n := p.FirstEP; n < p.EndEP; n++ {
		e := c.Endpoint(n)
		unless(&e.Name, e.URL)
		unless(&e.Weight, 100)
		s.Endpoints = append(s.Endpoints, core.EndpointSpec{Name: e.Name, URL: e.URL, Weight: e.Weight, Limit: e.Limit})
	}
	if tier := p.Name == "tier1" || p.Name == "tier2" || p.Name == "tier3"; tier == (p.Kind == core.ReasonTier) {
		s.Kind = core.ReasonNone
	}
	b, pb := &s.Breaker, &plain.Breaker
	unless(&b.OpenMax, 10*b.Open)
	unless(&b.Open, pb.Open)
	unless(&b.Failures, pb.Failures)
	unless(&b.Growth, pb.Growth)
	unless(&b.Probes, pb.Probes)
	unless(&b.Successes, pb.Successes)
	unless(&b.MaxOpenPercent, pb.MaxOpenPercent)
	unless(&b.Window, 10*core.Second)
	unless(&b.MinRequests, 20)
	unless(&b.SlowCall, 2*core.Second)
	unless(&s.Decay, 10*core.Second)
	h, ph := &s.Health, &plain.Health
	unless(&h.Path, ph.Path)
	unless(&h.Every, ph.Every)
	unless(&h.Timeout, ph.Timeout)
	unless(&h.Fall, ph.Fall)
	unless(&h.Rise, ph.Rise)
	t, pt := &s.Timeouts, &plain.Timeouts
	unless(&t.Connect, pt.Connect)
	unless(&t.ResponseHeader, pt.ResponseHeader)
	unless(&t.Request, pt.Request)
	unless(&t.BodyIdle, pt.BodyIdle)
	unless(&t.UpstreamIdle, pt.UpstreamIdle)
	unless(&t.Settle, pt.Settle)
	return s
}

// unless sets v to its zero value if it is the default.
func unless[T comparable](v *T, isDefault T) {
	if *v == isDefault {
		*v = *new(T)
	}
}
