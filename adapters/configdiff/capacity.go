package configdiff

import (
	"reflect"
	"slices"

	"lockstep/adapters/configfile"
)

// Capacity is the arithmetic of check before and after: requests in flight are
// rate x latency, shared evenly by the fewest routers of the facts.
type Capacity struct {
	// Facts says whose facts count: "each" its own, "old" or "new" where one side
	// states none, "" where neither does and nothing can be said.
	Facts      string           `json:"facts"`
	OldRouters int              `json:"old_routers,omitempty"`
	NewRouters int              `json:"new_routers,omitempty"`
	Placements []CapacityChange `json:"placements,omitempty"` // all that have a load or a limit
}

// CapacityChange is one placement before and after; nil where it is not there.
type CapacityChange struct {
	Placement string                    `json:"placement"`
	Old       *configfile.PlacementLoad `json:"old,omitempty"`
	New       *configfile.PlacementLoad `json:"new,omitempty"`
	Changed   bool                      `json:"changed"`
	// Worse: more of its own peak finds no room than before, or more with it down.
	Worse bool `json:"worse"`
	// Left and Came count the keys whose home it was or became, split ones left out.
	Left int `json:"keys_left,omitempty"`
	Came int `json:"keys_came,omitempty"`
	// Stale: so many keys left or came, and facts.peak says the same as before.
	Stale bool `json:"stale,omitempty"`
	// At is where its limit is written in the new configuration.
	At *configfile.Position `json:"at,omitempty"`
}

// staleShare is the part of a placement's keys, in percent, that may leave or
// come before an unchanged peak is doubted.
const staleShare = 5

func (x *comparison) capacity(r *Report) {
	oldFacts, newFacts := &x.old.File.Facts, &x.new.File.Facts
	c := &r.Capacity
	switch c.Facts = "each"; {
	case oldFacts.Routers.Min == 0 && newFacts.Routers.Min == 0:
		c.Facts = ""
		return
	case oldFacts.Routers.Min == 0:
		c.Facts, oldFacts = "new", newFacts
	case newFacts.Routers.Min == 0:
		c.Facts, newFacts = "old", oldFacts
	}
	c.OldRouters, c.NewRouters = oldFacts.Routers.Min, newFacts.Routers.Min
	old, now := oldFacts.Loads(x.old.Config), newFacts.Loads(x.new.Config)
	names := map[string]*CapacityChange{}
	row := func(name string) *CapacityChange {
		if names[name] == nil {
			names[name] = &CapacityChange{Placement: name}
		}
		return names[name]
	}
	keys := homes(x.old.Config)
	for i := range old {
		p := row(old[i].Placement)
		p.Old, p.Left = &old[i], x.left[i]
	}
	for i := range now {
		p := row(now[i].Placement)
		p.New, p.Came = &now[i], x.came[i]
		at, _ := x.new.File.Where("placements." + p.Placement + ".limit")
		p.At = place(at)
		if p.Old == nil || p.Old.InFlight == 0 {
			continue
		}
		before, after := oldFacts.Peak[p.Placement], newFacts.Peak[p.Placement]
		was, _ := x.old.Config.FindPlacement(p.Placement)
		p.Stale = before == after && 100*max(p.Left, p.Came) > staleShare*keys[was]
	}
	for _, p := range names {
		p.Changed = !reflect.DeepEqual(p.Old, p.New)
		p.Worse = p.New != nil && worse(p.Old, p.New)
		if stated(p.Old) || stated(p.New) {
			c.Placements = append(c.Placements, *p)
		}
	}
	slices.SortFunc(c.Placements, func(a, b CapacityChange) int {
		if a.Placement < b.Placement {
			return -1
		}
		return 1
	})
}

func stated(l *configfile.PlacementLoad) bool { return l != nil && (l.InFlight > 0 || l.Room() > 0) }

// worse reports whether more of a load finds no room than before.
func worse(old, now *configfile.PlacementLoad) bool {
	if old == nil {
		return short(now) > 0 || now.Left > 0
	}
	return short(now) > short(old) || now.Left > old.Left
}

// short is how much of a placement's own load it has no room for.
func short(l *configfile.PlacementLoad) int64 {
	if room := l.Room(); room > 0 {
		return max(0, l.InFlight-room)
	}
	return 0
}
