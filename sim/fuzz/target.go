package fuzz

import (
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// Target is what a search attacks: one configuration and what its operator
// says about the fleet.
type Target struct {
	Name  string
	Spec  core.Spec // valid; see Reduce
	Facts Facts
	// Must is what the operator promises, empty for the default properties.
	Must []Promise
	// Region is that of a routing key, and Labels are those of placements: promises
	// name them. Both may be nil.
	Region func(via uint16, key string) string
	Labels map[string]map[string]string
	// MayServe says whether keys of a home may be served by another placement;
	// nil: by any. No change that is tried lets others serve them.
	MayServe func(home, by string) bool
	// Accept names properties that this search leaves out.
	Accept []string

	// Stop, when set, ends a run that is under way: its Outcome has sim.ErrStopped.
	Stop func() bool

	trial  bool              // a change is being tried: what-if runs go without the checkers
	tamper func() sim.Tamper // of tests: a planted bug
}

// maxKeys is how many routing keys of a placement a search sends. A key decides
// no more than its home and its draws, and compiling a million for each run
// would leave no time for running.
const maxKeys = 64

// Reduce returns s with at most maxKeys keys of each placement, and of each
// split, in each table.
func Reduce(s core.Spec) core.Spec {
	s.Keys, s.Tables = reduced(s.Keys, len(s.Placements)), slices.Clone(s.Tables)
	for i := range s.Tables {
		s.Tables[i].Keys = reduced(s.Tables[i].Keys, len(s.Placements))
	}
	return s
}

func reduced(keys []core.KeySpec, placements int) []core.KeySpec {
	kept := map[string]int{}
	out := make([]core.KeySpec, 0, min(len(keys), maxKeys*placements))
	for _, k := range keys {
		if kept[k.Placement]++; kept[k.Placement] <= maxKeys {
			out = append(out, k)
		}
	}
	return out
}

// Facts is what the operator knows and the configuration does not serve from.
type Facts struct {
	Routers int             // smallest number that shares the peak; 0: not stated, 1 is assumed
	Peak    map[string]Load // by home placement, over the whole fleet; empty: not stated
}

// Load is the highest load that the keys of one placement bring.
type Load struct {
	PerSecond int64
	Latency   core.Duration // of one request: PerSecond x Latency are in flight
}

// Case is one plan to run, with a note for each of its pushes.
type Case struct {
	Seed     uint64
	Recipe   Recipe // how it was drawn; nil when it was not
	Plan     sim.Plan
	Notes    []string     // parallel to Plan.Pushes: what each changes, in words
	Extremes []string     // settings that are not the operator's but pushed to an extreme, in words
	Relation sim.Relation // that the case is held against as well
	Loss     *Loss        // a case of N-1, nil for others
}

// Finding is one broken property.
type Finding struct {
	Property string
	Sentence string // what is wrong, for the operator
	Key      string // configuration key responsible, in the names of the native form; "" for none
	Value    string // what that key does now, "" when unknown
	Assumed  string
	Promised string    // what was, "" for the property's own word
	Broken   Promise   // the promise broken, zero for a default property
	Allowed  uint64    // SurviveLoss, HomeFirst: how many requests the promise lets fail
	Lost     string    // what was taken down to try N-1, "" for a finding of the search
	WhatIf   string    // the what-if run that found it, "" for the search
	Drill    *Drill    // by which it was judged, nil for none
	Endpoint string    // of Where, that alone is concerned; "" for all
	At       core.Time // when it was first seen
	Where    string    // placement that it concerns, "" for none
	Story    []Line
	Case     Case
	small    *Case // Case with its configuration reduced; nil when that was not tried
	Result   sim.Result
	event    string // what happens at At, "" when Sentence says it
	shared   bool   // the placement that should take over shares servers with what failed
	fixes    []fix  // what could remove it, the likeliest first; nil: see Target.changes
}

// Line is one line of a story.
type Line struct {
	When string `json:"when"` // relative to the first fault, push or burst; or before, steady
	Text string `json:"text"`
}
