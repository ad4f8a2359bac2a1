package explain

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// Query names what to explain. Of its members one is set.
type Query struct {
	ID    *[2]uint64 // every request that carried this id (traces.ParseRequestID)
	Steps []uint64   // the steps of these numbers; steps count from 1
}

// Hooks say what only adapters know. Each may be nil.
type Hooks struct {
	// Source says where a key came from and by which route, as ", from header
	// X-Tenant, route api,"; "" for nothing to say.
	Source func(c *core.Config, ev *core.Event) string
	// Sources lists the sources of a key that the request's route has; "" for not known.
	Sources func(c *core.Config, ev *core.Event) string
	// Place says where the key, or what is said of unknown keys, stands in the
	// file of the configuration, with what separates it from the text before; "" for nothing to say.
	Place func(c *core.Config, ev *core.Event, key string, route core.Route) string
	// Setting says where a setting of a placement stands in the file, as
	// base.yaml:38; "" for nowhere, or not known.
	Setting func(c *core.Config, placement, path string) string
}

// maxStories bounds the stories of one Teller: an id that every request carries names nothing.
const maxStories = 1000

// Teller collects stories while a recording of one router replays: Before and
// After are for traces.Options, Begin is told of the header of every file. The facts may have
// gaps; those that are left out on purpose are announced by Skip.
type Teller struct {
	query  Query
	hooks  Hooks
	header traces.Header

	stories []*Story
	over    int                    // stories beyond maxStories
	current *Story                 // being decided by the present step
	flying  map[core.Handle]*Story // not finished yet
	flights flights                // every request in flight
	past    history
	first   uint64    // the first step that was read
	last    uint64    // the last step that was read
	lastAt  core.Time // its time
	skipped bool      // the next jump is on purpose
	router  *core.Router
	until   core.Time // how far the recording is known, by notes too; 0: as far as it was read
}

// Missing are steps that are not in what was read.
type Missing struct {
	First, Steps uint64
	From, To     core.Time // times of the steps before and after it
}

// New returns a Teller that has seen nothing.
func New(q Query, h Hooks) *Teller {
	return &Teller{query: q, hooks: h, flying: map[core.Handle]*Story{}, flights: flights{}, past: newHistory()}
}

// Begin is told of the header of each file before its facts.
func (t *Teller) Begin(h traces.Header) { t.header = h }

// Skip says that steps are left out on purpose before the next fact.
func (t *Teller) Skip() { t.skipped = true }

// Pending reports whether a request that was found has not ended yet.
func (t *Teller) Pending() bool { return len(t.flying) > 0 }

// Stories returns what was found, oldest first. It may be called once, at the end.
func (t *Teller) Stories() []*Story {
	for _, s := range t.stories {
		t.complete(s)
	}
	return t.stories
}

// Done reports whether all steps that were asked for are told to their ends, and
// the episodes they belong to are over.
func (t *Teller) Done() bool {
	if t.query.ID != nil || len(t.stories) < len(t.query.Steps) || len(t.flying) > 0 {
		return false
	}
	for _, s := range t.stories {
		if s.episode != nil && t.lastAt.Sub(s.episode.last) <= Quiet {
			return false
		}
	}
	return true
}

// Over is how many more requests matched than are told.
func (t *Teller) Over() int { return t.over }

// complete says what is known only at the end of what was read.
func (t *Teller) complete(s *Story) {
	if s.arrive && !s.ended && s.Why == "" {
		if !s.Sent {
			s.waits = append(s.waits, "It still waited where what was read ends.")
		}
		s.Missing = append(s.Missing, "its end: it was still in flight where what was read ends, at step "+say.Count(t.last))
	}
	s.state = nil
	s.Why = s.whyText()
	if s.episode == nil || !s.arrive {
		return
	}
	text := "this request; " + s.episode.place(s.nth, s.guests, max(t.lastAt, t.until), t.clock)
	s.Before = append(s.Before, Moment{Time: t.clock(s.T), Step: s.Step, At: s.T, Kind: KindThis, Text: text})
	s.episode = nil
}

func (t *Teller) wanted(f *traces.Fact) bool {
	if t.query.ID == nil {
		return slices.Contains(t.query.Steps, f.Step)
	}
	return f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) && f.Request.ID == *t.query.ID
}

// told reports whether the step has its story already: dumps can overlap.
func (t *Teller) told(f *traces.Fact) bool {
	return slices.ContainsFunc(t.stories, func(s *Story) bool { return s.Step == f.Step && s.origin == t.header.Origin })
}

// Before is traces.Options.Before.
func (t *Teller) Before(f *traces.Fact, r *core.Router) {
	if t.last != 0 && f.Step != t.last+1 {
		t.jump(f, r)
	}
	if t.first == 0 {
		t.first = f.Step
	}
	t.past.about(f, r)
	t.current = nil
	switch {
	case !t.wanted(f) || t.told(f):
	case len(t.stories) >= maxStories:
		t.over++
	default:
		t.current = t.begin(f, r)
		t.stories = append(t.stories, t.current)
	}
}

// jump tells that steps are missing before f.
func (t *Teller) jump(f *traces.Fact, r *core.Router) {
	skipped := t.skipped
	t.skipped = false
	if f.Step <= t.last { // an overlapping dump, or another recording
		return
	}
	gap := Missing{First: t.last + 1, Steps: f.Step - t.last - 1, From: t.lastAt, To: f.Time}
	if !skipped {
		t.past.gap(gap, t.router, r)
	}
	for h, s := range t.flying {
		if _, alive := r.Attempt(h); alive {
			continue
		}
		if _, waits := r.Journey(h); waits {
			continue
		}
		what := "are missing"
		if skipped {
			what = "were not replayed"
		}
		s.Missing = append(s.Missing, fmt.Sprintf("its end: it lies in the %s from step %s on, %s to %s, that %s", say.Plural(gap.Steps, "step"), say.Count(gap.First), t.clock(gap.From), t.clock(gap.To), what))
		s.ended = true
		delete(t.flying, h)
	}
	clear(t.past.failing)
	for h := range t.flights {
		if _, alive := r.Attempt(h); !alive {
			if _, waits := r.Journey(h); !waits {
				delete(t.flights, h)
			}
		}
	}
}

// After is traces.Options.After.
func (t *Teller) After(f *traces.Fact, r *core.Router, decided []core.Decision) {
	t.last, t.lastAt, t.router = f.Step, f.Time, r
	h := f.Event.Handle
	own := &core.Decision{}
	if len(decided) > 0 {
		own = &decided[len(decided)-1]
	}
	if f.Event.Kind == core.Arrive && h == (core.Handle{}) && own.Handle != h {
		t.flights[own.Handle] = t.flight(f, r)
		if t.current != nil {
			t.flying[own.Handle] = t.current
		}
	}
	t.past.observe(f, r, decided)
	if s := t.current; s != nil {
		t.decided(s, f, r, decided)
	}
	t.others(f, r, decided)
	if f.Event.Kind == core.Reply || f.Event.Kind == core.Finish {
		t.ended(f, r, own, decided)
	}
}

// flight is the request that a step admitted, or let wait.
func (t *Teller) flight(f *traces.Fact, r *core.Router) flight {
	fl := flight{step: f.Step, id: f.Request.ID}
	if c, at := r.Config(), int(f.Event.Route.Placement); c != nil && at >= 0 && at < c.Placements() {
		fl.name = r.Placement(r.PlacementNumber(at)).Name
	}
	return fl
}

// ended books the end of an attempt.
func (t *Teller) ended(f *traces.Fact, r *core.Router, own *core.Decision, decided []core.Decision) {
	h := f.Event.Handle
	s := t.flying[h]
	switch {
	case own.Kind == core.Retry && own.Handle != h:
		if s != nil {
			t.again(s, f, r, own, decided)
			t.flying[own.Handle] = s
		}
		t.flights[own.Handle] = t.flights[h]
	case f.Event.Kind == core.Reply:
		if s != nil {
			t.replied(s, f, r, decided)
		}
		return
	case s != nil:
		t.finished(s, f, r, decided)
	}
	delete(t.flying, h)
	delete(t.flights, h)
}
