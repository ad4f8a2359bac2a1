package configfile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// Where returns the place in the files that a setting comes from, through
// defaults, profiles and includes. path is in the names of the native form,
// whatever the form of the file: placements.cell-07.limit.guests,
// placements.cell-07.fallback[1], keys.nordbank. When the setting is not
// written, ok is false and the position is that of the nearest thing around
// it, such as limit or the placement.
func (f *File) Where(path string) (at Position, ok bool) {
	p, ok := f.place(path)
	return p.position(), ok
}

func (f *File) place(path string) (place, bool) {
	if key, ok := strings.CutPrefix(path, "keys."); ok {
		if p, ok := f.keyPlace(key); ok {
			return p, true
		}
	}
	if p, ok := f.tablePlace(path); ok {
		return p, true
	}
	rest := f.local(path)
	at, n := f.root.at, f.root
	for rest != "" {
		var e *entry
		if e, rest = n.step(rest); e == nil {
			return at, n.isWord("none") // limit: none is where limit.in_flight comes from
		}
		n, at = e.value, e.at
		if n.kind == scalar {
			at = n.at
		}
	}
	return at, true
}

// RoutePath is the path of a setting of a route, for Where.
func RoutePath(via int, setting string) string {
	if via == 0 {
		return setting // the one route of the baseline forms has it at the top
	}
	return "routes[" + strconv.Itoa(via) + "]." + setting
}

// FallbackAt returns where the i-th candidate of home is named, i from 1: in
// home's list, or in the baseline forms in the candidate before it or as the default.
func (f *File) FallbackAt(c *core.Config, home core.PlacementInfo, i int) Position {
	if f.Form == Native {
		at, _ := f.Where("placements." + home.Name + ".fallback[" + strconv.Itoa(i-1) + "]")
		return at
	}
	before := c.Placement(int(home.Candidates[i-1])).Name
	for _, p := range f.Spec.Placements {
		if p.Name == before && len(p.Fallback) == 1 && p.Fallback[0] == c.Placement(int(home.Candidates[i])).Name {
			at, _ := f.Where("placements." + before + ".fallback[0]")
			return at
		}
	}
	at, _ := f.Where("default")
	return at
}

// step follows the first part of path: a name, or [i] for the i-th item or entry.
func (n *node) step(path string) (*entry, string) {
	if strings.HasPrefix(path, "[") {
		number, rest, _ := strings.Cut(path[1:], "]")
		i, err := strconv.Atoi(number)
		switch {
		case err != nil || i < 0:
		case i < len(n.entries):
			return &n.entries[i], strings.TrimPrefix(rest, ".")
		case i < len(n.items):
			return &entry{at: n.items[i].at, value: n.items[i]}, strings.TrimPrefix(rest, ".")
		}
		return nil, ""
	}
	// Names may hold dots: the longest that fits is meant.
	var best *entry
	for i := range n.entries {
		e := &n.entries[i]
		if rest, ok := strings.CutPrefix(path, e.key); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			if best == nil || len(e.key) >= len(best.key) {
				best = e
			}
		}
	}
	if best == nil {
		return nil, ""
	}
	return best, strings.TrimPrefix(path[len(best.key):], ".")
}

func (f *File) keyPlace(key string) (place, bool) {
	i, ok := f.keys.find(key)
	if !ok {
		return place{}, false
	}
	return f.keys.place(i), true
}

// tablePlace finds tables.NAME.KEY and splits.NAME.PLACEMENT: names and keys may hold dots.
func (f *File) tablePlace(path string) (place, bool) {
	if rest, ok := strings.CutPrefix(path, "tables."); ok {
		for _, t := range f.tables {
			key, ok := strings.CutPrefix(rest, t.name)
			if key, named := strings.CutPrefix(key, "."); ok && named {
				if i, found := t.find(key); found {
					return t.place(i), true
				}
			} else if ok && key == "" {
				return t.at, true
			}
		}
	}
	if rest, ok := strings.CutPrefix(path, "splits."); ok {
		for name, at := range f.splits {
			if tail, ok := strings.CutPrefix(rest, name); ok && (tail == "" || tail[0] == '.') {
				return at, true
			}
		}
	}
	return place{}, false
}

func (k *keyList) find(key string) (int, bool) {
	return slices.BinarySearchFunc(k.specs, key, func(k core.KeySpec, key string) int { return cmp.Compare(k.Key, key) })
}

// local turns a path in the names that core uses into one in the names of this file.
func (f *File) local(path string) string {
	if f.Form != Native {
		return baselinePath(path, f.root)
	}
	switch path {
	case "default", "unknown_key.to":
		return "routes[0].unknown_key.to"
	case "unknown_key.reject", "table":
		return "routes[0]." + path
	case "no_route.reject":
		return "routing." + path
	}
	return path
}

// problems shows what core refused where it was written: once, however many
// placements inherit it.
func (f *File) problems(faults core.SpecErrors) Problems {
	type fault struct {
		at   Position
		what string
	}
	var out Problems
	seen := map[fault]bool{}
	for _, e := range faults {
		at, _ := f.place(e.Path)
		if id := (fault{at.position(), e.What}); !seen[id] {
			seen[id] = true
			out = append(out, at.problem(f.local(e.Path)+": "+e.What, e.Hint))
		}
	}
	slices.SortStableFunc(out, byPlace)
	return out
}
