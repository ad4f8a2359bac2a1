package configdiff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/core"
)

// Coverage is how much of a configuration golden requests exercise.
type Coverage struct {
	Covered int    `json:"covered"`
	Total   int    `json:"total"`
	Kinds   []Kind `json:"kinds"`
}

// Kind is one kind of thing that can be exercised.
type Kind struct {
	Kind    string   `json:"kind"`
	Covered int      `json:"covered"`
	Total   int      `json:"total"`
	Missing []string `json:"missing,omitempty"`
}

// Kinds of things, in the order shown.
const (
	kindRoute     = "routes"         // some request took it
	kindUnknown   = "unknown keys"   // an unknown key came by that route
	kindTable     = "tables"         // some key of it was asked for
	kindHome      = "key classes"    // some key of that table with that home was asked for
	kindPlacement = "placements"     // it served
	kindLink      = "fallback links" // with the candidates before it down, it served
)

// below reports whether less is covered than asked for.
func (c *Coverage) below(ppm uint32) bool {
	return c.Total > 0 && uint64(c.Covered)*million < uint64(c.Total)*uint64(ppm)
}

// coverage marks what golden requests reach.
type coverage struct {
	d    *decider
	seen map[string]map[string]bool
}

func newCoverage(d *decider) *coverage {
	v := &coverage{d: d, seen: map[string]map[string]bool{}}
	c := d.side.Config
	homes := map[int]bool{} // placements that are the home of something
	for via := range d.routes {
		v.expect(kindRoute, d.routeText(via))
		v.expect(kindUnknown, d.routeText(via))
		if to := c.RouteInfo(via).Unknown; to >= 0 {
			homes[to] = true
		}
	}
	for t := range c.Tables() {
		if c.TableKeys(t) > 0 {
			v.expect(kindTable, tableText(c, t))
		}
		classes := map[int]bool{}
		for i := range c.TableKeys(t) {
			_, home := c.TableKey(t, i)
			classes[home] = true
		}
		for home := range classes {
			v.expect(kindHome, classText(c, t, home))
			for _, p := range partsOf(c, int32(home)) {
				if p.Share > 0 {
					homes[p.Placement] = true
				}
			}
		}
	}
	for i := range c.Placements() {
		v.expect(kindPlacement, c.Placement(i).Name)
	}
	for home := range homes {
		list := chain(c, home)
		for i := 1; i < len(list); i++ {
			v.expect(kindLink, linkText(list, i))
		}
	}
	return v
}

func (d *decider) routeText(via int) string {
	if name := d.routes[via].name; name != "" {
		return name
	}
	return fmt.Sprintf("route %d", via)
}

func tableText(c *core.Config, t int) string {
	if t == 0 {
		return "keys"
	}
	return c.TableName(t)
}

func classText(c *core.Config, t, home int) string {
	return tableText(c, t) + " → " + c.HomeName(home)
}

// linkText names the i-th fallback of a home.
func linkText(list []string, i int) string { return strings.Join(list[:i+1], " → ") }

// expect notes that there is such a thing.
func (v *coverage) expect(kind, name string) {
	if v.seen[kind] == nil {
		v.seen[kind] = map[string]bool{}
	}
	v.seen[kind][name] = false
}

// mark notes that it was reached; a thing that is not there is nothing.
func (v *coverage) mark(kind, name string) {
	if _, there := v.seen[kind][name]; there {
		v.seen[kind][name] = true
	}
}

// saw marks what one outcome reached.
func (v *coverage) saw(o *Outcome) {
	c := v.d.side.Config
	if o.Class != core.NoRoute.String() && o.Class != core.BadRequest.String() {
		v.mark(kindRoute, v.d.routeText(o.via))
	}
	info := c.RouteInfo(o.via)
	switch {
	case o.Class == core.UnknownKey.String(), o.home != none && !o.Known:
		v.mark(kindUnknown, v.d.routeText(o.via))
	case o.Known:
		v.mark(kindTable, tableText(c, info.Table))
		v.mark(kindHome, classText(c, info.Table, int(o.home)))
	}
	for _, r := range o.reached {
		v.mark(kindPlacement, r.placement)
		if len(r.way) > 1 {
			v.mark(kindLink, linkText(r.way, len(r.way)-1))
		}
	}
}

func (v *coverage) result() (out Coverage) {
	for _, name := range []string{kindRoute, kindUnknown, kindTable, kindHome, kindPlacement, kindLink} {
		k := Kind{Kind: name, Total: len(v.seen[name])}
		for _, thing := range slices.Sorted(maps.Keys(v.seen[name])) {
			if v.seen[name][thing] {
				k.Covered++
			} else {
				k.Missing = append(k.Missing, thing)
			}
		}
		if k.Total > 0 {
			out.Kinds = append(out.Kinds, k)
			out.Covered, out.Total = out.Covered+k.Covered, out.Total+k.Total
		}
	}
	return out
}
