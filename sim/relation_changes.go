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
	one.respec(withoutHashing)
	var keys, own []string
	for _, s := range p.specs() {
		for _, k := range s.Keys {
			keys = append(keys, k.Key)
		}
	}
	for _, k := range p.Spec.Keys {
		own = append(own, k.Key)
	}
	slices.Sort(own) // as a client without a list of its own takes them
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
			list = own
		}
		c.Keys = nil
		for _, k := range list {
			c.Keys = append(c.Keys, to[k])
		}
	}
	b.other.respec(func(s *core.Spec) {
		for i := range s.Keys {
			s.Keys[i].Key = to[s.Keys[i].Key]
		}
	})
	return b
}

// renamePlacements gives every placement another name. What draws by name is
// left out of both versions: health, jitter, slow start and hashing.
func renamePlacements(p *Plan) *pair {
	one := *p
	one.respec(func(s *core.Spec) {
		withoutHashing(s)
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
		for i := range s.Keys {
			s.Keys[i].Placement = to[s.Keys[i].Placement]
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
