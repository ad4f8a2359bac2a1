package fuzz

import (
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// reduceConfig drops placements, keys and settings of a case's configuration, in
// what is pushed as well, as long as the case still fails.
func reduceConfig(c Case, fails func(*Case) bool) Case {
	try := func(change func(*core.Spec)) {
		if smaller := c.respecced(change); smaller.valid() && fails(&smaller) {
			c = smaller
		}
	}
	names := func() (all []string) {
		for i := range c.Plan.Spec.Placements {
			all = append(all, c.Plan.Spec.Placements[i].Name)
		}
		return all
	}
	for _, name := range slices.Backward(names()) {
		try(without(name))
	}
	try(func(s *core.Spec) {
		unsent := func(k core.KeySpec) bool { return !c.sends(k.Key) }
		s.Keys, s.Tables = slices.DeleteFunc(slices.Clone(s.Keys), unsent), slices.Clone(s.Tables)
		for i := range s.Tables {
			s.Tables[i].Keys = slices.DeleteFunc(slices.Clone(s.Tables[i].Keys), unsent)
		}
	})
	for _, name := range names() {
		for _, plain := range settings() {
			try(setting(name, plain))
		}
		for _, e := range slices.Backward(c.Plan.Spec.Placements[slices.Index(names(), name)].Endpoints) {
			try(setting(name, func(p *core.PlacementSpec) {
				p.Endpoints = slices.DeleteFunc(slices.Clone(p.Endpoints), func(x core.EndpointSpec) bool { return x.URL == e.URL })
			}))
		}
	}
	return c
}

// respecced is c with a change of every configuration in it.
func (c *Case) respecced(change func(*core.Spec)) Case {
	d := *c
	d.Plan.Spec = with(&c.Plan.Spec, change)
	d.Plan.Pushes = slices.Clone(c.Plan.Pushes)
	for i := range d.Plan.Pushes {
		if p := &d.Plan.Pushes[i]; p.Spec != nil {
			pushed := with(p.Spec, change)
			p.Spec = &pushed
		}
	}
	d.forget()
	return d
}

// forget leaves out what clients send under keys that no configuration of the
// case has any more: such a case could not be kept as a scenario. A client with
// no other key is left out, unless it is the last.
func (c *Case) forget() {
	known := map[string]bool{}
	for _, s := range c.specs() {
		if s.Default != "" || slices.ContainsFunc(s.Routes, func(r core.RouteSpec) bool { return r.Default != "" }) {
			return
		}
		for route := range len(s.Routes) + 1 {
			for _, k := range tableOf(s, uint16(route)) {
				known[k.Key] = true
			}
		}
	}
	c.Plan.Clients = slices.Clone(c.Plan.Clients)
	for i := len(c.Plan.Clients) - 1; i >= 0; i-- {
		x := &c.Plan.Clients[i]
		had := len(x.Keys)
		x.Keys = slices.DeleteFunc(slices.Clone(x.Keys), func(k string) bool { return !known[k] })
		if had > 0 && len(x.Keys) == 0 && len(c.Plan.Clients) > 1 {
			c.withoutClient(i)
		}
	}
}

// specs lists every configuration of the case.
func (c *Case) specs() []*core.Spec {
	all := []*core.Spec{&c.Plan.Spec}
	for i := range c.Plan.Pushes {
		if s := c.Plan.Pushes[i].Spec; s != nil {
			all = append(all, s)
		}
	}
	return all
}

// valid says whether every configuration of the case compiles.
func (c *Case) valid() bool {
	return !slices.ContainsFunc(c.specs(), func(s *core.Spec) bool {
		_, err := core.Compile(*s)
		return err != nil
	})
}

// settings lists what of a placement may go back to its default, one by one.
func settings() []func(*core.PlacementSpec) {
	return []func(*core.PlacementSpec){
		func(p *core.PlacementSpec) { p.Fallback = nil },
		func(p *core.PlacementSpec) { p.Limit = core.LimitSpec{} },
		func(p *core.PlacementSpec) { p.Health = core.HealthSpec{Off: true} },
		func(p *core.PlacementSpec) { p.Timeouts = core.TimeoutSpec{} },
		func(p *core.PlacementSpec) { p.Breaker = core.BreakerSpec{} },
		func(p *core.PlacementSpec) { p.BodyMax = 0 },
	}
}

// without removes a placement and every mention of it.
func without(name string) func(*core.Spec) {
	return func(s *core.Spec) { *s = sim.WithoutPlacement(*s, name) }
}

// sends says whether a client of the case uses a key.
func (c *Case) sends(key string) bool {
	for i := range c.Plan.Clients {
		if slices.Contains(c.Plan.Clients[i].Keys, key) {
			return true
		}
	}
	return false
}
