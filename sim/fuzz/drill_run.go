package fuzz

import (
	"lockstep/core"
	"lockstep/sim"
)

// TryDrill runs one drill and judges it.
func TryDrill(t *Target, d Drill) Outcome {
	c := t.drillCase(&d)
	r := t.run(&c)
	out := outcomeOf(&r)
	if r.Err != nil {
		return out
	}
	if out.Finding = t.judgeDrill(&d, &r); out.Finding != nil {
		t.finish(out.Finding, &d, &c, &r)
	} else if out.Finding = t.judge(&c, &r); out.Finding != nil {
		t.tell(out.Finding)
		out.Finding.WhatIf = d.String()
	}
	return out
}

// finish fills in what every finding of a drill has.
func (t *Target) finish(f *Finding, d *Drill, c *Case, r *sim.Result) {
	f.Property, f.Drill, f.WhatIf, f.Case, f.Result = t.nameOf(d.Property), d, d.String(), *c, *r
	load := t.Traffic()
	if d.Light() {
		load = "a light load, since only time matters, one router"
	}
	f.Assumed = load + "; " + d.String() + ", " + nothingElse
	if d.Property == StatedPeak {
		f.Story = t.tellPeak(f)
		return
	}
	if down, ok := find(&t.Spec, d.Placement); !ok || d.Property != LeavesFailing || d.Endpoint != "" || !t.blameShared(f, &down) {
		t.blameOn(f, d, t.fixesOf(f))
	}
	f.Story = t.tellDrill(f)
}

// blameOn names the key responsible: that of the first fix with which a drill
// holds; else that of the first of all, if they hold together; else the placement.
func (t *Target) blameOn(f *Finding, d *Drill, fixes []fix) {
	f.Key = "placements." + f.Where
	mends := func(x *fix) bool { return t.changed(x.apply).drilled(d) == nil }
	for i := range fixes {
		if mends(&fixes[i]) {
			fixes[0], fixes[i] = fixes[i], fixes[0]
			f.fixes, f.Key, f.Value = fixes, fixes[0].key, fixes[0].value
			return
		}
	}
	if len(fixes) < 2 {
		return
	}
	all := fixes[0]
	for i := range fixes[1:] {
		x := &fixes[1+i]
		all.text, all.price, all.apply = all.text+", "+x.text, joined(all.price, x.price), chain(all.apply, x.apply)
	}
	if mends(&all) {
		f.fixes, f.Key, f.Value = []fix{all}, all.key, all.value
	}
}

// drilled runs a drill and returns how it is broken, without a story.
func (t *Target) drilled(d *Drill) *Finding {
	c := t.drillCase(d)
	r := t.run(&c)
	if r.Err != nil {
		return &Finding{} // nobody knows
	}
	return t.judgeDrill(d, &r)
}

func (t *Target) judgeDrill(d *Drill, r *sim.Result) *Finding {
	switch d.Property {
	case StatedPeak:
		return t.judgePeak(r)
	case LeavesFailing:
		return t.judgeLeaving(d, r)
	case ReturnsMended:
		return t.judgeMending(d, r)
	case ProbesAlone:
		return t.judgeProbesAlone(r)
	case UnknownApart:
		return t.judgeUnknown(d, r)
	case RetriesBounded:
		return t.judgeRetries(d, r)
	}
	return nil
}

// drillCase is the plan of a drill: 10 s in which nothing is wrong, the fault,
// the time that it may be felt, and a stretch in which it may not.
func (t *Target) drillCase(d *Drill) Case {
	p := sim.Plan{Name: t.Name + ": " + d.String(), Spec: t.warm(), Length: core.Duration(t.judgedFrom(d)) + judged}
	p.Window = windowOf(p.Length)
	loads := t.loads()
	if d.Light() {
		loads = t.light()
	}
	var among map[string]bool
	if d.Placement != "" {
		among = t.candidates(d.Placement)
	}
	t.send(&p, loads, among)
	if d.Property == UnknownApart {
		p.Clients = append(p.Clients, t.flood(d.Placement))
	}
	if d.Fault != sim.FaultNone {
		f := sim.Fault{Kind: d.Fault, At: settled, Placement: d.Placement, Endpoint: d.Endpoint}
		if d.For > 0 {
			f.Until = settled.Add(d.For)
		}
		p.Faults = []sim.Fault{f}
		if d.Fault == sim.Hang {
			// The page that health asks for is served by something else than what hangs.
			f.Kind = sim.HealthUp
			p.Faults = append(p.Faults, f)
		}
	}
	return Case{Plan: p}
}

// nothingElse is what all drills leave out.
const nothingElse = "no other fault, no push, clients do not retry"

// judged is how long a drill is watched.
const judged = 20 * core.Second

// judgedFrom is when what went wrong may no longer be felt, on a window's edge.
func (t *Target) judgedFrom(d *Drill) core.Time {
	from := settled
	switch d.Property {
	case LeavesFailing:
		from = from.Add(t.leavingTime(d))
	case RetriesBounded:
		from = from.Add(leavingTime)
	case ReturnsMended:
		_, within := t.promised(Recover, "", mendingTime)
		from = from.Add(d.For + within)
	case ProbesAlone:
		from = from.Add(longestNoticed(&t.Spec))
	}
	w := core.Time(windowOf(core.Duration(from) + judged))
	return (from + w - 1) / w * w
}

// windowOf is the width of the windows that a run of some length is counted in.
func windowOf(length core.Duration) core.Duration {
	switch {
	case length <= 100*core.Second:
		return 100 * core.Millisecond
	case length <= 1000*core.Second:
		return core.Second
	}
	return 10 * core.Second
}
