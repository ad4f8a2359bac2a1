package explore

import (
	"maps"
	"testing"
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
	if !r.Complete || r.Depth != 17 || r.Raw != 117592 || r.Reduced != 41164 || r.Transitions != 431400 {
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
