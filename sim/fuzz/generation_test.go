package fuzz

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/sim"
)

// searched runs so many cases of a search, a generation at a time.
func searched(s *Search, t *Target, cases int) {
	for cases > 0 {
		now := s.Generation()
		now = now[:min(len(now), cases)]
		cases -= len(now)
		var outcomes []Outcome
		for _, r := range now {
			outcomes = append(outcomes, Run(t, r))
		}
		s.Learn(now, outcomes)
	}
}

func TestASearchThatWasBrokenOffGoesOnAsIfItHadNotBeen(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	whole := NewSearch(1)
	searched(whole, target, 140)
	for _, cut := range []int{64, 100} {
		first := NewSearch(1)
		searched(first, target, cut)
		again := NewSearch(1)
		for _, r := range first.Corpus() {
			if !again.Keep(r, Run(target, r).States) {
				t.Errorf("%s reached nothing new when it was tried again", r)
			}
		}
		again.Resume(first.Next())
		searched(again, target, 140-cut)
		if d := cmp.Diff(whole.Corpus(), again.Corpus()); d != "" || whole.States() != again.States() || whole.Next() != again.Next() {
			t.Errorf("broken off after %d: %d states, not %d: %s", cut, again.States(), whole.States(), d)
		}
	}
}

func TestASteeredSearchReachesMoreStatesThanOneThatOnlyDraws(t *testing.T) {
	target := &Target{Name: "sound", Spec: sound()}
	const cases = 6 * GenerationSize
	steered := NewSearch(1)
	searched(steered, target, cases)
	var drawn sim.States
	for seed := range uint64(cases) {
		drawn.Merge(Run(target, Recipe{1 + seed}).States)
	}
	t.Logf("%d states steered, %d drawn", steered.States(), drawn.Count())
	if steered.States() <= drawn.Count() {
		t.Errorf("%d states steered, %d drawn", steered.States(), drawn.Count())
	}
	if !slices.ContainsFunc(steered.Corpus(), func(r Recipe) bool { return len(r) > 2 }) {
		t.Error("no case of the corpus has a parent that has a parent")
	}
}

func TestARecipeReadsAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Recipe(rapid.SliceOfN(rapid.Uint64(), 1, MaxRecipe).Draw(t, "recipe"))
		if back, err := ParseRecipe(r.String()); err != nil || !slices.Equal(back, r) {
			t.Fatalf("%s reads as %s, %v", r, back, err)
		}
	})
	for _, text := range []string{"", "x", "1+", "1 + 2", "-1", "18446744073709551616", Recipe(make([]uint64, MaxRecipe+1)).String()} {
		if r, err := ParseRecipe(text); err == nil {
			t.Errorf("%q reads as %s", text, r)
		}
	}
}

func TestAChoiceThatIsAddedOrDrawnAnewMovesNoOther(t *testing.T) {
	plain, more := NewSeeded(7), NewSeeded(7)
	for range 20 {
		more.Range(0, 9, "added")
		if a, b := plain.Range(0, 1_000_000, "old"), more.Range(0, 1_000_000, "old"); a != b {
			t.Fatalf("drew %d and %d", a, b)
		}
	}
	same, all := 0, 0
	for seed := range uint64(200) {
		parent, child := Recipe{7}.Draw(), Recipe{7, seed}.Draw()
		for _, label := range []string{"fault 0/at", "fault 0/for", "fault 1/at", "client 0/rate"} {
			all++
			if parent.Range(0, 1<<40, label) == child.Range(0, 1<<40, label) {
				same++
			}
		}
	}
	if same < all/2 || same > all*9/10 {
		t.Errorf("of %d choices a second seed leaves %d", all, same)
	}
}

func TestTargetsThatMakeOtherCasesHaveOtherIdentities(t *testing.T) {
	a, renamed, other := &Target{Name: "a", Spec: sound()}, &Target{Name: "b", Spec: sound()}, &Target{Name: "a", Spec: sound()}
	other.Spec.Placements[0].Breaker.Failures = 3
	x, err := a.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if y, _ := renamed.Identity(); y != x {
		t.Error("the name of a file changes its identity")
	}
	if y, _ := other.Identity(); y == x {
		t.Error("two configurations have one identity")
	}
}
