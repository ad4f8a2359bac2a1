package configdiff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// million is a whole key: splits send parts of one elsewhere.
const million = 1_000_000

// maxGroups bounds the groups of a table that a report lists, maxExamples the keys of one group.
const (
	maxGroups   = 200
	maxExamples = 3
)

// KeyChanges is what changes for the keys of one table.
type KeyChanges struct {
	Table string `json:"table"` // "keys" for the one at the top
	// Route is set where a route asks another table than it did: the keys of both are compared.
	Route   string `json:"route,omitempty"`
	What    string `json:"what"` // Added or Removed where one side alone has the table, else Changed
	Old     int    `json:"old_keys"`
	New     int    `json:"new_keys"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	// Rerouted counts the keys that stay and whose candidates, or order of candidates,
	// differ; HomeMoved those of them whose home is another.
	Rerouted  int `json:"rerouted"`
	HomeMoved int `json:"home_moved"`
	// Moved is the sum of what moves of each key, in millionths of a key: half of a
	// split key is 500000.
	Moved         uint64 `json:"moved_millionths"`
	ReasonChanged int    `json:"reason_changed"` // keys whose X-Route-Reason differs
	// RegionChanged counts the keys that stay and whose region differs: it serves
	// nobody, but promises count by it.
	RegionChanged int        `json:"region_changed,omitempty"`
	Groups        []KeyGroup `json:"groups,omitempty"` // of keys that stay: rerouted, or with another reason; the biggest first
	AddedTo       []KeyGroup `json:"added_to,omitempty"`
	RemovedFrom   []KeyGroup `json:"removed_from,omitempty"`
	MoreGroups    int        `json:"more_groups,omitempty"` // smaller ones, left out
}

// changes reports whether anything in the table differs.
func (k *KeyChanges) changes() bool {
	return k.Added+k.Removed+k.Rerouted+k.ReasonChanged+k.RegionChanged > 0 || k.What != Changed || k.Route != ""
}

// KeyGroup is keys that went one way and go another.
type KeyGroup struct {
	Keys      int          `json:"keys"`
	From      string       `json:"from,omitempty"` // candidates in order; of a split, those of each part
	To        string       `json:"to,omitempty"`
	Moved     uint32       `json:"moved_millionths,omitempty"` // of each key
	HomeMoves bool         `json:"home_moves,omitempty"`
	OldReason string       `json:"old_reason,omitempty"` // X-Route-Reason
	NewReason string       `json:"new_reason,omitempty"`
	Examples  []KeyExample `json:"examples,omitempty"`
	// OldAt and NewAt are where the fallbacks of the home are written, where the home stays.
	OldAt *configfile.Position `json:"old_at,omitempty"`
	NewAt *configfile.Position `json:"new_at,omitempty"`
}

// KeyExample is one key, with the places where its home is written.
type KeyExample struct {
	Key   string               `json:"key"`
	OldAt *configfile.Position `json:"old_at,omitempty"`
	NewAt *configfile.Position `json:"new_at,omitempty"`
}

// pair is what a change of home means for a key.
type pair struct {
	moved    uint32 // millionths of a key whose candidates differ
	home     bool   // for some of it the first candidate differs
	reason   bool   // for some of it X-Route-Reason differs
	was, is  int32
	keys     int
	examples [maxExamples]string
}

// pair returns what it means to go from one home to another.
func (x *comparison) pair(was, is int32) *pair {
	if p := x.pairs[[2]int32{was, is}]; p != nil {
		return p
	}
	p := &pair{was: was, is: is}
	x.pairs[[2]int32{was, is}] = p
	a, b := partsOf(x.old.Config, was), partsOf(x.new.Config, is)
	for i, k, endA, endB, at := 0, 0, a[0].Share, b[0].Share, uint32(0); at < million; {
		end := min(endA, endB)
		if end > at {
			from, to := a[i].Placement, b[k].Placement
			if x.same[from] != int32(to) {
				p.moved += end - at
			}
			p.home = p.home || x.named[from] != int32(to)
			p.reason = p.reason || x.old.Config.Placement(from).Kind != x.new.Config.Placement(to).Kind
		}
		at = end
		if endA == end && i+1 < len(a) {
			i++
			endA += a[i].Share
		}
		if endB == end && k+1 < len(b) {
			k++
			endB += b[k].Share
		}
	}
	return p
}

// partsOf is a home as a split; that of a placement has one part.
func partsOf(c *core.Config, home int32) []core.Part {
	if home < 0 {
		return c.Split(int(^home))
	}
	return []core.Part{{Placement: int(home), Share: million}}
}

// homeText writes the candidates of a home, of a split those of each part.
func homeText(c *core.Config, home int32) string {
	var parts []string
	for _, p := range partsOf(c, home) {
		text := strings.Join(chain(c, p.Placement), " → ")
		if home < 0 {
			text = core.Percent(p.Share) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " | ")
}

// reasonText writes the X-Route-Reason of a home.
func reasonText(c *core.Config, home int32) string {
	var out []string
	for _, p := range partsOf(c, home) {
		if kind := c.Placement(p.Placement).Kind.String(); p.Share > 0 && !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return strings.Join(out, " or ")
}

// tables compares the tables of the same name, and those of one side alone.
func (x *comparison) tables(r *Report) {
	names := map[string][2]int{}
	for i := range x.old.Config.Tables() {
		names[x.old.Config.TableName(i)] = [2]int{i, -1}
	}
	for i := range x.new.Config.Tables() {
		at, ok := names[x.new.Config.TableName(i)]
		if !ok {
			at[0] = -1
		}
		at[1] = i
		names[x.new.Config.TableName(i)] = at
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		k := x.keys(names[name][0], names[name][1], true)
		if k.Table = cmp.Or(name, "keys"); k.changes() {
			r.Tables = append(r.Tables, k)
		}
	}
}

// groups collects keys by where they went and where they go.
type groups map[[2]int32]*pair

func (g groups) add(p *pair, key string) {
	id := [2]int32{p.was, p.is}
	own := g[id]
	if own == nil {
		own = new(pair)
		*own = *p
		g[id] = own
	}
	if own.keys < maxExamples {
		own.examples[own.keys] = key
	}
	own.keys++
}

// none is no home: of a key that a side does not have. A split is never that far below 0.
const none int32 = -1 << 31

// keys compares an old and a new table, -1 for none: a merge of two sorted
// lists. first says that the tables have one name, so that each key counts once
// for load and for hashing.
func (x *comparison) keys(was, is int, first bool) KeyChanges {
	a, b := tableOf(x.old, was), tableOf(x.new, is)
	out := KeyChanges{Old: a.n, New: b.n, What: Changed}
	switch {
	case was < 0:
		out.What = Added
	case is < 0:
		out.What = Removed
	}
	stayed, added, removed := groups{}, groups{}, groups{}
	for i, k := 0, 0; i < a.n || k < b.n; {
		keyA, homeA := a.at(i)
		keyB, homeB := b.at(k)
		switch {
		case k == b.n || i < a.n && keyA < keyB:
			out.Removed++
			removed.add(&pair{was: homeA, is: none}, keyA)
			x.count(homeA, none, first)
			i++
		case i == a.n || keyB < keyA:
			out.Added++
			added.add(&pair{was: none, is: homeB}, keyB)
			x.count(none, homeB, first)
			k++
		default:
			p := x.pair(homeA, homeB)
			x.stays(&out, p, keyA, stayed, first)
			if a.region(i) != b.region(k) {
				out.RegionChanged++
			}
			i, k = i+1, k+1
		}
	}
	out.Groups, out.MoreGroups = x.list(a, b, stayed)
	out.AddedTo, _ = x.list(a, b, added)
	out.RemovedFrom, _ = x.list(a, b, removed)
	return out
}

// stays books a key that both sides have.
func (x *comparison) stays(out *KeyChanges, p *pair, key string, stayed groups, first bool) {
	if p.moved > 0 {
		out.Rerouted++
		out.Moved += uint64(p.moved)
		if p.home {
			out.HomeMoved++
			x.count(p.was, p.is, first)
		}
	}
	if p.reason {
		out.ReasonChanged++
	}
	if p.moved > 0 || p.reason {
		stayed.add(p, key)
	}
	if first && p.was >= 0 && p.is >= 0 && x.named[p.was] == p.is {
		x.hashed.look(p.was, key)
	}
}

// count books a key that leaves a home, or comes to one. Split keys load
// several, and are not counted.
func (x *comparison) count(was, is int32, first bool) {
	if first && was >= 0 {
		x.left[was]++
	}
	if first && is >= 0 {
		x.came[is]++
	}
}

// keyTable is one table of one side.
type keyTable struct {
	side    Side
	name    string
	i, n    int
	regions func(i int) string // nil where no key has one
}

// region is that of the i-th key, "" for none.
func (t *keyTable) region(i int) string {
	if t.regions == nil {
		return ""
	}
	return t.regions(i)
}

func tableOf(s Side, i int) keyTable {
	if i < 0 {
		return keyTable{side: s}
	}
	name := s.Config.TableName(i)
	return keyTable{s, name, i, s.Config.TableKeys(i), s.File.RegionsOf(name)}
}

func (t *keyTable) at(i int) (string, int32) {
	if i >= t.n {
		return "", none
	}
	key, home := t.side.Config.TableKey(t.i, i)
	return key, int32(home)
}

// place is where the home of a key is written.
func (t *keyTable) place(key string) *configfile.Position {
	path := "keys." + key
	if t.name != "" {
		path = "tables." + t.name + "." + key
	}
	if at, ok := t.side.File.Where(path); ok {
		return place(at)
	}
	return nil
}

// list is the biggest groups first, and how many smaller ones there are.
func (x *comparison) list(a, b keyTable, in groups) (out []KeyGroup, more int) {
	all := slices.Collect(maps.Values(in))
	slices.SortFunc(all, func(p, q *pair) int {
		return cmp.Or(cmp.Compare(q.keys, p.keys), cmp.Compare(p.was, q.was), cmp.Compare(p.is, q.is))
	})
	if len(all) > maxGroups {
		all, more = all[:maxGroups], len(all)-maxGroups
	}
	for _, p := range all {
		g := KeyGroup{Keys: p.keys, Moved: p.moved, HomeMoves: p.home}
		if p.was != none {
			g.From, g.OldReason = homeText(x.old.Config, p.was), reasonText(x.old.Config, p.was)
		}
		if p.is != none {
			g.To, g.NewReason = homeText(x.new.Config, p.is), reasonText(x.new.Config, p.is)
		}
		for _, key := range p.examples[:min(p.keys, maxExamples)] {
			e := KeyExample{Key: key}
			if p.was != none {
				e.OldAt = a.place(key)
			}
			if p.is != none {
				e.NewAt = b.place(key)
			}
			g.Examples = append(g.Examples, e)
		}
		if p.was >= 0 && p.is >= 0 && !p.home {
			g.OldAt, g.NewAt = fallbackAt(x.old, p.was), fallbackAt(x.new, p.is)
		}
		out = append(out, g)
	}
	return out, more
}

// fallbackAt is where the fallbacks of a placement are written, nil where they
// follow from the form.
func fallbackAt(s Side, placement int32) *configfile.Position {
	p := s.Config.Placement(int(placement))
	if s.File.Form != configfile.Native && len(p.Candidates) > 1 {
		return place(s.File.FallbackAt(s.Config, p, 1))
	}
	if at, ok := s.File.Where("placements." + p.Name + ".fallback"); ok {
		return place(at)
	}
	return nil
}
