package core_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
)

// stream draws inputs for one router: mostly sensible ones, some garbage.
type stream struct {
	t       *rapid.T
	configs []*core.Config
	now     core.Time
	flying  []core.Handle
	probes  []core.Decision
}

func drawStream(t *rapid.T) *stream {
	s := &stream{t: t}
	for range rapid.IntRange(1, 3).Draw(t, "configs") {
		s.configs = append(s.configs, drawConfig(t))
	}
	return s
}

func drawConfig(t *rapid.T) *core.Config {
	names := []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "placements")]
	small := func(label string, hi int) int { return rapid.IntRange(0, hi).Draw(t, label) }
	spec := core.Spec{Version: rapid.StringMatching("v[0-9]").Draw(t, "version"), ChainFallbacks: rapid.Bool().Draw(t, "chain")}
	if rapid.Bool().Draw(t, "default") {
		spec.Default = names[0]
	}
	for i, name := range names {
		limit := int32(small("limit", 4))
		p := core.PlacementSpec{
			Name: name, Select: core.Policy(small("select", 3)), LastResort: core.LastResort(small("resort", 1)),
			Limit:   core.LimitSpec{InFlight: limit, Guests: int32(small("guests", int(limit)+1)) - 1, WhenFull: core.WhenFull(small("full", 1))},
			BodyMax: int64(small("body", 2)) * 100,
			Breaker: core.BreakerSpec{
				Off: small("breaker off", 9) == 0, Failures: uint32(small("failures", 3)), Open: core.Duration(small("open", 3)) * core.Second,
				Growth: []uint32{0, 1_500_000, 2_000_000}[small("growth", 2)], Jitter: uint32(small("jitter", 1)) * 200_000,
				Probes: uint32(small("probes", 3)), Successes: uint32(small("successes", 2)), MaxOpenPercent: []uint32{0, 1, 50}[small("max open", 2)],
			},
			Health: core.HealthSpec{Off: rapid.Bool().Draw(t, "health off"), Every: core.Duration(small("every", 3)) * core.Second, StartUnhealthy: small("start", 9) == 0},
		}
		for j := range rapid.IntRange(1, 3).Draw(t, "endpoints") {
			p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: "http://" + name + string(rune('0'+(j+small("shift", 1))*2+j)), Weight: uint32(small("weight", 3)) * 50})
		}
		if f := names[small("fallback", len(names)-1)]; f != name {
			p.Fallback = []string{f}
		}
		spec.Placements = append(spec.Placements, p)
		spec.Keys = append(spec.Keys, core.KeySpec{Key: "k" + string(rune('0'+i)), Placement: name})
	}
	c, err := core.Compile(spec)
	if err != nil {
		t.Skip(err) // two endpoints drew one URL
	}
	return c
}

// event draws the next input for r.
func (s *stream) event(r *core.Router) core.Event {
	t := s.t
	s.now += core.Time(rapid.SampledFrom([]core.Duration{0, 1, core.Millisecond, core.Second, 7 * core.Second, 100 * core.Second}).Draw(t, "pass"))
	switch rapid.IntRange(0, 15).Draw(t, "kind") {
	case 0, 1, 2, 3, 4, 5:
		ev := core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Request: rapid.Uint64Range(0, 99).Draw(t, "request"), Length: rapid.Int64Range(-1, 250).Draw(t, "length")}
		if c := r.Config(); c != nil {
			ev.Route, _ = c.Match(rapid.SampledFrom([]string{"", "k0", "k1", "k2", "k3", "other"}).Draw(t, "key"))
		}
		return ev
	case 6, 7, 8, 9:
		return core.Event{Kind: core.Finish, Handle: s.handle(true), Class: core.Class(rapid.SampledFrom([]int{0, 0, 0, 11, 14, 18, 21, 99}).Draw(t, "class")), Status: uint16(rapid.SampledFrom([]int{200, 200, 404, 500, 503, 0, 900}).Draw(t, "status"))}
	case 10:
		return core.Event{Kind: core.Reply, Handle: s.handle(false), Status: uint16(rapid.SampledFrom([]int{200, 500, 7}).Draw(t, "status"))}
	case 11:
		if len(s.probes) == 0 {
			return core.Event{Kind: core.Probed, Endpoint: rapid.Int32().Draw(t, "endpoint"), Token: 1}
		}
		i := rapid.IntRange(0, len(s.probes)-1).Draw(t, "probe")
		return core.Event{Kind: core.Probed, Endpoint: s.probes[i].Endpoint, Token: s.probes[i].Token, OK: rapid.Bool().Draw(t, "ok")}
	case 12:
		ev := core.Event{Kind: core.Adopt, Config: rapid.SampledFrom(s.configs).Draw(t, "config")}
		ev.Epoch = core.Epoch{Number: rapid.Uint64Range(0, 4).Draw(t, "number")}
		ev.Fault = core.Fault(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "fault"))
		return ev
	case 13:
		if rapid.IntRange(0, 20).Draw(t, "drain") == 0 {
			return core.Event{Kind: core.Drain, Deadline: s.now.Add(core.Second)}
		}
		return core.Event{Kind: core.Control, OK: rapid.Bool().Draw(t, "up")}
	case 14:
		return core.Event{
			Kind: core.EventKind(rapid.Uint8().Draw(t, "any kind")), Handle: core.Handle{Slot: rapid.Uint32().Draw(t, "slot"), Gen: 1},
			Route: core.Route{Placement: rapid.Int32().Draw(t, "placement")}, Endpoint: rapid.Int32().Draw(t, "endpoint"), Epoch: r.Epoch(),
		}
	}
	return core.Event{Kind: core.Tick}
}

// handle draws an attempt in flight, or now and then one that is not.
func (s *stream) handle(take bool) core.Handle {
	if len(s.flying) == 0 || rapid.IntRange(0, 9).Draw(s.t, "stray") == 0 {
		return core.Handle{Slot: rapid.Uint32Range(0, 5).Draw(s.t, "slot"), Gen: rapid.Uint32Range(0, 9).Draw(s.t, "gen")}
	}
	i := rapid.IntRange(0, len(s.flying)-1).Draw(s.t, "attempt")
	h := s.flying[i]
	if take {
		s.flying = append(s.flying[:i], s.flying[i+1:]...)
	}
	return h
}

// learn keeps what later events may name.
func (s *stream) learn(out []core.Decision) {
	for _, d := range out {
		switch d.Kind {
		case core.Forward:
			s.flying = append(s.flying, d.Handle)
		case core.Probe:
			s.probes = append(s.probes, d)
		}
	}
}

// TestARestoredRouterIsTheSameRouter restores from a snapshot after every step
// and runs original and copy side by side: same decisions, digests, deadlines.
func TestARestoredRouterIsTheSameRouter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r := core.New(core.Options{Seed: 3, Strict: true})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			snapshot := r.Snapshot(nil)
			twin, err := core.Restore(snapshot, r.Config(), true)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(snapshot, twin.Snapshot(nil)); diff != "" {
				t.Fatalf("the snapshot of the copy differs: %s", diff)
			}
			ev := s.event(r)
			out := r.Step(s.now, &ev, nil)
			if diff := cmp.Diff(out, twin.Step(s.now, &ev, nil)); diff != "" {
				t.Fatalf("%v: the copy decides otherwise: %s", ev.Kind, diff)
			}
			if r.Digest() != twin.Digest() || r.Deadline() != twin.Deadline() {
				t.Fatalf("%v: the copy has digest %x deadline %d, the original %x %d", ev.Kind, twin.Digest(), twin.Deadline(), r.Digest(), r.Deadline())
			}
			s.learn(out)
		}
	})
}

// TestARefusedPushLeavesTheDigestUnchanged holds that an input that was
// refused, a push or a request, moves nothing.
func TestARefusedPushLeavesTheDigestUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r := core.New(core.Options{Strict: true})
		for range 40 {
			ev := s.event(r)
			r.Step(s.now, &core.Event{Kind: core.Tick}, nil) // deadlines first, so that only the event is left
			before := r.Digest()
			out := r.Step(s.now, &ev, nil)
			s.learn(out)
			last := core.Decision{}
			if len(out) > 0 {
				last = out[len(out)-1]
			}
			if (last.Kind == core.Nack || last.Kind == core.Reject || last.Kind == core.NoteControl) && r.Digest() != before {
				t.Fatalf("%v answered %v changed the digest", ev.Kind, last.Kind)
			}
		}
	})
}

// TestEverySubsequenceOfATraceRuns drops events at random: shrinking needs that nothing panics.
func TestEverySubsequenceOfATraceRuns(t *testing.T) {
	type timed struct {
		now core.Time
		ev  core.Event
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r := core.New(core.Options{Strict: true})
		var all []timed
		for range 60 {
			ev := s.event(r)
			all = append(all, timed{s.now, ev})
			s.learn(r.Step(s.now, &ev, nil))
		}
		again := core.New(core.Options{Strict: true})
		for _, e := range all {
			if rapid.Bool().Draw(t, "keep") {
				again.Step(e.now, &e.ev, nil)
			}
		}
	})
}

// TestExtraTicksAreHarmless compares a router that gets a Tick at
// every instant with one that gets none: a late Step fires the same deadlines.
func TestExtraTicksAreHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r, ticked := core.New(core.Options{Strict: true}), core.New(core.Options{Strict: true})
		for range 60 {
			ev := s.event(r)
			early := ticked.Step(s.now, &core.Event{Kind: core.Tick}, nil)
			again := ticked.Step(s.now, &core.Event{Kind: core.Tick}, nil)
			if ticked.Deadline() > s.now && len(again) > 0 {
				t.Fatalf("a second tick at one time decided %v", again)
			}
			out := r.Step(s.now, &ev, nil)
			rest := ticked.Step(s.now, &ev, append(early, again...))
			if r.Draining() {
				return // a drain's batches are spread over ticks
			}
			if diff := cmp.Diff(out, rest); diff != "" {
				t.Fatalf("with ticks it decides otherwise: %s", diff)
			}
			s.learn(out)
		}
	})
}
