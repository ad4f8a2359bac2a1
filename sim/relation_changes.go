package sim

import (
	"fmt"
	"slices"

	"lockstep/core"
)

// The changes of relation.go. Each returns both versions of a plan, nil where
// the relation says nothing of it.

// reversed gives n names, sorted, new names that sort the other way round.
func reversed(prefix string, names []string) map[string]string {
	slices.Sort(names)
	names = slices.Compact(names)
	to := make(map[string]string, len(names))
	for i, name := range names {
		to[name] = fmt.Sprintf("%s-%06d", prefix, len(names)-1-i)
	}
	return to
}

// withoutHashing has placements rotate that hash keys and names.
func withoutHashing(s *core.Spec) {
	for i := range s.Placements {
		q := &s.Placements[i]
		if q.Select.Hashing() {
			q.Select, q.Bound = core.RoundRobin, 0
		}
		q.Shards = 0
	}
}

// renameKeys gives every key another name. What hashes the name is
// left out of both versions.
func renameKeys(p *Plan) *pair {
	one := *p
	one.respec(func(s *core.Spec) {
		withoutHashing(s)
		withoutSplits(s)
	})
	var keys []string
	for _, s := range p.specs() {
		for _, list := range keyLists(s) {
			for _, k := range list {
				keys = append(keys, k.Key)
			}
		}
	}
	for i := range p.Clients {
		keys = append(keys, p.Clients[i].Keys...)
	}
	to := reversed("key", keys)
	b := &pair{one: one, other: one, exact: true, original: func(name string) string { return name }}
	b.other.Clients = slices.Clone(p.Clients)
	for i := range b.other.Clients {
		c := &b.other.Clients[i]
		list := c.Keys
		if len(list) == 0 {
			list = keysOfRoute(&p.Spec, c.Route)
		}
		c.Keys = nil
		for _, k := range list {
			c.Keys = append(c.Keys, to[k])
		}
	}
	b.other.respec(func(s *core.Spec) {
		for _, list := range keyLists(s) {
			for i := range list {
				list[i].Key = to[list[i].Key]
			}
		}
	})
	return b
}

// keyLists lists the tables of a Spec.
func keyLists(s *core.Spec) [][]core.KeySpec {
	all := [][]core.KeySpec{s.Keys}
	for i := range s.Tables {
		all = append(all, s.Tables[i].Keys)
	}
	return all
}

// keysOfRoute lists the keys of a route in the order in which a client without
// a list of its own takes them.
func keysOfRoute(s *core.Spec, route uint16) (keys []string) {
	name := s.Table
	if n := int(route); n > 0 && n <= len(s.Routes) {
		name = s.Routes[n-1].Table
	}
	list := s.Keys
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			list = s.Tables[i].Keys
		}
	}
	for _, k := range list {
		keys = append(keys, k.Key)
	}
	slices.Sort(keys)
	return keys
}

// withoutSplits gives every key that is split to the first part: a split hashes
// the key, and its parts stand in order of name.
func withoutSplits(s *core.Spec) {
	first := map[string]string{}
	for i := range s.Splits {
		first[s.Splits[i].Name] = s.Splits[i].Parts[0].Placement
	}
	for _, list := range keyLists(s) {
		for i := range list {
			if p, split := first[list[i].Placement]; split {
				list[i].Placement = p
			}
		}
	}
	s.Splits = nil
}

// renamePlacements gives every placement another name. What draws by name is
// left out of both versions: health, jitter, slow start and hashing.
func renamePlacements(p *Plan) *pair {
	one := *p
	one.respec(func(s *core.Spec) {
		withoutHashing(s)
		withoutSplits(s)
		for i := range s.Placements {
			q := &s.Placements[i]
			q.Health, q.Breaker.Jitter, q.Kind, q.SlowStart = core.HealthSpec{Off: true}, 0, kindOf(q), 0
		}
	})
	var names []string
	for _, s := range one.specs() {
		for i := range s.Placements {
			names = append(names, s.Placements[i].Name)
		}
	}
	to := reversed("placement", names)
	back := map[string]string{}
	for name, anew := range to {
		back[anew] = name
	}
	b := &pair{one: one, other: one, original: func(name string) string { return back[name] }}
	b.other.respec(func(s *core.Spec) {
		s.Default = to[s.Default]
		for _, list := range keyLists(s) {
			for i := range list {
				list[i].Placement = to[list[i].Placement]
			}
		}
		for i := range s.Routes {
			s.Routes[i].Default = to[s.Routes[i].Default]
		}
		for i := range s.Placements {
			q := &s.Placements[i]
			q.Name = to[q.Name]
			for j := range q.Fallback {
				q.Fallback[j] = to[q.Fallback[j]]
			}
		}
	})
	b.other.Faults, b.other.Backends = slices.Clone(p.Faults), slices.Clone(p.Backends)
	for i := range b.other.Faults {
		b.other.Faults[i].Placement = to[p.Faults[i].Placement]
	}
	for i := range b.other.Backends {
		b.other.Backends[i].Placement = to[p.Backends[i].Placement]
	}
	return b
}

// permuteLists turns every list round whose order carries no meaning.
func permuteLists(p *Plan) *pair {
	b := &pair{one: *p, other: *p, exact: true, original: func(name string) string { return name }}
	b.other.respec(func(s *core.Spec) {
		slices.Reverse(s.Keys)
		slices.Reverse(s.Placements)
		for i := range s.Placements {
			if q := &s.Placements[i]; q.Select != core.First {
				slices.Reverse(q.Endpoints)
			}
		}
	})
	return b
}

// unused is the name of a placement that nothing uses; it sorts before others,
// so that their numbers shift.
const unused = "0-unused"

// addPlacement adds a placement that nothing uses. A health probe's way is
// drawn by its endpoint's number in the run: nothing is drawn on the way here.
func addPlacement(p *Plan) *pair {
	one := *p
	one.Link.Jitter, one.Link.Loss = 0, 0
	one.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f Fault) bool { return f.Kind == Lossy })
	one.respec(func(s *core.Spec) { s.Guards = core.GuardSpec{} }) // they count its endpoints too
	b := &pair{one: one, other: one, original: func(name string) string {
		if name == unused {
			return ""
		}
		return name
	}}
	valid := b.other.respec(func(s *core.Spec) {
		s.Placements = append(s.Placements, core.PlacementSpec{Name: unused, Endpoints: []core.EndpointSpec{
			{URL: "http://unused-1.test:80"}, {URL: "http://unused-2.test:80"},
		}})
	})
	if !valid {
		return nil
	}
	return b
}
