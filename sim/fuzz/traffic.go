package fuzz

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// The load of the drills. One router stands for the fleet, with its share of it.

// What is assumed of a placement whose load nobody states: so many requests a
// second, so long each, and no more than half of its room.
const (
	assumedRate    = 100
	assumedLatency = 50 * core.Millisecond
)

// The light load of drills in which only time matters, such as how soon what is
// mended serves again: so many requests a second to each endpoint, so long that
// least_request uses all of them, and no more than half of a placement's room.
const (
	lightRate    = 4
	lightLatency = core.Second
)

// loads is what the keys of each placement bring: what the facts state, or else
// a load assumed for every placement that requests are sent to by their key.
func (t *Target) loads() map[string]Load {
	if len(t.Facts.Peak) > 0 {
		return t.Facts.Peak
	}
	loads := map[string]Load{}
	for _, p := range compiled(&t.Spec) {
		rate := int64(assumedRate)
		if n := int64(p.Limit.InFlight); n > 0 {
			rate = max(1, min(rate, n*int64(core.Second)/int64(2*assumedLatency)))
		}
		if t.isHome(p.Name) {
			loads[p.Name] = Load{PerSecond: rate * int64(max(t.Facts.Routers, 1)), Latency: assumedLatency}
		}
	}
	return loads
}

// isHome says whether requests have p as their home.
func (t *Target) isHome(p string) bool {
	_, keys, _ := t.keysOf(p)
	return keys != nil || t.Spec.Default == p
}

// keysOf returns keys whose home is p, and the route by which they are sent: the
// first that has any. Where p is only the largest part of splits, those, and of
// how many requests it gets a million.
func (t *Target) keysOf(p string) (route uint16, keys []string, share int64) {
	for _, whole := range []bool{true, false} {
		for route := range uint16(len(t.Spec.Routes) + 1) {
			list := tableOf(&t.Spec, route)
			for i := range list {
				home, part := t.home(list[i].Placement)
				if home == p && (part == million) == whole {
					keys, share = append(keys, list[i].Key), part
				}
			}
			if keys != nil {
				return route, keys, share
			}
		}
	}
	return 0, nil, million
}

// home is the placement that a key's home is, or the largest part of a split
// with its share.
func (t *Target) home(name string) (placement string, share int64) {
	for i := range t.Spec.Splits {
		if s := &t.Spec.Splits[i]; s.Name == name {
			most := slices.MaxFunc(s.Parts, func(a, b core.PartSpec) int { return cmp.Compare(a.Share, b.Share) })
			return most.Placement, int64(most.Share)
		}
	}
	return name, million
}

// light is a load under which nothing is ever full.
func (t *Target) light() map[string]Load {
	loads := map[string]Load{}
	for _, p := range compiled(&t.Spec) {
		if !t.isHome(p.Name) {
			continue
		}
		l := Load{PerSecond: int64(lightRate * (p.EndEP - p.FirstEP)), Latency: min(lightLatency, p.Timeouts.ResponseHeader/4, p.Timeouts.Request/4)}
		if room := int64(p.Limit.InFlight); room > 0 {
			l.PerSecond = max(1, min(l.PerSecond, room*int64(core.Second)/int64(2*l.Latency)))
		}
		l.PerSecond *= int64(max(t.Facts.Routers, 1))
		loads[p.Name] = l
	}
	return loads
}

// warm is the configuration on routers that have been up for a while: endpoints
// that start unhealthy have been found healthy, adaptive limits have risen.
func (t *Target) warm() core.Spec {
	return with(&t.Spec, func(s *core.Spec) {
		for i := range s.Placements {
			s.Placements[i].Health.StartUnhealthy = false
			s.Placements[i].Limit.Adaptive.Start = s.Placements[i].Limit.Adaptive.Max
		}
	})
}

// latencyAt is how long a placement takes: as stated, or as long as the slowest.
func latencyAt(loads map[string]Load, p string) core.Duration {
	longest := 10 * core.Millisecond
	for _, l := range loads {
		longest = max(longest, l.Latency)
	}
	return cmp.Or(loads[p].Latency, longest)
}

// send adds the clients and servers of a load to a plan, for the placements of among; nil: all.
func (t *Target) send(p *sim.Plan, loads map[string]Load, among map[string]bool) {
	p.Backend.Service.Typical = latencyAt(loads, "")
	for _, s := range t.Spec.Placements {
		l, stated := loads[s.Name]
		if !stated || l.PerSecond <= 0 || among != nil && !among[s.Name] {
			continue
		}
		p.Clients = append(p.Clients, t.client(s.Name, l))
		if l.Latency > 0 {
			b := sim.Backend{Service: sim.Service{Typical: l.Latency}}
			p.Backends = append(p.Backends, sim.BackendOverride{Placement: s.Name, Backend: b})
		}
	}
}

// share is one router's part of a load, rounded up.
func (t *Target) share(perSecond int64) uint32 {
	n := int64(max(t.Facts.Routers, 1))
	return uint32((perSecond + n - 1) / n)
}

// client sends the load of the keys of one placement.
func (t *Target) client(home string, l Load) sim.Client {
	route, keys, share := t.keysOf(home)
	c := sim.Client{Name: home, Rate: t.share(l.PerSecond * million / share), Route: route, Keys: keys}
	if len(c.Keys) == 0 {
		c.Unknown = million // only a default placement can have a load without keys
	}
	return c
}

// candidates is a placement and those that serve its requests when it cannot. No
// more of them than these have anything to do with its faults.
func (t *Target) candidates(p string) map[string]bool {
	in := map[string]bool{}
	all := compiled(&t.Spec)
	for i := range all {
		for _, c := range all[i].Candidates {
			if all[i].Name == p {
				in[all[c].Name] = true
			}
		}
	}
	return in
}

// around is the placements that p can affect or be affected by: its connected
// component of the fallback graph (R15).
func around(s *core.Spec, p string) map[string]bool {
	all := compiled(s)
	in := map[string]bool{p: true}
	for grown := true; grown; {
		grown = false
		for i := range all {
			for _, c := range all[i].Candidates[1:] {
				if in[all[i].Name] != in[all[c].Name] {
					in[all[i].Name], in[all[c].Name], grown = true, true, true
				}
			}
		}
	}
	return in
}

// Traffic says in words what the loads are and where they come from.
func (t *Target) Traffic() string {
	load := "peak load as in facts"
	if len(t.Facts.Peak) == 0 {
		load = fmt.Sprintf("no facts.peak is stated, so %d/s to each placement, or half of its room, answers in %s", assumedRate, span(assumedLatency))
	}
	if n := t.Facts.Routers; n > 1 {
		return load + fmt.Sprintf(", one of %d routers and its share of it", n)
	}
	return load + ", one router"
}

// inFlight is how many requests of a load are in flight on one router (Little's law), rounded up.
func (t *Target) inFlight(l Load) int64 {
	return (int64(t.share(l.PerSecond))*int64(l.Latency) + int64(core.Second) - 1) / int64(core.Second)
}

func (t *Target) loadLine(name string, l Load) string {
	text := fmt.Sprintf("%s %d in flight", name, t.inFlight(l))
	if p, ok := find(&t.Spec, name); ok && p.Limit.InFlight > 0 {
		text += fmt.Sprintf(" of %d", p.Limit.InFlight)
	}
	return text + fmt.Sprintf(" (%d/s)", t.share(l.PerSecond))
}

// endpointNames lists the endpoints of p that stand for all: the first, and the
// first of every other weight.
func (t *Target) endpointNames(p string) (names []string, all int) {
	seen := map[uint32]bool{}
	list := t.endpoints(p)
	for _, e := range list {
		if w := cmp.Or(e.Weight, 100); !seen[w] {
			seen[w] = true
			names = append(names, cmp.Or(e.Name, e.URL))
		}
	}
	return names, len(list)
}
