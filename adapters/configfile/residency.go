package configfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"lockstep/traces/promise"
)

// Who may serve the keys of a region.

// Region returns the region of a routing key in the table of a route, "" for none.
func (f *File) Region(via uint16, key string) string {
	t := f.tableOfRoute(int(via))
	if t == nil || len(t.regions) == 0 {
		return ""
	}
	i, ok := t.find(key)
	if !ok {
		return ""
	}
	return t.regions[t.places[i].region]
}

// RegionsOf says the region of the i-th key, in ascending order, of a table, ""
// for none; the table at the top has no name. It is nil where no key has one.
func (f *File) RegionsOf(table string) func(i int) string {
	t := &f.keys
	if n := slices.IndexFunc(f.tables, func(t *keyList) bool { return t.name == table }); n >= 0 {
		t = f.tables[n]
	} else if table != "" {
		return nil
	}
	if len(t.regions) < 2 {
		return nil
	}
	return func(i int) string { return t.regions[t.places[i].region] }
}

// residency looks for placements that may serve keys of a region and lack the
// labels. Unknown keys have no region.
func (v *prover) residency() {
	first, n := v.homesOf(v.p.Region)
	for i := range v.places {
		home := &v.places[i]
		path := first[home.Name].path
		if path == "" {
			continue
		}
		key := first[home.Name].key
		way, text := []string(nil), key+" goes to "
		for at, by := range home.Candidates {
			name := v.places[by].Name
			way = append(way, text+name)
			text = "when that is down or full, to "
			if v.p.Labelled(v.Labels[name]) {
				continue
			}
			keys := key
			if n[home.Name] > 1 {
				keys += " and " + strconv.Itoa(n[home.Name]-1) + " more"
			}
			b := Breach{
				Promise: v.p.Name, Kind: v.p.Kind, Path: path, Way: slices.Clone(way), Hint: "give them another home, or give it the labels if they are true",
				What: fmt.Sprintf("%s of %s may not be served by their own home", keys, home.Name),
			}
			if at > 0 {
				b.Path, b.Hint = fmt.Sprintf("placements.%s.fallback[%d]", home.Name, at-1), "remove it from the fallback, or give it the labels if they are true"
				b.What = fmt.Sprintf("%s of %s may be served by %s, which lacks the labels", keys, home.Name, name)
			}
			v.out = append(v.out, b)
		}
	}
}

// homesOf returns, for each home of keys of a region in any table, the first of
// them and how many there are. Each part of a split is a home.
func (f *File) homesOf(region string) (first map[string]oneKey, n map[string]int) {
	first, n = map[string]oneKey{}, map[string]int{}
	f.everyTable(func(t *keyList, path string) {
		at := slices.Index(t.regions, region)
		for i := range t.specs {
			k := &t.specs[i]
			if at <= 0 || int(t.places[i].region) != at {
				continue
			}
			for _, home := range f.homesIn(k.Placement) {
				first[home] = cmp.Or(first[home], oneKey{path + k.Key, k.Key})
				n[home]++
			}
		}
	})
	return first, n
}

// oneKey is a key and its path, for Where.
type oneKey struct{ path, key string }

// MayServe says whether every promise lets placement by serve the keys of home.
func (f *File) MayServe(home, by string) bool {
	for i := range f.Must {
		p := &f.Must[i]
		switch {
		case p.Kind == promise.NoGuests && home != by && p.Labelled(f.Labels[by]):
			return false
		case p.Kind == promise.ServedBy && !p.Labelled(f.Labels[by]):
			if first, _ := f.homesOf(p.Region); first[home].path != "" {
				return false
			}
		}
	}
	return true
}
