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
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		p.Endpoints[i].Limit = uint32(g.c.Range(1, 8, "cap"))
	}
	return "endpoints with limits of their own"
}
