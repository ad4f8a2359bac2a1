package explore

import (
	"maps"
	"testing"

	"lockstep/core"
)

func TestNoReachableStateOfTheBuiltInWorldBreaksARule(t *testing.T) {
	r, err := Explore(BuiltIn(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Violation != nil {
		t.Fatalf("%v\n%q", r.Violation, r.Story)
	}
	// The counts are pinned: a change says that the world or the rules changed.
	if !r.Complete || r.Depth != 17 || r.Raw != 114503 || r.Reduced != 40320 || r.Transitions != 421930 {
		t.Errorf("explored otherwise than before: %+v", *r)
	}
}

// The reduction is sound if following one of the states that are alike reaches
// as much as following each.
func TestTheReductionReachesWhatEveryRawStateReaches(t *testing.T) {
	for depth := range 6 {
		fewer, err := explore(BuiltIn(), Options{Depth: depth + 1})
		if err != nil {
			t.Fatal(err)
		}
		all, err := explore(BuiltIn(), Options{Depth: depth + 1, Raw: true})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(fewer.seen, all.seen) {
			t.Fatalf("depth %d: %d states up to likeness, %d when every raw state is followed", depth+1, len(fewer.seen), len(all.seen))
		}
		if len(all.met) < len(all.seen) {
			t.Fatalf("depth %d: fewer raw states than reduced ones", depth+1)
		}
	}
}

func TestAWorldThatIsTooLargeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*World){
		"less than none":    func(w *World) { w.Requests = -1 },
		"seven requests":    func(w *World) { w.Requests = 7 },
		"four endpoints":    func(w *World) { w.Spec.Placements[1].Endpoints = w.Spec.Placements[0].Endpoints },
		"nothing to follow": func(w *World) { w.Spec.Placements = nil },
	} {
		w := BuiltIn()
		change(w)
		if _, err := Explore(w, Options{Depth: 1}); err == nil {
			t.Errorf("%s: explored", name)
		}
	}
}

// A world in which nothing happens proves nothing.
func TestTheBuiltInWorldReachesWhatTheRulesAreAbout(t *testing.T) {
	reached := map[string]bool{}
	step := func(r *core.Router, now core.Time, ev *core.Event, out []core.Decision) []core.Decision {
		old := r.InFlight()
		out = r.Step(now, ev, out)
		for i := range out {
			d := &out[i]
			reached[d.Kind.String()] = true
			switch d.Kind {
			case core.Reject:
				reached["refused as "+d.Class.String()] = true
			case core.Forward:
				reached["failover: "+d.Failover.String()] = true
				reached["last resort"] = reached["last resort"] || r.Endpoint(d.Endpoint).Unhealthy
			case core.NoteOpened:
				reached["a relapse"] = reached["a relapse"] || r.Endpoint(d.Endpoint).Reopened > 0
			case core.NoteAdopted:
				reached["a push over requests in flight"] = reached["a push over requests in flight"] || old > 0
			case core.NoteIgnored:
				reached["ignored: "+d.Cause.String()] = true
			}
		}
		for n := range int32(r.Endpoints()) {
			v := r.Endpoint(n)
			reached["an endpoint retires"] = reached["an endpoint retires"] || v.URL != "" && v.Index < 0
		}
		return out
	}
	if _, err := Explore(BuiltIn(), Options{Step: step}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"forward", "ack", "nack", "close_idle", "probe", "opened", "half_opened", "closed", "healthy", "unhealthy", "adopted", "retired",
		"refused as limit", "refused as circuit_open", "failover: circuit_open", "failover: upstream_unhealthy", "failover: concurrency_limit",
		"last resort", "a relapse", "a push over requests in flight", "an endpoint retires", "ignored: old_generation",
	} {
		if !reached[want] {
			t.Errorf("never reached: %s", want)
		}
	}
}
