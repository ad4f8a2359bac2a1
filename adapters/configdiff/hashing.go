package configdiff

import (
	"slices"

	"lockstep/core"
)

// What share of the keys of a placement goes to another of its endpoints, where
// the policy hashes the key. Core itself picks: each side's placement stands
// alone in a router of its own, idle and sound, and every key is put to both.

// hashMoves picks for the placements whose keys may move between endpoints.
type hashMoves struct {
	was, is *picker
	moves   map[int32]*HashMove // by index of the old placement
}

// HashMove is how many keys of a placement another endpoint serves.
type HashMove struct {
	Keys  int `json:"keys"` // with their home in it on both sides, split ones left out
	Moved int `json:"moved"`
}

// look puts a key to both sides; nothing where its placement is not looked at.
func (h *hashMoves) look(placement int32, key string) {
	if h == nil {
		return
	}
	m := h.moves[placement]
	if m == nil {
		return
	}
	m.Keys++
	name := h.was.names[placement]
	if h.was.pick(name, key) != h.is.pick(name, key) {
		m.Moved++
	}
}

// hash prepares for the placements at those indexes of the old configuration.
func (x *comparison) hash(changed []int32) {
	if len(changed) == 0 {
		return
	}
	h := &hashMoves{moves: map[int32]*HashMove{}}
	names := map[int32]string{}
	for _, i := range changed {
		names[i] = x.old.Config.Placement(int(i)).Name
		h.moves[i] = new(HashMove)
	}
	h.was, h.is = newPicker(x.old, names), newPicker(x.new, names)
	if h.was != nil && h.is != nil {
		x.hashed = h
	}
}

// picker is a router in which nothing is wrong and nothing is busy.
type picker struct {
	names  map[int32]string
	config *core.Config
	index  map[string]int32 // placement by name
	router *core.Router
	out    []core.Decision
}

// newPicker makes one with those placements of a side, each by itself.
func newPicker(s Side, names map[int32]string) *picker {
	spec := core.Spec{Version: "alone"}
	for _, name := range names {
		if p := s.File.PlacementSpec(name); p != nil {
			spec.Placements = append(spec.Placements, core.PlacementSpec{
				Name: p.Name, Kind: p.Kind, Endpoints: slices.Clone(p.Endpoints), Select: p.Select, Shards: p.Shards, Health: core.HealthSpec{Off: true},
			})
		}
	}
	c, err := core.Compile(spec)
	if err != nil {
		return nil // it was compiled already, as a part of more
	}
	out := &picker{names: names, config: c, index: map[string]int32{}, router: core.New(core.Options{})}
	for i := range c.Placements() {
		out.index[c.Placement(i).Name] = int32(i)
	}
	out.router.Step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	return out
}

// pick returns the URL of the endpoint that serves key, "" for none.
func (p *picker) pick(placement, key string) string {
	route, _ := p.config.Match(key)
	route.Placement, route.Refuse = p.index[placement], core.ClassNone
	p.out = p.router.Step(0, &core.Event{Kind: core.Arrive, Epoch: p.router.Epoch(), Route: route}, p.out[:0])
	for i := range p.out {
		if d := &p.out[i]; d.Kind == core.Forward {
			url := p.router.Endpoint(d.Endpoint).URL
			p.router.Step(0, &core.Event{Kind: core.Finish, Handle: d.Handle, Status: 200}, p.out[:0])
			return url
		}
	}
	return ""
}
