package fuzz

import (
	"encoding/json"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// GenerationSize is how many cases are drawn from one state of the corpus.
const GenerationSize = 64

// newShare: one case in so many is new; the rest change one of the corpus.
const newShare = 2

// Search draws cases, generation after generation. Cases that reached something
// new are kept as a corpus, and later cases are cases of it with some choices
// drawn anew. A generation depends on the first seed and on the outcomes of the
// generations before it, and on nothing else: neither on how many cases run at
// once nor on the time.
type Search struct {
	first, next uint64
	corpus      []Recipe
	states      sim.States
}

// NewSearch returns a search whose first case is that of the seed first.
func NewSearch(first uint64) *Search { return &Search{first: first, next: first} }

// Resume makes the search go on at the seed next, as if it had come there by
// itself. What its corpus reached has to be kept again before: see Keep.
func (s *Search) Resume(next uint64) { s.next = max(next, s.first) }

// First returns the seed of the first case.
func (s *Search) First() uint64 { return s.first }

// Next returns the seed of the first case that was not learned from.
func (s *Search) Next() uint64 { return s.next }

// Corpus returns the cases kept so far, oldest first. It is the search's own.
func (s *Search) Corpus() []Recipe { return s.corpus }

// States returns how many states and transitions the cases reached: see sim.States.
func (s *Search) States() int { return s.states.Count() }

// Generation returns the cases to run next, one for each seed that is left of
// the generation.
func (s *Search) Generation() (cases []Recipe) {
	done := (s.next - s.first) % GenerationSize
	begin := s.next - done
	parents := slices.DeleteFunc(slices.Clone(s.corpus), func(r Recipe) bool {
		last := r[len(r)-1]
		return last >= begin && last < s.next // of this generation
	})
	for i := range GenerationSize - done {
		cases = append(cases, childOf(parents, s.next+i))
	}
	return cases
}

// childOf is the case of a seed: a new one, or a parent changed. Of two parents
// the later is taken, which knows more of how to reach what is rare.
func childOf(parents []Recipe, seed uint64) Recipe {
	c := chooser{part{NewSeeded(seed), "search"}}
	if len(parents) == 0 || c.oneIn(newShare, "new") {
		return Recipe{seed}
	}
	last := uint64(len(parents) - 1)
	parent := parents[max(c.Range(0, last, "parent"), c.Range(0, last, "parent"))]
	if len(parent) == MaxRecipe {
		return Recipe{seed}
	}
	return append(slices.Clone(parent), seed)
}

// Learn takes the outcomes of a generation, or of its first cases, in order.
func (s *Search) Learn(cases []Recipe, outcomes []Outcome) {
	for i := range outcomes {
		s.Keep(cases[i], outcomes[i].States)
	}
	s.next += uint64(len(outcomes))
}

// Keep adds a case to the corpus if it reached something new. It reports whether it did.
func (s *Search) Keep(r Recipe, reached *sim.States) bool {
	if reached == nil || s.states.Merge(reached) == 0 {
		return false
	}
	s.corpus = append(s.corpus, r)
	return true
}

// Identity tells targets and generators apart that make other cases of equal
// recipes: it is a hash of the configuration and of what the first seeds give.
func (t *Target) Identity() (uint64, error) {
	c, err := core.Compile(t.Spec)
	if err != nil {
		return 0, err
	}
	const seeds = 16
	id := c.Digest()
	for seed := range uint64(seeds) {
		made := Generate(NewSeeded(seed), t, seed)
		made.Plan.Name = ""
		text, err := json.Marshal(made.Plan)
		if err != nil {
			return 0, err
		}
		id = mix(id, hashOf(string(text)))
	}
	return id, nil
}
