package explain

import (
	"fmt"

	"lockstep/core"
)

// An episode is a run of refusals of one class at one placement, or of guests of
// one home at one placement, without a pause of more than quiet.
const quiet = 10 * core.Second

// runKey names what a run counts.
type runKey struct {
	placement int32 // number of the placement that refuses, or that takes the guests
	home      int32 // of guests: number of the placement that they belong to, else -1
	class     core.Class
}

// run is an episode.
type run struct {
	first, last   core.Time
	step          uint64 // of the first
	home, guests  uint64 // how many of each
	class         core.Class
	name          string // of the placement
	open          bool   // its end is not known: the recording ends in it
	incomplete    bool   // some of its steps are missing
	startsBefore  bool   // it may have begun before what was read
	firstInFlight int
}

// runs are the episodes under way.
type runs map[runKey]*run

// count books one in its episode and reports whether it is the first.
func (rs runs) count(key runKey, at core.Time, step uint64, guest bool) (r *run, first bool) {
	r = rs[key]
	if r == nil || at.Sub(r.last) > quiet {
		r, first = &run{first: at, step: step, class: key.class}, true
		rs[key] = r
	}
	r.last = at
	if guest {
		r.guests++
	} else {
		r.home++
	}
	return r, first
}

// place says which of its episode a request was.
func (r *run) place(n uint64, guest bool, until core.Time, clock func(core.Time) string) string {
	what, total := "refusal", r.home
	switch {
	case guest && r.class == core.ClassNone:
		what, total = "guest", r.guests
	case guest:
		what, total = "guest refusal", r.guests
	case r.guests > 0:
		what = "home refusal"
	}
	text := fmt.Sprintf("%s %s of the %s in this episode", what, thousands(n), thousands(total))
	if n == 1 && total == 1 {
		text = "the only " + what + " of this episode"
	}
	switch {
	case until.Sub(r.last) <= quiet:
		return text + " so far: what was read ends in it"
	case r.last > r.first:
		return text + fmt.Sprintf(", %s to %s", clock(r.first), clock(r.last))
	}
	return text
}
