package traces

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
)

// Divergence is the first difference between what was recorded and what was
// recomputed.
type Divergence struct {
	Step  uint64
	Time  core.Time
	Block int    // of its file, from 1
	Line  string // the event, as NDJSON; "" for a digest
	Index int    // of the decision within the step, -1 when it is not about one
	Field string // the field that differs, or what does
	// Recorded and Replayed are the two decisions as NDJSON; "" where there is none.
	Recorded, Replayed string
	// RecordedDigest and ReplayedDigest differ when Field is a digest.
	RecordedDigest, ReplayedDigest uint64
	// Endpoints and Placements are the state after the step of those that the decisions name.
	Endpoints  []core.EndpointView
	Placements []core.PlacementView
}

// String tells a person where, what and in which state.
func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "divergence at step %d, t=%d ns, block %d: %s differs\n", d.Step, d.Time, d.Block, d.Field)
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", what, text)
		}
	}
	line("event", d.Line)
	if d.RecordedDigest != d.ReplayedDigest {
		fmt.Fprintf(&b, "  recorded   %016x\n  recomputed %016x\n", d.RecordedDigest, d.ReplayedDigest)
	} else if d.Index >= 0 {
		line("recorded", or(d.Recorded, "nothing"))
		line("recomputed", or(d.Replayed, "nothing"))
	}
	for _, p := range d.Placements {
		fmt.Fprintf(&b, "  placement  %s: %d in flight, %d of them guests\n", p.Name, p.InFlight, p.Guests)
	}
	for _, e := range d.Endpoints {
		health := "healthy"
		if e.Unhealthy {
			health = "unhealthy"
		}
		fmt.Fprintf(&b, "  endpoint   %s: breaker %s, %d failures, %s, %d in flight\n", e.URL, e.Breaker, e.Failures, health, e.InFlight)
	}
	return b.String()
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// diverge notes the divergence at f; i is the decision's index or -1.
func (v *Verifier) diverge(f *Fact, what string, i int) *Divergence {
	d := &Divergence{Step: f.Step, Time: f.Time, Block: v.block.Number, Index: i, Field: what}
	v.report.Divergence = d
	s := newSchema()
	if f.Event.Kind != core.EventNone {
		d.Line = string(s.appendEventLine(nil, f))
	}
	if i < 0 {
		return d
	}
	show := func(ds []core.Decision) string {
		if i >= len(ds) {
			return ""
		}
		v.around(d, &ds[i])
		return string(s.appendDecisionLine(nil, &ds[i], f.Time))
	}
	d.Recorded, d.Replayed = show(f.Decisions), show(v.out)
	return d
}

// around adds the state of what a decision names.
func (v *Verifier) around(d *Divergence, of *core.Decision) {
	if e := v.router.Endpoint(of.Endpoint); e.Name != "" && !slices.Contains(d.Endpoints, e) {
		d.Endpoints = append(d.Endpoints, e)
	}
	if p := v.router.Placement(of.Placement); p.Name != "" && !slices.Contains(d.Placements, p) {
		d.Placements = append(d.Placements, p)
	}
}

// differs names the first field that differs, in the order of the schema.
func differs(a, b *core.Decision) string {
	if a.Kind != b.Kind {
		return "decision"
	}
	for _, f := range decisionFields()[a.Kind] {
		if f.get(a) != f.get(b) {
			return f.name
		}
	}
	return "a field outside the schema"
}
