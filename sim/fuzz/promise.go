package fuzz

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// Promise is what the operator says must be true. A promise takes the place of
// the default property on the same matter, and is broken under its own name.
type Promise = promise.Promise

// The promises that runs decide. What a configuration alone decides is proved elsewhere.
const (
	SurviveLoss  = promise.SurviveLoss
	HomeFirst    = promise.HomeFirst
	TestRequests = promise.TestRequests
	Recover      = promise.Recover
	FailOver     = promise.FailOver
	Available    = promise.Available
	Latency      = promise.Latency
)

// probes is how many test requests at once are promised, and the name of that promise.
func (t *Target) probes() (name string, most uint32) {
	for _, p := range t.Must {
		if p.Kind == TestRequests {
			return p.Name, p.Most
		}
	}
	return SingleProbe, 1
}

// losses lists what is promised of a loss; empty: N-1 is judged.
func (t *Target) losses() (list []Promise) {
	for _, p := range t.Must {
		if p.Lose.Count > 0 || p.Kind == HomeFirst {
			list = append(list, p)
		}
	}
	return list
}

// calm lists what is promised of the peak with nothing down: it is judged
// before each loss.
func (t *Target) calm() (list []Promise) {
	for _, p := range t.Must {
		if p.Lose.Count == 0 && (p.Kind == Available || p.Kind == Latency) {
			list = append(list, p)
		}
	}
	return list
}

// within is the longest that a promise lets pass after a loss.
func (t *Target) within() (longest core.Duration) {
	for _, p := range t.losses() {
		longest = max(longest, p.Within)
	}
	return longest
}

// judgeLoss returns the first promise, or else N-1, that a loss breaks.
func (t *Target) judgeLoss(c *Case, r *sim.Result, down *core.PlacementInfo) (f *Finding) {
	l := c.Loss
	if l.single() && len(t.losses()) == 0 && !slices.Contains(t.Accept, NMinusOne) {
		f = t.judgeNMinus(c, r, down)
	}
	for _, v := range l.verdicts() {
		if f != nil || v.State != promise.Broken || slices.Contains(t.Accept, v.Promise.Name) {
			continue
		}
		switch p := v.Promise; {
		case p.Kind == HomeFirst && l.single():
			f = t.judgeHome(&v, r, down)
		case p.Lose.Count > 0:
			f = t.judgeSurvival(&v, r, down)
		case p.Kind == Available || p.Kind == Latency:
			f = t.judgeCalm(&v, r)
		}
	}
	if f != nil {
		f.Lost, f.Case, f.Result, f.Assumed = l.String(), *c, *r, t.assumed()
		f.WhatIf = "without " + f.Lost
		if l.uneven {
			f.Assumed += "; answers take up to a tenth more or less than stated"
		}
		if d := (Drill{Property: LeavesFailing, Placement: down.Name, Endpoint: l.endpoint, Fault: sim.Refuse}); f.Key == "" && f.Broken.Lose.Count > 0 && !t.trial {
			t.blameOn(f, &d, t.leavingFixes(&d, down))
		}
		l.retell(f)
	}
	return f
}

// broken begins a finding of a broken promise.
func broken(v *promise.Verdict, r *sim.Result) *Finding {
	return &Finding{Property: v.Promise.Name, At: v.First.Time, Where: v.Where, Broken: *v.Promise, Allowed: v.Allowed(), Promised: v.Promise.String(), Result: *r}
}

// judgeSurvival tells what a loss does to the answers.
func (t *Target) judgeSurvival(v *promise.Verdict, r *sim.Result, down *core.PlacementInfo) *Finding {
	f := broken(v, r)
	f.At, f.Where = settled.Add(v.Promise.Within), down.Name
	switch {
	case v.Promise.Kind == Latency && t.Facts.Peak[v.Where].Latency > v.Promise.Latency:
		t.blameLatency(f, v)
	case v.Promise.Kind == Latency:
		f.Key, f.Sentence = "placements."+down.Name+".fallback", "answers are slow because "+down.Name+" failed"
	case refusedSince(r, f.At):
		t.blame(f, r, f.At, down)
	default:
		f.Sentence = "requests fail because " + down.Name + " failed"
	}
	if !strings.HasSuffix(f.Sentence, v.Found) {
		f.Sentence += "; " + v.Found
	}
	f.Story = t.tellNMinus(f, down)
	if v.Promise.Kind == Latency { // room is no matter of it
		f.Story = slices.DeleteFunc(f.Story, func(l Line) bool { return l.When == "" })
	}
	return f
}

// judgeHome tells of those at home who were refused a slot that a guest held.
func (t *Target) judgeHome(v *promise.Verdict, r *sim.Result, down *core.PlacementInfo) *Finding {
	f := broken(v, r)
	f.At, f.Key = crowdedAt(r, v.Where), "placements."+v.Where+".limit.guests"
	f.event = "the first request at home is refused, a guest has its slot"
	f.Sentence = fmt.Sprintf("%s's own requests are refused because %s failed: %s of them, for guests", v.Where, down.Name, partOf(v.Bad, v.All))
	if q, ok := find(&t.Spec, v.Where); ok {
		f.Value = guestsNow(&q)
	}
	f.Story = t.tellNMinus(f, down)
	return f
}

// judgeCalm tells what is wrong at the peak with nothing down.
func (t *Target) judgeCalm(v *promise.Verdict, r *sim.Result) *Finding {
	f := broken(v, r)
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From < settled && w.Refused > 0 {
			t.blamePeak(f, w)
			break
		}
	}
	switch {
	case f.Sentence != "":
	case t.Facts.Peak[v.Where].Latency > v.Promise.Latency && v.Promise.Kind == Latency:
		t.blameLatency(f, v)
	default:
		f.Sentence = "with nothing down, " + v.Found
	}
	f.Story = t.tellPeak(f)
	return f
}

// blameLatency says that a placement is as slow as the facts say.
func (t *Target) blameLatency(f *Finding, v *promise.Verdict) {
	took := time.Duration(t.Facts.Peak[v.Where].Latency)
	f.Where, f.Key, f.Value = v.Where, "facts.peak."+v.Where+".latency", took.String()
	f.Sentence = fmt.Sprintf("a request that %s serves takes %v as the facts say; %s", v.Where, took, v.Found)
}

// refusedSince reports whether a request was refused from a time on.
func refusedSince(r *sim.Result, from core.Time) bool {
	return slices.ContainsFunc(r.Windows, func(w sim.Window) bool { return w.From >= from && w.Refused > 0 })
}

// crowdedAt is the first window in which a guest held the slot of one at home.
func crowdedAt(r *sim.Result, placement string) core.Time {
	n := slices.Index(r.Placements, placement)
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= settled && w.Placements[n].HomeRefusedByGuests > 0 {
			return w.From
		}
	}
	return settled
}
