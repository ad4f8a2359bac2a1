package fuzz

import (
	"slices"

	"lockstep/core"
)

// room gives some cases settings about room that the operator's configuration
// does not have. Its choices have labels of their own, so that they move none
// that a case had before.
func (g *generator) room() {
	g.part("room")
	if !g.c.oneIn(4, "settings") {
		return
	}
	s := g.spec
	s.Placements = slices.Clone(s.Placements)
	p := &s.Placements[g.c.Range(0, uint64(len(s.Placements)-1), "placement")]
	what := g.roomOf(p)
	if _, err := core.Compile(s); err == nil {
		g.spec = s
		g.out.Extremes = append(g.out.Extremes, p.Name+" "+what)
	}
}

// roomOf changes one setting of p and says which.
func (g *generator) roomOf(p *core.PlacementSpec) string {
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		p.Endpoints[i].Limit = uint32(g.c.Range(1, 8, "cap"))
	}
	return "endpoints with limits of their own"
}
