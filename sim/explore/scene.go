package explore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
)

// World is a small world: what may happen in it, and in what numbers.
type World struct {
	Name string
	// Spec has two placements at most and three endpoints. Select, Jitter and
	// Health.Every are replaced: see README.md, "What is left out".
	Spec core.Spec
	// Requests is how many may come, at most maxRequests. Each may be for any home.
	Requests int
	// Crashes is how often the router may crash and start again from the last
	// configuration it adopted.
	Crashes int
}

// Judged names the properties that are checked at every transition.
const Judged = "R2 R3 R4 R5 R6 R8 R12"

// Bound says in words what an exploration of w covers, the number of requests apart.
func (w *World) Bound() string {
	endpoints := 0
	for i := range w.Spec.Placements {
		endpoints += len(w.Spec.Placements[i].Endpoints)
	}
	return fmt.Sprintf("%d placements, %d endpoints, requests for either, 1 push (an endpoint fewer if there are two, a limit of 1), %d crash; an attempt ends well, fails, breaks or loses its client; "+
		"an active probe per endpoint; time moves to each instant that matters and to 1 ns before it; states that differ in names of like endpoints count as one", len(w.Spec.Placements), endpoints, w.Crashes)
}

// Bounds of a world: beyond them a state no longer fits its array.
const (
	maxPlacements = 2
	maxEndpoints  = 3
	maxRequests   = 6
)

// horizon is the time that a run never reaches. What lies beyond it, which is
// an endpoint's second active probe, is the same as never.
const horizon = core.Time(24 * 3600 * core.Second)

// longest open time or timeout, so that no run comes near the horizon.
const longest = 1800 * core.Second

// StepFunc is Router.Step, or a stand-in with a planted bug.
type StepFunc func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision

// scene is what never changes while a world is explored.
type scene struct {
	configs    []*core.Config         // the first, then every alternative of the one push
	rows       [][]core.PlacementInfo // by configuration, placement
	placements []string
	ids        []identity
	in         [][]bool   // by configuration, endpoint: it is part of it
	keys       [][]uint64 // by home: a key for each of its endpoints, which prefers that endpoint
	requests   uint8
	restarts   uint8
	blank      *core.Router
	step       StepFunc
}

// identity is what decides which state survives a push (R12).
type identity struct {
	placement int8
	url       string
}

// newScene compiles a world.
func newScene(w *World, step StepFunc) (*scene, error) {
	s := &scene{step: step, requests: uint8(w.Requests), restarts: uint8(w.Crashes), blank: core.New(core.Options{Seed: 1, Strict: true})}
	if s.step == nil {
		s.step = (*core.Router).Step
	}
	if w.Requests < 0 || w.Requests > maxRequests {
		return nil, fmt.Errorf("exploring %s: %d requests cannot be explored: use 0 to %d", w.Name, w.Requests, maxRequests)
	}
	first := boundSpec(&w.Spec)
	for _, spec := range append([]core.Spec{first}, shrunk(&first)...) {
		c, err := core.Compile(spec)
		if err != nil {
			return nil, fmt.Errorf("exploring %s: %w", w.Name, err)
		}
		s.configs = append(s.configs, c)
	}
	if err := s.index(); err != nil {
		return nil, fmt.Errorf("exploring %s: %w", w.Name, err)
	}
	if err := s.findKeys(); err != nil {
		return nil, fmt.Errorf("exploring %s: %w", w.Name, err)
	}
	return s, s.findSeed()
}

// findSeed looks for a seed under which no endpoint has its second active
// probe before the horizon.
func (s *scene) findSeed() error {
	for seed := uint64(1); seed < 1000; seed++ {
		r := core.New(core.Options{Seed: seed, Strict: true})
		s.blank.CopyFrom(r)
		r.Step(0, &core.Event{Kind: core.Adopt, Config: s.configs[0], Epoch: epochs[0]}, nil)
		r.Step(0, &core.Event{Kind: core.Tick}, nil)
		first := core.Never
		for n := range int32(r.Endpoints()) {
			first = min(first, r.Endpoint(n).NextProbe)
		}
		if first > horizon {
			return nil
		}
	}
	return errors.New("exploring: no seed keeps the second active probe beyond the horizon")
}

// boundSpec replaces what would make endpoints of one placement unlike each
// other, or the world endless: hashed jitter, selection, periodic probes.
func boundSpec(from *core.Spec) core.Spec {
	s := *from
	s.Placements = slices.Clone(s.Placements)
	for i := range s.Placements {
		p := &s.Placements[i]
		plain(p)
		p.Select = core.Rendezvous
		p.Breaker.Jitter = 0
		p.Breaker.Open = min(p.Breaker.Open, longest)
		p.Breaker.OpenMax = min(p.Breaker.OpenMax, longest)
		p.Timeouts.Connect = min(p.Timeouts.Connect, longest)
		p.Timeouts.ResponseHeader = min(p.Timeouts.ResponseHeader, longest)
		p.Health.Timeout = min(p.Health.Timeout, longest)
		p.BodyMax = 0
		p.Endpoints = slices.Clone(p.Endpoints)
		for k := range p.Endpoints {
			p.Endpoints[k].Weight = 0
		}
		if !p.Health.Off {
			p.Health.Every, p.Health.Fall, p.Health.Rise = core.MaxDuration, 1, 1
		}
	}
	return s
}

// shrunk returns every alternative of the push: the first placement with more
// than one endpoint loses one of them and admits one request at a time. There
// is one alternative for each endpoint, so that renaming endpoints renames
// alternatives and no symmetry is lost. Without such a placement the push
// lowers the limit of the first, and no more.
func shrunk(from *core.Spec) []core.Spec {
	var out []core.Spec
	for i, p := range from.Placements {
		if len(p.Endpoints) < 2 {
			continue
		}
		for k := range p.Endpoints {
			s := *from
			s.Version = fmt.Sprintf("%s admits one at a time and loses %s", p.Name, p.Endpoints[k].URL)
			s.Placements = slices.Clone(s.Placements)
			s.Placements[i].Endpoints = slices.Delete(slices.Clone(p.Endpoints), k, k+1)
			s.Placements[i].Limit.InFlight = 1
			out = append(out, s)
		}
		return out
	}
	if len(from.Placements) > 0 {
		s := *from
		s.Version = fmt.Sprintf("%s admits one at a time", s.Placements[0].Name)
		s.Placements = slices.Clone(s.Placements)
		s.Placements[0].Limit.InFlight = 1
		out = append(out, s)
	}
	return out
}

// index names everything by small numbers that hold in every configuration.
func (s *scene) index() error {
	first := s.configs[0]
	if first.Placements() > maxPlacements || first.Endpoints() > maxEndpoints {
		return fmt.Errorf("%d placements and %d endpoints are too many: use at most %d and %d",
			first.Placements(), first.Endpoints(), maxPlacements, maxEndpoints)
	}
	for i := range first.Placements() {
		s.placements = append(s.placements, first.Placement(i).Name)
	}
	for i := range first.Endpoints() {
		e := first.Endpoint(i)
		s.ids = append(s.ids, identity{int8(e.Placement), e.URL})
	}
	for _, c := range s.configs {
		var rows []core.PlacementInfo
		for i := range c.Placements() {
			rows = append(rows, c.Placement(i))
		}
		in := make([]bool, len(s.ids))
		for i := range c.Endpoints() {
			e := c.Endpoint(i)
			in[slices.Index(s.ids, identity{int8(e.Placement), e.URL})] = true
		}
		s.rows, s.in = append(s.rows, rows), append(s.in, in)
	}
	return nil
}

// findKeys looks, for every endpoint, for a key that prefers it to its peers:
// the adversary then picks the endpoint, whatever policy the operator chose.
func (s *scene) findKeys() error {
	const tries = 1000
	s.keys = make([][]uint64, len(s.placements))
	for home := range s.placements {
		var found []int32
		peers := s.rows[0][home].EndEP - s.rows[0][home].FirstEP
		if peers > 2 {
			return errors.New("a placement of three endpoints has more orders of preference than one key for each: use at most two")
		}
		for key := uint64(0); len(found) < peers; key++ {
			if key == tries {
				return fmt.Errorf("no key prefers some endpoint of %s", s.placements[home])
			}
			r := core.New(core.Options{})
			r.Step(0, &core.Event{Kind: core.Adopt, Config: s.configs[0], Epoch: epochs[0]}, nil)
			out := r.Step(0, &core.Event{Kind: core.Arrive, Epoch: epochs[0], Route: core.Route{Hashes: core.Hashes{Key: key}, Placement: int32(home)}}, nil)
			d := out[len(out)-1]
			if d.Kind != core.Forward {
				return fmt.Errorf("an idle router refuses a request for %s as %s", s.placements[home], d.Class)
			}
			if !slices.Contains(found, d.Endpoint) {
				found = append(found, d.Endpoint)
				s.keys[home] = append(s.keys[home], key)
			}
		}
	}
	return nil
}

// short is an endpoint's URL as a story tells it.
func (s *scene) short(e int) string {
	return strings.TrimPrefix(strings.TrimPrefix(s.ids[e].url, "http://"), "https://")
}
