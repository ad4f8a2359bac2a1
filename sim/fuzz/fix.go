package fuzz

import (
	"fmt"

	"lockstep/core"
)

// fix is one setting put right. The first with which a drill holds is the one to
// blame: its key is responsible, whatever else stands beside it.
type fix struct {
	key   string // responsible, in the names of the native form
	value string // what that key does now
	text  string // the change, as an operator would write it
	price string // what it costs
	apply func(*core.Spec)
}

// fixesOf lists what could make the drill of f hold, the likeliest first.
func (t *Target) fixesOf(f *Finding) []fix {
	d := f.Drill
	p, ok := find(&t.Spec, d.Placement)
	switch {
	case d.Property == ProbesAlone:
		return t.probesAloneFixes(f.Where)
	case !ok:
		return nil
	case d.Property == LeavesFailing:
		return t.leavingFixes(d, &p)
	case d.Property == ReturnsMended:
		return t.mendingFixes(&p)
	case d.Property == UnknownApart:
		return t.unknownFixes(d)
	case d.Property == RetriesBounded:
		return t.retryFixes(&p)
	}
	return nil
}

// under is the path of a setting of p.
func under(p *core.PlacementInfo, setting string) string { return "placements." + p.Name + setting }

// knob is one setting of a placement, as a number.
type knob struct {
	name string // below the placement, in the names of the native form
	get  func(*core.PlacementInfo) int64
	set  func(*core.PlacementSpec, int64)
}

// turn sets a knob of p, and of every placement where it stands at the same
// value: most often they have it from one line of the defaults.
func (t *Target) turn(p *core.PlacementInfo, k knob, to int64, now, then, price string) fix {
	var names []string
	for _, q := range compiled(&t.Spec) {
		if k.get(&q) == k.get(p) {
			names = append(names, q.Name)
		}
	}
	who := p.Name
	if n := len(names) - 1; n > 0 {
		who += fmt.Sprintf(" and %d more", n)
	}
	return fix{
		key: under(p, "."+k.name), value: now, text: who + " " + k.name + ": " + then, price: price,
		apply: func(s *core.Spec) {
			for _, name := range names {
				setting(name, func(p *core.PlacementSpec) { k.set(p, to) })(s)
			}
		},
	}
}

func (t *Target) turnTime(p *core.PlacementInfo, k knob, to core.Duration, now, price string) fix {
	return t.turn(p, k, int64(to), now, span(to), price)
}
