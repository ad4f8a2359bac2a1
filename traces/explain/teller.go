package explain

import (
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Query names what to explain. Of its members one is set.
type Query struct {
	ID   *[2]uint64 // every request that carried this id (traces.ParseRequestID)
	Step uint64     // the step of this number; steps count from 1
}

// Hooks say what only adapters know. Each may be nil.
type Hooks struct {
	// Source says where a key came from and by which route, as ", from header
	// X-Tenant, route api,"; "" for nothing to say.
	Source func(c *core.Config, ev *core.Event) string
	// Place says where the key, or what is said of unknown keys, stands in the
	// file of the configuration, with what separates it from the text before; "" for nothing to say.
	Place func(c *core.Config, ev *core.Event, key string, route core.Route) string
}

// Teller collects stories while a recording replays: Before and After are for
// traces.Options, Begin is told of every file.
type Teller struct {
	query  Query
	hooks  Hooks
	origin int64 // wall time of the trace's origin, 0 unknown

	stories  []*Story
	current  *Story                  // being decided by the present step
	flying   map[core.Handle]*Story  // not finished yet
	arrivals map[core.Handle]arrival // of every request in flight
	past     history
}

// arrival is where a request in flight began.
type arrival struct {
	step uint64
	id   [2]uint64
}

// New returns a Teller that has seen nothing.
func New(q Query, h Hooks) *Teller {
	return &Teller{query: q, hooks: h, flying: map[core.Handle]*Story{}, arrivals: map[core.Handle]arrival{}, past: newHistory()}
}

// Begin is told of the header of each file before its facts.
func (t *Teller) Begin(h traces.Header) { t.origin = h.Origin }

// Stories returns what was found, oldest first.
func (t *Teller) Stories() []*Story { return t.stories }

func (t *Teller) wanted(f *traces.Fact) bool {
	if t.query.ID == nil {
		return f.Step == t.query.Step
	}
	return f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) && f.Request.ID == *t.query.ID
}

// told reports whether the step has its story already: dumps can overlap.
func (t *Teller) told(f *traces.Fact) bool {
	return slices.ContainsFunc(t.stories, func(s *Story) bool { return s.Step == f.Step && s.origin == t.origin })
}

// Before is traces.Options.Before.
func (t *Teller) Before(f *traces.Fact, r *core.Router) {
	t.past.attemptEnds(f, r)
	t.current = nil
	if t.wanted(f) && !t.told(f) {
		t.current = t.begin(f, r)
		t.stories = append(t.stories, t.current)
	}
}

// After is traces.Options.After.
func (t *Teller) After(f *traces.Fact, r *core.Router, decided []core.Decision) {
	t.past.observe(f, r, decided, t.clock)
	if s := t.current; s != nil {
		t.decided(s, f, r, decided)
	}
	t.others(f, r, decided)
	h := f.Event.Handle
	own := &core.Decision{}
	if len(decided) > 0 {
		own = &decided[len(decided)-1]
	}
	switch f.Event.Kind {
	case core.Arrive:
		if h == (core.Handle{}) && own.Handle != h {
			t.arrivals[own.Handle] = arrival{f.Step, f.Request.ID}
			if t.current != nil {
				t.flying[own.Handle] = t.current
			}
		}
	case core.Reply, core.Finish:
		s := t.flying[h]
		switch {
		case own.Kind == core.Retry && own.Handle != h:
			if s != nil {
				t.again(s, f, own, decided)
				t.flying[own.Handle] = s
			}
			t.arrivals[own.Handle] = t.arrivals[h]
		case f.Event.Kind == core.Reply:
			if s != nil {
				s.Outcome = append(s.Outcome, t.replyText(s, f, decided))
			}
			return
		case s != nil:
			t.finished(s, f, decided)
		}
		delete(t.flying, h)
		delete(t.arrivals, h)
	}
}
