package explore

import (
	"strings"
	"testing"

	"lockstep/core"
)

// twisted compiles the configurations of the world with a setting that the
// rules do not know of: the router then behaves as one with a bug would.
func twisted(t *testing.T, change func(p *core.PlacementSpec)) StepFunc {
	t.Helper()
	honest, err := newScene(BuiltIn(), nil)
	if err != nil {
		t.Fatal(err)
	}
	swap := map[uint64]*core.Config{}
	first := boundSpec(&BuiltIn().Spec)
	for i, spec := range append([]core.Spec{first}, shrunk(&first)...) {
		for k := range spec.Placements {
			change(&spec.Placements[k])
		}
		c, err := core.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		swap[honest.configs[i].Digest()] = c
	}
	return func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision {
		if ev.Kind == core.Adopt && ev.Config != nil {
			e := *ev
			e.Config = swap[ev.Config.Digest()]
			return r.Step(now, &e, out)
		}
		return r.Step(now, ev, out)
	}
}

// wrapped changes events before the router sees them.
func wrapped(change func(r *core.Router, ev *core.Event)) StepFunc {
	return func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision {
		e := *ev
		change(r, &e)
		return r.Step(now, &e, out)
	}
}

func TestPlantedBugsAreFoundByTheShortestStory(t *testing.T) {
	for _, c := range []struct {
		bug      string
		step     StepFunc
		property string
		lines    int
		detail   string
	}{
		{"one more than the limit is admitted", twisted(t, func(p *core.PlacementSpec) { p.Limit.InFlight++ }), "R5", 3, "cell took more requests than in_flight"},
		{"guests are not counted", twisted(t, func(p *core.PlacementSpec) { p.Limit.Guests = 0 }), "R5", 4, "tier took more guests than its cap"},
		{"two half-open probes are admitted", twisted(t, func(p *core.PlacementSpec) { p.Breaker.Probes = 2 }), "R6", 6, "a half-open probe too many"},
		{"a breaker ends its open time early", twisted(t, func(p *core.PlacementSpec) { p.Breaker.Open = core.Second }), "R6", 2, "is open until"},
		{"a breaker never trips", twisted(t, func(p *core.PlacementSpec) { p.Breaker.Failures = 9 }), "R6", 2, "the breaker of"},
		{"a last resort is refused", twisted(t, func(p *core.PlacementSpec) { p.LastResort = core.RefuseLastResort }), "R3", 1, "refused as"},
		{"a client that leaves counts as a failure", wrapped(func(_ *core.Router, ev *core.Event) {
			if ev.Kind == core.Finish && ev.Class == core.ClientGone {
				ev.Class = core.ResponseTimeout
			}
		}), "R6", 2, "the breaker of"},
		{"a half-open probe whose client leaves keeps its slot", wrapped(func(r *core.Router, ev *core.Event) {
			if a, _ := r.Attempt(ev.Handle); ev.Kind == core.Finish && ev.Class == core.ClientGone && a.Probe {
				ev.Kind = core.Tick
			}
		}), "R4", 6, "slots are taken"},
		{"a stale push is adopted", wrapped(func(_ *core.Router, ev *core.Event) {
			if ev.Kind == core.Adopt && ev.Epoch.Number == 1 {
				ev.Epoch = core.Epoch{}
			}
		}), "R12", 1, "a stale push changed the state"},
		{"a refused request leaves a mark", func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision {
			out = r.Step(now, ev, out)
			if n := len(out); n > 0 && out[n-1].Kind == core.Reject {
				r.Step(now, &core.Event{Kind: core.Drain, Deadline: now + 1}, nil)
			}
			return out
		}, "R2", 3, "a refused request changed the state"},
		{"a broken invariant", func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision {
			if ev.Kind == core.Reply {
				panic("planted")
			}
			return r.Step(now, ev, out)
		}, "R16", 2, "the router panicked: planted"},
	} {
		r, err := Explore(BuiltIn(), Options{Step: c.step, Depth: 9})
		if err != nil {
			t.Fatal(err)
		}
		if r.Violation == nil {
			t.Errorf("%s: not found in %d states", c.bug, r.Reduced)
			continue
		}
		story := strings.Join(r.Story, "\n\t")
		if v := r.Violation; v.Property != c.property || !strings.Contains(v.Detail, c.detail) || len(r.Story) != c.lines {
			t.Errorf("%s: found as %s, %s, want %s in %d lines:\n\t%s", c.bug, v.Property, v.Detail, c.property, c.lines, story)
		}
	}
}
