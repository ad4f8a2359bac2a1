package sim

import (
	"slices"

	"lockstep/core"
)

// Drop is what a configuration lost although it still decodes: its writer
// stopped half-way, or read half of its source. Each is a share of how many
// there are, rounded up, taken from the back.
type Drop struct {
	Keys       uint32
	Placements uint32 // with all that names them
	Endpoints  uint32 // of each placement
}

// From returns a configuration without what was dropped; s stays as it is.
func (d Drop) From(s core.Spec) core.Spec {
	s.Keys = s.Keys[:kept(len(s.Keys), d.Keys)]
	s.Placements = slices.Clone(s.Placements)
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Endpoints = p.Endpoints[:kept(len(p.Endpoints), d.Endpoints)]
	}
	for n := kept(len(s.Placements), d.Placements); len(s.Placements) > n; {
		s = WithoutPlacement(s, s.Placements[len(s.Placements)-1].Name)
	}
	return s
}

func kept(n int, dropped uint32) int {
	return n - int((uint64(n)*uint64(dropped)+million-1)/million)
}

// WithoutPlacement returns a configuration without a placement and all that
// names it: its keys, those divided with others, and itself as a fallback and as the default. s stays as it is.
func WithoutPlacement(s core.Spec, name string) core.Spec {
	s.Placements = slices.DeleteFunc(slices.Clone(s.Placements), func(p core.PlacementSpec) bool { return p.Name == name })
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Fallback = slices.DeleteFunc(slices.Clone(p.Fallback), func(f string) bool { return f == name })
	}
	split := map[string]bool{} // those with a part of it
	s.Splits = slices.DeleteFunc(slices.Clone(s.Splits), func(p core.SplitSpec) bool {
		split[p.Name] = slices.ContainsFunc(p.Parts, func(q core.PartSpec) bool { return q.Placement == name })
		return split[p.Name]
	})
	gone := func(k core.KeySpec) bool { return k.Placement == name || split[k.Placement] }
	s.Keys = slices.DeleteFunc(slices.Clone(s.Keys), gone)
	s.Tables, s.Routes = slices.Clone(s.Tables), slices.Clone(s.Routes)
	for i := range s.Tables {
		s.Tables[i].Keys = slices.DeleteFunc(slices.Clone(s.Tables[i].Keys), gone)
	}
	for i := range s.Routes {
		if s.Routes[i].Default == name {
			s.Routes[i].Default = ""
		}
	}
	if s.Default == name {
		s.Default = ""
	}
	return s
}
