package conform

import (
	"fmt"

	"lockstep/core"
)

// routing draws keys, tables, routes and splits (R1).
func (s *specs) routing(out *core.Spec) {
	homes := make([]string, 0, len(out.Placements)+4)
	for i := range out.Placements {
		homes = append(homes, out.Placements[i].Name)
	}
	if s.oneIn(3) {
		for i := range s.between(1, 3) {
			split := s.split(fmt.Sprintf("split %d", i), homes[:len(out.Placements)])
			out.Splits = append(out.Splits, split)
			homes = append(homes, split.Name)
		}
	}
	out.Keys = s.keys(homes)
	if s.oneIn(2) {
		out.Default = out.Placements[s.between(0, len(out.Placements)-1)].Name
	}
	status := func() uint16 { return uint16(pick(s.dice, 0, 0, 400, 404, 421, s.between(400, 599), 599)) }
	out.UnknownStatus, out.NoRouteStatus = status(), status()
	if !s.oneIn(3) {
		return
	}
	for i := range s.between(0, 3) {
		out.Tables = append(out.Tables, core.TableSpec{Name: fmt.Sprintf("%s%d", pick(s.dice, "t", "T", "-"), i), Keys: s.keys(homes)})
	}
	table := func() string {
		if len(out.Tables) == 0 || s.oneIn(3) {
			return ""
		}
		return out.Tables[s.between(0, len(out.Tables)-1)].Name
	}
	out.Table = table()
	for range s.between(0, 4) {
		r := core.RouteSpec{Table: table(), UnknownStatus: status()}
		if s.oneIn(2) {
			r.Default = out.Placements[s.between(0, len(out.Placements)-1)].Name
		}
		out.Routes = append(out.Routes, r)
	}
}

// split divides a key between some placements.
func (s *specs) split(name string, placements []string) core.SplitSpec {
	names := append([]string(nil), placements...)
	shuffle(s.dice, names)
	n := s.between(1, min(len(names), core.MaxCandidates))
	out := core.SplitSpec{Name: name}
	left := uint32(million)
	for i := range n {
		share := left
		if i < n-1 {
			share = pick(s.dice, 0, min(1, left), left/2, left/2, uint32(s.below(uint64(left)+1)), left)
		}
		out.Parts = append(out.Parts, core.PartSpec{Placement: names[i], Share: share})
		left -= share
	}
	return out
}

// oddKeys need care somewhere: in JSON, in a hash, in an order.
func oddKeys() []string {
	return []string{"\"quoted\"", "back\\slash", "\xff\xfe not UTF-8 \x80", "\x00", " ", "ключ", "\u2028", "\U0010ffff", "a\tb", "𝕏", "\xed\xa0\x80", "k1 ", "K1", "é", "e\u0301", "<>&"}
}

// keys draws a table of keys, often without any.
func (s *specs) keys(homes []string) []core.KeySpec {
	n := s.between(0, 8)
	if s.large && s.oneIn(3) {
		n = s.between(100, 3000)
	}
	var out []core.KeySpec
	for i := range n {
		out = append(out, core.KeySpec{Key: fmt.Sprint("k", i), Placement: pick(s.dice, homes...)})
	}
	for _, odd := range oddKeys() {
		if s.oneIn(12) {
			out = append(out, core.KeySpec{Key: odd, Placement: pick(s.dice, homes...)})
		}
	}
	shuffle(s.dice, out)
	return out
}
