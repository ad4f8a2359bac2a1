package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// room gives half of the cases that run at extremes settings about room that
// the operator's configuration does not have. Its choices have labels of their
// own, so that they move none that a case had before.
func (g *generator) room() {
	g.part("room")
	if len(g.out.Extremes) == 0 || !g.c.oneIn(2, "settings") {
		return
	}
	for i := range g.spec.Placements {
		g.numbered("room", uint64(i))
		s := g.spec
		s.Placements = slices.Clone(s.Placements)
		p := &s.Placements[i]
		what := g.roomOf(p)
		if _, err := core.Compile(s); err == nil {
			g.spec = s
			g.out.Extremes = append(g.out.Extremes, p.Name+" "+what)
		}
	}
}

// roomOf changes one setting of p and says which.
func (g *generator) roomOf(p *core.PlacementSpec) string {
	if g.c.oneIn(2, "panic") {
		p.Panic, p.PanicDo = uint32(g.c.Range(1, 100, "panic percent")), core.PanicMode(g.c.Range(0, 2, "panic does"))
		return fmt.Sprintf("panic_percent: %d, panic: %s", p.Panic, p.PanicDo)
	}
	if g.c.oneIn(2, "shares") {
		p.Limit.TenantShare = uint32(g.c.Range(1, 99, "tenant share"))
		p.Limit.Priorities = [core.MaxPriorities]uint8{100, uint8(g.c.Range(1, 100, "priority share"))}
		if p.Limit.InFlight == 0 {
			p.Limit.InFlight = int32(g.c.Range(1, 20, "in flight"))
		}
		return fmt.Sprintf("limit.tenant_share: %d, priorities: 100, %d", p.Limit.TenantShare, p.Limit.Priorities[1])
	}
	if g.c.oneIn(2, "adaptive") {
		p.Limit.Adaptive = core.AdaptiveSpec{Min: int32(g.c.Range(1, 8, "least")), Max: int32(g.c.Range(8, 64, "most")), Window: g.ms(50*core.Millisecond, core.Second, "limit window")}
		return fmt.Sprintf("limit.adaptive: %d to %d", p.Limit.Adaptive.Min, p.Limit.Adaptive.Max)
	}
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		p.Endpoints[i].Limit = uint32(g.c.Range(1, 8, "cap"))
	}
	return "endpoints with limits of their own"
}

// priorities gives the clients of a case with shares of priorities different ones.
func (g *generator) priorities() {
	if !slices.ContainsFunc(g.spec.Placements, func(p core.PlacementSpec) bool { return p.Limit.Priorities[0] > 0 }) {
		return
	}
	for i := range g.out.Plan.Clients {
		g.numbered("priority", uint64(i))
		g.out.Plan.Clients[i].Priority = uint8(g.c.Range(0, 2, "priority"))
	}
}
