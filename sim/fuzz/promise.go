package fuzz

import (
	"fmt"
	"slices"
	"time"

	"lockstep/core"
	"lockstep/sim"
)

// Promise is what the operator says must be true. A promise takes the place of
// the default property on the same matter, and is broken under its own name.
type Promise struct {
	Name   string
	Kind   PromiseKind
	Share  uint32        // in parts per million: SurviveLoss, the least answered; HomeFirst, the most refused
	Within core.Duration // SurviveLoss, Recover, FailOver: how long until it must be true again
	Probes uint32        // TestRequests: the most at once
}

// PromiseKind says what a promise is about.
type PromiseKind uint8

// The promises. Who may serve which keys is static, and proved elsewhere.
const (
	SurviveLoss  PromiseKind = iota + 1 // with any one placement down, requests are answered
	HomeFirst                           // guests of a lost placement do not crowd out those at home
	TestRequests                        // so many test requests at once to one endpoint
	Recover                             // Within after a fault has ended, requests are served at home again
	FailOver                            // Within after it failed, an endpoint gets no more than test requests
)

// probes is how many test requests at once are promised, and the name of that promise.
func (t *Target) probes() (name string, most uint32) {
	for _, p := range t.Must {
		if p.Kind == TestRequests {
			return p.Name, p.Probes
		}
	}
	return SingleProbe, 1
}

// losses lists what is promised of the loss of a placement; empty: N-1 is judged.
func (t *Target) losses() (list []Promise) {
	for _, p := range t.Must {
		if p.Kind == SurviveLoss || p.Kind == HomeFirst {
			list = append(list, p)
		}
	}
	return list
}

// within is the longest that a promise lets pass after a loss.
func (t *Target) within() (longest core.Duration) {
	for _, p := range t.Must {
		longest = max(longest, p.Within)
	}
	return longest
}

// judgeLoss returns the first promise, or else N-1, that the loss of a placement breaks.
func (t *Target) judgeLoss(c *Case, r *sim.Result, down *core.PlacementInfo) (f *Finding) {
	promises := t.losses()
	if len(promises) == 0 && !slices.Contains(t.Accept, NMinusOne) {
		f = t.judgeNMinus(c, r, down)
	}
	for i := range promises {
		p := &promises[i]
		switch {
		case f != nil || slices.Contains(t.Accept, p.Name):
		case p.Kind == SurviveLoss:
			f = t.judgeSurvival(p, r, down)
		case p.Kind == HomeFirst:
			f = t.judgeHome(p, r, down)
		}
	}
	if f != nil {
		f.Lost, f.Case, f.Result, f.Assumed = down.Name, *c, *r, t.assumed()
		f.WhatIf = "without " + down.Name
	}
	return f
}

func (t *Target) judgeSurvival(p *Promise, r *sim.Result, down *core.PlacementInfo) *Finding {
	from, refused := settled.Add(p.Within), uint64(0)
	var sum sim.Counts
	for i := range r.Windows {
		w := &r.Windows[i]
		if w.From < from {
			continue
		}
		sum.Arrivals, sum.OK = sum.Arrivals+w.Arrivals, sum.OK+w.OK
		refused += w.Refused
	}
	if sum.OK*million >= sum.Arrivals*uint64(p.Share) {
		return nil
	}
	f := &Finding{Property: p.Name, At: from, Broken: *p, Result: *r}
	f.Allowed = sum.Arrivals * uint64(million-p.Share) / million
	f.Promised = fmt.Sprintf("%s answered within %v of a loss", percent(p.Share), time.Duration(p.Within))
	if refused > 0 {
		t.blame(f, r, from, down)
	} else {
		f.Where, f.Sentence = down.Name, "requests fail because "+down.Name+" failed"
	}
	f.Sentence += fmt.Sprintf("; %s of all are answered", partOf(sum.OK, sum.Arrivals))
	f.Story = t.tellNMinus(f, down)
	return f
}

// judgeHome looks for those at home who were refused a slot that a guest held,
// from the loss to the end.
func (t *Target) judgeHome(p *Promise, r *sim.Result, down *core.PlacementInfo) *Finding {
	sum := since(r, settled)
	for n, name := range r.Placements {
		arrivals, crowded := sum.Placements[n].Arrivals, sum.Placements[n].HomeRefusedByGuests
		if crowded*million <= arrivals*uint64(p.Share) {
			continue
		}
		f := &Finding{Property: p.Name, At: crowdedAt(r, n), Where: name, Key: "placements." + name + ".limit.guests", Broken: *p, Result: *r}
		f.Allowed = arrivals * uint64(p.Share) / million
		f.event = "the first request at home is refused, a guest has its slot"
		f.Promised = fmt.Sprintf("at most %s of those at home refused because of guests", percent(p.Share))
		f.Sentence = fmt.Sprintf("%s's own requests are refused because %s failed: %s of them, for guests", name, down.Name, partOf(crowded, arrivals))
		if q, ok := find(&t.Spec, name); ok {
			f.Value = guestsNow(&q)
		}
		f.Story = t.tellNMinus(f, down)
		return f
	}
	return nil
}

// crowdedAt is the first window in which a guest held the slot of one at home.
func crowdedAt(r *sim.Result, n int) core.Time {
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= settled && w.Placements[n].HomeRefusedByGuests > 0 {
			return w.From
		}
	}
	return settled
}

// percent prints parts per million: 99.9 %.
func percent(share uint32) string { return fmt.Sprintf("%v %%", float64(share)/10_000) }
