package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// Default properties that drills judge, beside N-1.
const (
	// StatedPeak: at the peak that the facts state, with nothing down, nobody is refused.
	StatedPeak = "stated-peak"
	// LeavesFailing: an endpoint that fails soon gets no more than test requests.
	LeavesFailing = "leaves-failing-endpoint"
	// ReturnsMended: what is mended soon serves again.
	ReturnsMended = "returns-when-mended"
	// ProbesAlone: health probes that fail alone make nobody refused.
	ProbesAlone = "probes-alone"
	// UnknownApart: unknown keys do not crowd out those of a dedicated cell.
	UnknownApart = "unknown-keys-apart"
	// RetriesBounded: retries do not multiply the load of a placement that fails.
	RetriesBounded = "retries-bounded"
)

// Drill is one what-if run: one thing goes wrong under a steady load, nothing
// else. Drills are tried for every placement, not searched for. N-1 is one too.
type Drill struct {
	Property  string        // default property that it is judged by
	Placement string        // what it happens to; "" for everything
	Endpoint  string        // "" for all of the placement
	Fault     sim.FaultKind // FaultNone: no fault
	For       core.Duration // how long; 0: to the end
}

// Drills lists the drills for t but those of N-1, in the order of its
// placements. Properties that t accepts are left out.
func Drills(t *Target) (list []Drill) {
	if len(t.Facts.Peak) > 0 {
		list = append(list, Drill{Property: StatedPeak})
	}
	loads := t.loads()
	for _, p := range compiled(&t.Spec) {
		if l := loads[p.Name]; l.PerSecond > 0 {
			list = append(list, t.leavingDrills(&p)...)
			list = append(list, retryDrills(&p)...)
		}
		if t.isHome(p.Name) {
			list = append(list, t.mendingDrills(&p)...)
		}
	}
	list = append(list, Drill{Property: ProbesAlone, Fault: sim.HealthDown})
	if t.unknownTo() != nil {
		list = append(list, Drill{Property: UnknownApart, Placement: t.Spec.Default})
	}
	return slices.DeleteFunc(list, func(d Drill) bool { return slices.Contains(t.Accept, t.nameOf(d.Property)) })
}

// Light reports whether the drill runs under a light load in place of the stated
// or assumed one: only time matters in it.
func (d *Drill) Light() bool { return d.Property == ReturnsMended || d.Property == ProbesAlone }

// Properties lists what is judged of t beside the rules of the router, by name.
// One drawn case alone shows less than what-if runs do.
func Properties(t *Target, oneCase bool) (names []string) {
	single, _ := t.probes()
	names = append(names, single)
	if !oneCase {
		names = append(names, t.whatIf()...)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return slices.Contains(t.Accept, n) })
}

// whatIf lists what the what-if runs judge, by name.
func (t *Target) whatIf() (names []string) {
	names = t.LossNames()
	for _, d := range Drills(t) {
		names = append(names, t.DrillName(d))
	}
	return names
}

// LossNames lists what the runs of Losses judge, by name.
func (t *Target) LossNames() (names []string) {
	if len(t.Facts.Peak) == 0 {
		return nil
	}
	if len(t.losses()) == 0 {
		names = []string{NMinusOne}
	}
	for _, p := range append(t.losses(), t.calm()...) {
		names = append(names, p.Name)
	}
	return names
}

// DrillName is the name of what d judges: a promise, or its property.
func (t *Target) DrillName(d Drill) string { return t.nameOf(d.Property) }

// nameOf is the name under which a property is broken: that of the promise that
// takes its place, or its own.
func (t *Target) nameOf(property string) string {
	switch property {
	case StatedPeak:
		property, _ = t.answered()
	case LeavesFailing:
		property, _ = t.promised(FailOver, property, 0)
	case ReturnsMended:
		property, _ = t.promised(Recover, property, 0)
	}
	return property
}

// promised is the time that a promise gives, and its name; else the given ones.
func (t *Target) promised(kind promise.Kind, name string, within core.Duration) (string, core.Duration) {
	for _, p := range t.Must {
		if p.Kind == kind {
			return p.Name, p.Within
		}
	}
	return name, within
}

// String says in words what goes wrong: cell-07 a hangs for 30s.
func (d Drill) String() string {
	what := d.Placement
	if d.Endpoint != "" {
		what += " " + d.Endpoint
	}
	switch d.Property {
	case StatedPeak:
		return "nothing is down"
	case ProbesAlone:
		return "every health probe fails, requests do not"
	case UnknownApart:
		return "requests with unknown keys come, as many as " + what + " has room for"
	}
	what += " " + failing(d.Fault)
	if d.Fault == sim.Hang {
		what += ", though its health page answers"
	}
	if d.For > 0 {
		what += fmt.Sprintf(" for %s", span(d.For))
	}
	return what
}

// failing says what an endpoint does under a fault.
func failing(k sim.FaultKind) string {
	switch k {
	case sim.Hang:
		return "hangs"
	case sim.Flaky:
		return "answers 500"
	}
	return "refuses connections"
}
