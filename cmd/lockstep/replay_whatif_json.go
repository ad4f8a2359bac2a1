package main

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces/whatif"
)

// whatIfJSON is a what-if for machines.
type whatIfJSON struct {
	OK        bool                `json:"ok"`
	Config    string              `json:"config"`
	Version   string              `json:"version,omitempty"`
	Routers   int                 `json:"routers"`
	From      int64               `json:"from_ns"`
	To        int64               `json:"to_ns"`
	Events    uint64              `json:"events"`
	Requests  uint64              `json:"requests_compared"`
	Recorded  tallyJSON           `json:"recorded"`
	WhatIf    tallyJSON           `json:"what_if"`
	Decisions whatif.Shares       `json:"decisions"`
	Outcomes  whatif.Shares       `json:"outcomes"`
	Worst     whatif.Shares       `json:"requests"`
	Changed   uint64              `json:"changed"`
	Statuses  uint64              `json:"statuses_changed"`
	Moves     []moveJSON          `json:"moves"`
	Told      []statusJSON        `json:"statuses"`
	Keys      []keyChangeJSON     `json:"keys"`
	KeysMore  uint64              `json:"changes_of_further_keys,omitempty"`
	Places    []placeJSON         `json:"placements"`
	Assumed   whatif.Assumed      `json:"assumed"`
	Words     []string            `json:"assumed_words"`
	Damage    []string            `json:"not_judged,omitempty"`
	Gaps      []gapJSON           `json:"gaps,omitempty"`
	Gate      *whatif.GateVerdict `json:"gate,omitempty"`
}

type tallyJSON struct {
	whatif.Tally
	ByClass  map[string]uint64 `json:"by_class"`
	ByStatus map[int]uint64    `json:"by_status"`
}

type moveJSON struct {
	From     string        `json:"from"`
	To       string        `json:"to"`
	Requests uint64        `json:"requests"`
	Labels   whatif.Shares `json:"decisions"`
	Examples []exampleJSON `json:"examples"`
}

type statusJSON struct {
	From     uint16        `json:"from"`
	To       uint16        `json:"to"`
	Requests uint64        `json:"requests"`
	Labels   whatif.Shares `json:"labels"`
	Examples []exampleJSON `json:"examples"`
}

type keyChangeJSON struct {
	Key      string `json:"key"`
	Moved    uint64 `json:"changed"`
	Statuses uint64 `json:"statuses_changed"`
	Refused  int64  `json:"refusals"`
	Errors   int64  `json:"errors"`
}

type exampleJSON struct {
	Router string `json:"router"`
	ID     string `json:"id"`
	Key    string `json:"key"`
	Step   uint64 `json:"step"`
	T      int64  `json:"t"`
	Label  string `json:"label"`
	Why    string `json:"why,omitempty"`
}

// keysInJSON bounds what a program must read.
const keysInJSON = 10_000

func (o *whatIf) json() whatIfJSON {
	r := o.result
	out := whatIfJSON{
		OK: !o.broken() && (o.gate == nil || o.gate.Passed), Config: o.config, Version: o.version, Routers: o.routers, From: r.From, To: r.To,
		Events: r.Facts, Requests: r.Requests, Recorded: tallyOf(&r.Before), WhatIf: tallyOf(&r.After),
		Decisions: r.Decisions, Outcomes: r.Outcomes, Worst: r.Worst, Changed: r.Moved, Statuses: r.Statuses,
		Moves: []moveJSON{}, Told: []statusJSON{}, Keys: []keyChangeJSON{},
		KeysMore: r.KeysMore, Places: o.places(), Assumed: r.Assumed, Words: o.assumed(), Damage: o.damage, Gate: o.gate,
	}
	for _, m := range r.Moves() {
		out.Moves = append(out.Moves, moveJSON{m.From.String(), m.To.String(), m.Requests, m.Labels, examplesOf(m.Examples)})
	}
	for _, m := range r.StatusChanges() {
		out.Told = append(out.Told, statusJSON{m.From, m.To, m.Requests, m.Labels, examplesOf(m.Examples)})
	}
	keys := r.Keys()
	for _, k := range keys[:min(len(keys), keysInJSON)] {
		out.Keys = append(out.Keys, keyChangeJSON(*k))
	}
	for i := range r.Routers {
		for _, g := range r.Routers[i].Report.Gaps {
			out.Gaps = append(out.Gaps, gapJSON(g))
		}
	}
	return out
}

func tallyOf(t *whatif.Tally) tallyJSON {
	out := tallyJSON{Tally: *t, ByClass: map[string]uint64{}, ByStatus: map[int]uint64{}}
	for c, n := range t.Classes {
		if n > 0 {
			out.ByClass[core.Class(c).String()] = n
		}
	}
	for s, n := range t.Statuses {
		if n > 0 {
			out.ByStatus[s] = n
		}
	}
	return out
}

func examplesOf(all []whatif.Example) []exampleJSON {
	out := make([]exampleJSON, len(all))
	for i, e := range all {
		out[i] = exampleJSON{e.Router, fmt.Sprintf("%016x%016x", e.ID[0], e.ID[1]), e.Key, e.Step, int64(e.Time), e.Label.String(), e.Why}
	}
	return out
}
