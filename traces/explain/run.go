package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces/say"
)

// Quiet ends an episode: a run of refusals of one class at one placement, or of
// guests there, without a longer pause.
const Quiet = 10 * core.Second

// runKey names what a run counts, as indexes of recordings count it.
type runKey struct {
	kind      core.DecisionKind // Forward to another placement, or Reject
	class     core.Class        // of a Reject
	failover  core.Failover     // why the first candidate was left
	placement string            // that took it, or refused
}

func keyOf(placement string, d *core.Decision) runKey {
	return runKey{d.Kind, d.Class, d.Failover, placement}
}

// run is an episode.
type run struct {
	key         runKey
	first, last core.Time
	step        uint64 // of the first
	n           uint64
}

// runs are the episodes under way, or the last ones.
type runs map[runKey]*run

// count books n of them, the first at a time and step, and reports whether an episode begins.
func (rs runs) count(key runKey, at core.Time, step, n uint64) (r *run, begins bool) {
	r = rs[key]
	if r == nil || at.Sub(r.last) > Quiet {
		r, begins = &run{key: key, first: at, step: step}, true
		rs[key] = r
	}
	r.last = max(r.last, at)
	r.n += n
	return r, begins
}

// what names one of a run: of a refusal, whether of the placement's own.
func (r *run) what(guests bool) string {
	switch {
	case r.key.kind == core.Forward:
		return "guest"
	case r.key.failover == core.FailoverNone && guests:
		return "home refusal"
	case r.key.failover == core.FailoverCircuitOpen && r.key.class != core.CircuitOpen, r.key.failover == core.FailoverUnhealthy && r.key.class != core.NoEndpoint:
		return "guest refusal"
	}
	return "refusal"
}

// place says which of its episode a request was; until is where what was read ends.
func (r *run) place(nth uint64, guests bool, until core.Time, clock func(core.Time) string) string {
	what := r.what(guests)
	text := fmt.Sprintf("%s %s of the %s in this episode", what, say.Count(nth), say.Count(r.n))
	if nth == 1 && r.n == 1 {
		text = "the only " + what + " of this episode"
	}
	switch {
	case until.Sub(r.last) <= Quiet:
		return text + " so far: what was read ends in it"
	case r.last > r.first:
		return text + fmt.Sprintf(", %s to %s", clock(r.first), clock(r.last))
	}
	return text
}
